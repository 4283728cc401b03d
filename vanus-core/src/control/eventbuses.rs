//! Eventbuses: created with their eventlogs and dead letter eventbus, changed, deleted.
//!
//! Eventlogs are made before the record that names them, and deleted after it, with a note in
//! between: a crash leaves an empty eventlog or a note, and both are cleared when the engine opens.

use std::sync::Arc;

use vanus_storage::meta::MetaBatch;
use vanus_types::{
    EventbusId, EventlogId, Name,
    control::{
        EventbusInfo, EventbusRecord, EventbusSpec, EventbusUpdate, EventlogInfo, RetainFor,
    },
    limits::MAX_EVENTBUSES,
};

use super::{
    catalog::Bus,
    control::Control,
    error::ControlError,
    recovery::system_namespace,
    schedules::delete_schedule,
    tables::{self, Garbage},
    timers::is_hidden,
};

/// How long dead letters are kept, in milliseconds, unless their eventbus is updated: 7 days.
pub(super) const DEAD_LETTER_RETENTION_MS: u64 = 7 * 24 * 60 * 60 * 1000;

impl Control {
    /// Creates an eventbus, its eventlogs and its dead letter eventbus.
    pub(crate) async fn create_eventbus(
        &self,
        namespace: &Name,
        spec: EventbusSpec,
    ) -> Result<EventbusInfo, ControlError> {
        spec.check()?;
        let _turn = self.change().await?;
        let namespace = self.namespace(namespace)?;
        if spec.name.is_system() || namespace.name == system_namespace().0 {
            let (what, action) = ("eventbus", "created");
            return Err(ControlError::SystemOwned {
                what,
                name: spec.name,
                action,
            });
        }
        self.check_new(&namespace.name, &spec)?;
        let now_ms = self.clock.now_ms();
        let id = spec
            .id
            .unwrap_or_else(|| EventbusId::from_u64(self.next_id()));
        let new_logs = |count: u16| -> Vec<EventlogId> {
            (0..count)
                .map(|_| EventlogId::from_u64(self.next_id()))
                .collect()
        };
        let (system_name, system_id) = system_namespace();
        let letters = EventbusRecord {
            id: EventbusId::from_u64(self.next_id()),
            name: Name::new(&format!("__dl_{id}"))?,
            namespace_id: system_id,
            namespace: system_name,
            description: format!("Dead letters of eventbus \"{}\"", spec.name),
            eventlogs: new_logs(1),
            retention_ms: DEAD_LETTER_RETENTION_MS,
            retention_bytes: None,
            retain_for: RetainFor::None,
            dead_letter: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        let record = EventbusRecord {
            id,
            name: spec.name,
            namespace_id: namespace.id,
            namespace: namespace.name.clone(),
            description: spec.description,
            eventlogs: new_logs(spec.eventlogs),
            retention_ms: spec.retention_ms,
            retention_bytes: spec.retention_bytes,
            retain_for: spec.retain_for,
            dead_letter: Some(letters.id),
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        self.store_new(letters, record).await
    }

    /// Whether a new eventbus may have this name and id, and whether there is room for it.
    fn check_new(&self, namespace: &Name, spec: &EventbusSpec) -> Result<(), ControlError> {
        self.look(|catalog| {
            if catalog
                .bus(namespace.as_str(), spec.name.as_str())
                .is_some()
            {
                let (namespace, name) = (namespace.clone(), spec.name.clone());
                return Err(ControlError::EventbusExists { namespace, name });
            }
            if catalog.user_buses() >= MAX_EVENTBUSES {
                return Err(ControlError::TooMany {
                    what: "eventbuses",
                    limit: MAX_EVENTBUSES,
                });
            }
            match spec.id {
                Some(id) if catalog.bus_by_id(id).is_some() => Err(ControlError::IdTaken {
                    kind: "eventbus",
                    id: id.get(),
                }),
                _ => Ok(()),
            }
        })
    }

    pub(super) async fn store_new(
        &self,
        letters: EventbusRecord,
        record: EventbusRecord,
    ) -> Result<EventbusInfo, ControlError> {
        let eventlogs = [letters.eventlogs.clone(), record.eventlogs.clone()].concat();
        self.make_eventlogs(eventlogs.clone()).await?;
        let batch = tables::put(tables::put(MetaBatch::new(), &letters), &record);
        if let Err(error) = self.commit(batch).await {
            // Whether the batch is stored may be unknown: the eventlogs stay, and are cleared when
            // the engine opens and finds nothing that names them.
            tracing::warn!(%error, "an eventbus was not created");
            return Err(error);
        }
        let mut catalog = self.catalog.write();
        catalog.put_bus(letters);
        catalog.put_bus(record.clone());
        drop(catalog);
        let logs = self.eventlog_infos(&record, false)?;
        Ok(EventbusInfo { record, logs })
    }

    async fn make_eventlogs(&self, eventlogs: Vec<EventlogId>) -> Result<(), ControlError> {
        // Asked for together, they are made with few syncs.
        let made = eventlogs
            .into_iter()
            .map(|eventlog| self.logs.store().create_log(eventlog));
        futures_util::future::try_join_all(made).await?;
        Ok(())
    }

    /// Tells about an eventbus; with its segments if asked to.
    pub(crate) fn eventbus_info(
        &self,
        bus: &Bus,
        segments: bool,
    ) -> Result<EventbusInfo, ControlError> {
        let logs = self.eventlog_infos(&bus.record, segments)?;
        Ok(EventbusInfo {
            record: bus.record.clone(),
            logs,
        })
    }

    fn eventlog_infos(
        &self,
        record: &EventbusRecord,
        segments: bool,
    ) -> Result<Vec<EventlogInfo>, ControlError> {
        let info = |id: &EventlogId| {
            let told = self.logs.store().info(*id)?;
            let segments = if segments {
                self.logs.store().segments(*id)?
            } else {
                Vec::new()
            };
            Ok(EventlogInfo {
                id: *id,
                start_offset: told.start_offset,
                end_offset: told.end_offset,
                bytes: told.bytes,
                first_time_ms: told.first_time_ms,
                last_time_ms: told.last_time_ms,
                segments,
            })
        };
        record.eventlogs.iter().map(info).collect()
    }

    /// Changes description or retention of an eventbus.
    pub(crate) async fn update_eventbus(
        &self,
        id: EventbusId,
        update: EventbusUpdate,
    ) -> Result<EventbusInfo, ControlError> {
        update.check()?;
        let touches_retention = update.touches_retention();
        let _turn = self.change().await?;
        let bus = self.bus_by_id(id)?;
        if is_hidden(&bus.record) {
            let (what, name, action) = ("eventbus", bus.record.name.clone(), "changed");
            return Err(ControlError::SystemOwned { what, name, action });
        }
        let mut record = bus.record.clone();
        if let Some(description) = update.description {
            record.description = description;
        }
        if let Some(retention_ms) = update.retention_ms {
            record.retention_ms = retention_ms;
        }
        if let Some(bytes) = update.retention_bytes {
            record.retention_bytes = (bytes > 0).then_some(bytes);
        }
        if let Some(retain_for) = update.retain_for {
            record.retain_for = retain_for;
        }
        record.updated_at_ms = self.clock.now_ms();
        self.commit(tables::put(MetaBatch::new(), &record)).await?;
        self.catalog.write().put_bus(record.clone());
        if touches_retention {
            self.retention_changed.notify_one();
        }
        let logs = self.eventlog_infos(&record, false)?;
        Ok(EventbusInfo { record, logs })
    }

    /// Deletes an eventbus with its events, its subscriptions, its schedules and its dead letters.
    pub(crate) async fn delete_eventbus(&self, id: EventbusId) -> Result<(), ControlError> {
        let _turn = self.change().await?;
        let bus = self.bus_by_id(id)?;
        if bus.record.name.is_system() {
            let (what, name, action) = ("eventbus", bus.record.name.clone(), "deleted");
            return Err(ControlError::SystemOwned { what, name, action });
        }
        let letters = self.look(|c| bus.record.dead_letter.and_then(|id| c.bus_by_id(id)));
        let subscriptions = self.look(|catalog| {
            let of_bus = catalog
                .subscriptions()
                .filter(|record| record.eventbus_id == id);
            of_bus.cloned().collect::<Vec<_>>()
        });

        let mut batch = MetaBatch::new();
        let mut garbage = Vec::new();
        for doomed in [Some(&bus), letters.as_ref()].into_iter().flatten() {
            batch = tables::delete(batch, &doomed.record);
            garbage.extend(
                doomed
                    .record
                    .eventlogs
                    .iter()
                    .copied()
                    .map(Garbage::Eventlog),
            );
        }
        for subscription in &subscriptions {
            batch = tables::delete(batch, subscription.as_ref());
            garbage.push(Garbage::Subscription(subscription.id));
        }
        let schedules = self.schedules_of(id);
        for schedule in &schedules {
            batch = delete_schedule(batch, schedule);
        }
        batch = garbage.iter().fold(batch, |batch, item| item.put(batch));
        self.commit_stopped(batch, &bus, &subscriptions).await?;

        {
            let mut catalog = self.catalog.write();
            for doomed in [Some(&bus), letters.as_ref()].into_iter().flatten() {
                catalog.remove_bus(doomed.record.id);
            }
            for subscription in &subscriptions {
                catalog.remove_subscription(subscription.id);
                self.triggers.remove(subscription.id);
            }
            for schedule in &schedules {
                catalog.remove_schedule(schedule.id);
                self.schedules.remove(schedule.id);
            }
        }
        self.collect(garbage).await
    }

    /// The eventbuses, those of one namespace or all, by id. Those of the system are left out
    /// unless their namespace is asked for.
    pub(crate) fn eventbuses(
        &self,
        namespace: Option<&Name>,
    ) -> Result<Vec<Arc<Bus>>, ControlError> {
        let namespace = namespace.map(|name| self.namespace(name)).transpose()?;
        let (system, _) = system_namespace();
        Ok(self.look(|catalog| {
            let wanted = |bus: &&Arc<Bus>| match &namespace {
                Some(namespace) => bus.record.namespace_id == namespace.id,
                None => bus.record.namespace != system,
            };
            let shown = catalog.buses().filter(|bus| !is_hidden(&bus.record));
            shown.filter(wanted).cloned().collect()
        }))
    }
}
