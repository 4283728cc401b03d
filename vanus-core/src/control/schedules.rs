//! Schedules: created, listed, paused, resumed, deleted.

use std::{collections::HashMap, sync::Arc};

use vanus_storage::meta::{MetaBatch, MetaError, MetaStore, Table};
use vanus_types::{
    EventbusId, Name, ScheduleId, codec,
    control::{ScheduleInfo, ScheduleRecord, ScheduleSpec},
    limits::MAX_SCHEDULES,
};

use super::{control::Control, error::ControlError, tables};
use crate::{
    eventbus::{NotAdmitted, RESERVED_PREFIX},
    timer::{Plan, Progress, TimerHost},
};

/// Adds the removal of a schedule and its progress to `batch`.
pub(super) fn delete_schedule(batch: MetaBatch, record: &ScheduleRecord) -> MetaBatch {
    Progress::delete(tables::delete(batch, record), record.id)
}

impl Control {
    /// Creates a schedule; it works from now on.
    pub(crate) async fn create_schedule(
        &self,
        namespace: &Name,
        spec: ScheduleSpec,
    ) -> Result<ScheduleInfo, ControlError> {
        spec.check()?;
        let _turn = self.change().await?;
        let bus = self.bus(namespace, &spec.eventbus)?;
        self.writable_bus(bus.record.id)?;
        let namespace_id = bus.record.namespace_id;
        self.look(|catalog| {
            if catalog.schedule_named(namespace_id, &spec.name).is_some() {
                let (namespace, name) = (namespace.clone(), spec.name.clone());
                return Err(ControlError::ScheduleExists { namespace, name });
            }
            if catalog.schedules().len() >= MAX_SCHEDULES {
                return Err(ControlError::TooMany {
                    what: "schedules",
                    limit: MAX_SCHEDULES,
                });
            }
            match spec.id {
                Some(id) if catalog.schedule(id).is_some() => Err(ControlError::IdTaken {
                    kind: "schedule",
                    id: id.get(),
                }),
                _ => Ok(()),
            }
        })?;
        let now_ms = self.timers.now_ms();
        let record = ScheduleRecord {
            id: spec
                .id
                .unwrap_or_else(|| ScheduleId::from_u64(self.next_id())),
            name: spec.name,
            namespace_id,
            namespace: namespace.clone(),
            eventbus_id: bus.record.id,
            eventbus: spec.eventbus,
            cron: spec.cron,
            time_zone: spec.time_zone,
            start_ms: spec.start_ms.unwrap_or(now_ms),
            end_ms: spec.end_ms,
            count: spec.count,
            jitter_ms: spec.jitter_ms,
            missed: spec.missed,
            description: spec.description,
            event: spec.event,
            paused: false,
            resumed_at_ms: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        let plan = Plan::of(&record)?;
        check_event(&record)?;
        // An earlier one with an id of the caller's choice may have left its progress.
        let batch = Progress::NONE.put(tables::put(MetaBatch::new(), &record), record.id);
        self.commit(batch).await?;
        let record = Arc::new(record);
        self.catalog.write().put_schedule(Arc::clone(&record));
        self.schedules.put(Arc::clone(&record), plan, None);
        Ok(self.schedules.info(&record))
    }

    /// Pauses a schedule, or resumes it. What is so already stays so.
    pub(crate) async fn pause_schedule(
        &self,
        namespace: &Name,
        name: &Name,
        paused: bool,
    ) -> Result<ScheduleInfo, ControlError> {
        let _turn = self.change().await?;
        let old = self.schedule_record(namespace, name)?;
        if old.paused == paused {
            return Ok(self.schedules.info(&old));
        }
        let mut record = old.as_ref().clone();
        record.paused = paused;
        record.updated_at_ms = self.timers.now_ms();
        if !paused {
            record.resumed_at_ms = Some(record.updated_at_ms);
        }
        let plan = Plan::of(&record)?;
        self.commit(tables::put(MetaBatch::new(), &record)).await?;
        let record = Arc::new(record);
        self.catalog.write().put_schedule(Arc::clone(&record));
        self.schedules.put(Arc::clone(&record), plan, None);
        Ok(self.schedules.info(&record))
    }

    /// Deletes a schedule. What it made stays; an event that is being made may still come.
    pub(crate) async fn delete_schedule(
        &self,
        namespace: &Name,
        name: &Name,
    ) -> Result<(), ControlError> {
        let _turn = self.change().await?;
        let record = self.schedule_record(namespace, name)?;
        self.commit(delete_schedule(MetaBatch::new(), &record))
            .await?;
        self.catalog.write().remove_schedule(record.id);
        self.schedules.remove(record.id);
        Ok(())
    }

    /// Tells about a schedule.
    pub(crate) fn schedule(
        &self,
        namespace: &Name,
        name: &Name,
    ) -> Result<ScheduleInfo, ControlError> {
        let record = self.schedule_record(namespace, name)?;
        Ok(self.schedules.info(&record))
    }

    /// Tells about all schedules, or those of one namespace, by id.
    pub(crate) fn schedules(
        &self,
        namespace: Option<&Name>,
    ) -> Result<Vec<ScheduleInfo>, ControlError> {
        let namespace = namespace.map(|name| self.namespace(name)).transpose()?;
        let records: Vec<_> = self.look(|catalog| {
            let wanted = |record: &&Arc<ScheduleRecord>| {
                let of = |id| record.namespace_id == id;
                namespace.as_ref().is_none_or(|wanted| of(wanted.id))
            };
            catalog.schedules().filter(wanted).cloned().collect()
        });
        let told = records.iter().map(|record| self.schedules.info(record));
        Ok(told.collect())
    }

    /// Counts of schedules.
    pub(crate) fn schedule_metrics(&self) -> crate::timer::ScheduleMetrics {
        self.schedules.metrics()
    }

    /// The schedules whose events go to an eventbus.
    pub(super) fn schedules_of(&self, eventbus: EventbusId) -> Vec<Arc<ScheduleRecord>> {
        self.look(|catalog| {
            let all = catalog.schedules();
            all.filter(|record| record.eventbus_id == eventbus)
                .cloned()
                .collect()
        })
    }

    fn schedule_record(
        &self,
        namespace: &Name,
        name: &Name,
    ) -> Result<Arc<ScheduleRecord>, ControlError> {
        let namespace_id = self.namespace(namespace)?.id;
        let found = self.look(|catalog| catalog.schedule_named(namespace_id, name));
        found.ok_or_else(|| ControlError::ScheduleNotFound {
            namespace: namespace.clone(),
            name: name.clone(),
        })
    }

    /// Lets the stored schedules work. What one left that was deleted while its event was made is removed.
    pub(super) async fn start_schedules(self: &Arc<Self>) -> Result<(), ControlError> {
        let meta = Arc::clone(&self.meta);
        let reading = tokio::task::spawn_blocking(move || read_progress(&meta));
        let mut progress = reading.await.map_err(|_| ControlError::Closing)??;
        let records: Vec<_> = self.look(|catalog| catalog.schedules().cloned().collect());
        for record in records {
            let progress = progress.remove(&record.id);
            match Plan::of(&record) {
                Ok(plan) => self.schedules.put(record, plan, progress),
                // Its time zone may be gone from a newer version of the zones.
                Err(error) => {
                    tracing::error!(schedule = %record.id, %error, "a schedule makes no events");
                }
            }
        }
        if !progress.is_empty() {
            let batch = progress
                .into_keys()
                .fold(MetaBatch::new(), Progress::delete);
            self.commit(batch).await?;
        }
        let host: std::sync::Weak<dyn TimerHost> = Arc::downgrade(self) as _;
        self.schedules.start(host);
        Ok(())
    }
}

/// Whether events of a schedule would be accepted. They come when their schedule says: none waits.
fn check_event(record: &ScheduleRecord) -> Result<(), ControlError> {
    let names = record.event.attributes.keys();
    match names
        .into_iter()
        .find(|name| name.starts_with(RESERVED_PREFIX))
    {
        Some(name) => Err(ControlError::ScheduleEvent(NotAdmitted::Reserved(
            name.clone(),
        ))),
        None => Ok(()),
    }
}

fn read_progress(meta: &Arc<dyn MetaStore>) -> Result<HashMap<ScheduleId, Progress>, MetaError> {
    let mut all = HashMap::new();
    meta.for_each(Table::ScheduleProgress, b"", &mut |key, value| {
        let damaged = |detail: String| MetaError::Damaged {
            what: format!("a record of table {}", Table::ScheduleProgress),
            detail,
        };
        let id = key.first_chunk::<8>().copied().map(u64::from_be_bytes);
        let id = id.ok_or_else(|| damaged("its key is too short".to_owned()))?;
        let progress = codec::decode(&value).map_err(|error| damaged(error.to_string()))?;
        all.insert(ScheduleId::from_u64(id), progress);
        Ok(())
    })?;
    Ok(all)
}
