//! Opening the control plane: read what is stored, finish what a crash interrupted.

use std::{collections::HashSet, sync::Arc};

use vanus_storage::meta::{MAX_META_BATCH_BYTES, MetaBatch, MetaError, MetaStore, Table};
use vanus_types::{
    EventlogId, Name, NamespaceId,
    control::{DEFAULT_NAMESPACE, NamespaceRecord, SYSTEM_NAMESPACE},
};

use super::{
    catalog::Catalog,
    control::{Control, ControlParts},
    error::ControlError,
    tables::{self, Garbage, Stored},
};
use crate::trigger;

/// Subscriptions whose secrets are sealed in one batch.
const SEALED_AT_ONCE: usize = 1000;

/// Name and id of the namespace of the system.
pub(super) fn system_namespace() -> (Name, NamespaceId) {
    (builtin(SYSTEM_NAMESPACE), NamespaceId::from_u64(2))
}

fn builtin(name: &'static str) -> Name {
    #[expect(clippy::expect_used, reason = "a constant that a test checks")]
    Name::new(name).expect("the built-in names are valid")
}

impl Control {
    /// Reads what is stored, makes sure the built-in namespaces exist, clears what deletions left
    /// behind, and starts the subscriptions. Answers the eventlogs in the store that no eventbus
    /// names and that hold events: they are kept, for somebody to look at.
    pub(crate) async fn open(
        parts: ControlParts,
    ) -> Result<(Arc<Self>, Vec<EventlogId>), ControlError> {
        let meta = Arc::clone(&parts.meta);
        let reading = tokio::task::spawn_blocking(move || read_catalog(&meta));
        let (catalog, garbage) = reading.await.map_err(|_| ControlError::Closing)??;
        let control = Arc::new(Self::with_catalog(parts, catalog));
        control.open_secrets().await?;
        #[cfg(feature = "http")]
        control.bind_sinks();
        control.add_builtin_namespaces().await?;
        control.collect(garbage).await?;
        let orphans = control.clear_orphans().await?;
        control.start_subscriptions().await?;
        control.start_timers().await;
        control.start_schedules().await?;
        Ok((control, orphans))
    }

    async fn add_builtin_namespaces(&self) -> Result<(), ControlError> {
        let default = (builtin(DEFAULT_NAMESPACE), NamespaceId::from_u64(1));
        let now_ms = self.clock.now_ms();
        for (name, id) in [default, system_namespace()] {
            if self.look(|catalog| catalog.namespace_by_id(id)).is_some() {
                continue;
            }
            let record = NamespaceRecord {
                id,
                name,
                description: String::new(),
                created_at_ms: now_ms,
                updated_at_ms: now_ms,
            };
            self.commit(tables::put(MetaBatch::new(), &record)).await?;
            self.catalog.write().put_namespace(record);
        }
        Ok(())
    }

    /// Removes what deleted records owned. Safe to repeat.
    pub(super) async fn collect(&self, garbage: Vec<Garbage>) -> Result<(), ControlError> {
        let (store, meta) = (self.logs.store().clone(), Arc::clone(&self.meta));
        let collecting = tokio::task::spawn_blocking(move || -> Result<(), ControlError> {
            for item in garbage {
                match item {
                    Garbage::Eventlog(eventlog) => store.delete_log_blocking(eventlog)?,
                    Garbage::Subscription(id) => trigger::forget(&meta, id)?,
                }
                meta.commit_blocking(item.delete(MetaBatch::new()))?;
            }
            Ok(())
        });
        collecting.await.map_err(|_| ControlError::Closing)?
    }

    /// Deletes eventlogs without events that no eventbus names: a crash came between making them
    /// and storing the eventbus. Those with events are only told about, as metadata that was lost
    /// must never cost events.
    async fn clear_orphans(&self) -> Result<Vec<EventlogId>, ControlError> {
        let known: HashSet<EventlogId> = self.look(|catalog| {
            catalog
                .buses()
                .flat_map(|bus| bus.record.eventlogs.iter().copied())
                .collect()
        });
        let store = self.logs.store().clone();
        let clearing = tokio::task::spawn_blocking(move || -> Result<_, ControlError> {
            let mut kept = Vec::new();
            let present: HashSet<EventlogId> = store.logs().into_iter().collect();
            for eventlog in present.difference(&known) {
                if store.info(*eventlog)?.end_offset == 0 {
                    store.delete_log_blocking(*eventlog)?;
                } else {
                    kept.push(*eventlog);
                }
            }
            for eventlog in known.difference(&present) {
                tracing::error!(%eventlog, "an eventlog has no data in the store; it starts empty");
                store.create_log_blocking(*eventlog)?;
            }
            Ok(kept)
        });
        clearing.await.map_err(|_| ControlError::Closing)?
    }

    /// Opens the secrets of all subscriptions, and seals those that were stored before there was a
    /// key.
    async fn open_secrets(&self) -> Result<(), ControlError> {
        let records: Vec<_> = self.look(|catalog| catalog.subscriptions().cloned().collect());
        let (mut batch, mut unsealed) = (MetaBatch::new(), 0_u64);
        for stored in records {
            let mut record = stored.as_ref().clone();
            if self.vault.open(&mut record) {
                batch = self.put_subscription(batch, &record);
                unsealed += 1;
                // A record has at most a mebibyte; a batch takes a few.
                if batch.len() >= SEALED_AT_ONCE || batch.bytes() >= MAX_META_BATCH_BYTES / 2 {
                    self.commit(std::mem::take(&mut batch)).await?;
                }
            }
            if record != *stored {
                self.catalog.write().put_subscription(record);
            }
        }
        if unsealed > 0 {
            self.commit(batch).await?;
            tracing::info!(
                subscriptions = unsealed,
                "secrets that were stored in the clear are sealed"
            );
        }
        Ok(())
    }

    async fn start_subscriptions(&self) -> Result<(), ControlError> {
        let meta = Arc::clone(&self.meta);
        let parting = tokio::task::spawn_blocking(move || trigger::part_from_feeds(&meta));
        parting.await.map_err(|_| ControlError::Closing)??;
        let records: Vec<_> = self.look(|catalog| catalog.subscriptions().cloned().collect());
        for record in records {
            let bus = self.bus_by_id(record.eventbus_id)?;
            self.triggers.start(&record, self.route(&bus)?).await?;
        }
        self.triggers.open_gate();
        Ok(())
    }
}

fn read_catalog(meta: &Arc<dyn MetaStore>) -> Result<(Catalog, Vec<Garbage>), MetaError> {
    let mut catalog = Catalog::default();
    read_all(meta, |record| catalog.put_namespace(record))?;
    read_all(meta, |record| catalog.put_bus(record))?;
    read_all(meta, |record| catalog.put_subscription(record))?;
    read_all(meta, |record| catalog.put_schedule(Arc::new(record)))?;
    let mut garbage = Vec::new();
    meta.for_each(Table::Garbage, b"", &mut |key, _| {
        garbage.extend(Garbage::parse(&key));
        Ok(())
    })?;
    Ok((catalog, garbage))
}

fn read_all<R: Stored>(
    meta: &Arc<dyn MetaStore>,
    mut take: impl FnMut(R),
) -> Result<(), MetaError> {
    meta.for_each(R::TABLE, b"", &mut |_, value| {
        take(tables::read(&value)?);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_names_are_valid() {
        assert_eq!(builtin(DEFAULT_NAMESPACE).as_str(), "default");
        assert_eq!(system_namespace().0.as_str(), "vanus-system");
    }
}
