//! The control plane's state and its common tools.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::{Mutex, MutexGuard, Notify};
use vanus_storage::meta::{MetaBatch, MetaError, MetaHealth, MetaStore};
use vanus_types::{
    Clock, EventbusId, EventlogId, IdGenerator, Name, SubscriptionId,
    control::{EventlogProgress, SubscriptionRecord},
};

use super::{
    catalog::{Bus, Catalog},
    error::ControlError,
    tables,
    vault::Vault,
};
use crate::{
    eventlog::Logs,
    timer::{Schedules, Timers},
    trigger::{Route, Triggers},
};

/// What a control plane is made of.
#[derive(Debug)]
pub(crate) struct ControlParts {
    pub(crate) logs: Logs,
    pub(crate) meta: Arc<dyn MetaStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timers: Timers,
    pub(crate) triggers: Triggers,
    pub(crate) vault: Vault,
}

/// Creates, changes and deletes namespaces, eventbuses and subscriptions.
#[derive(Debug)]
pub(crate) struct Control {
    pub(super) logs: Logs,
    pub(super) meta: Arc<dyn MetaStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timers: Timers,
    pub(super) schedules: Schedules,
    pub(super) triggers: Triggers,
    pub(super) vault: Vault,
    pub(super) catalog: RwLock<Catalog>,
    pub(super) ids: IdGenerator,
    /// Told when the retention of an eventbus was changed, so that it is looked at now.
    pub(super) retention_changed: Notify,
    /// Subscriptions that are about to be disabled because their sinks are gone.
    #[cfg(feature = "http")]
    pub(super) going: parking_lot::Mutex<std::collections::HashSet<SubscriptionId>>,
    /// Held while something is changed: checks and writes of two changes never mix. False once
    /// the engine closes.
    changing: Mutex<bool>,
}

impl Control {
    pub(super) fn with_catalog(parts: ControlParts, catalog: Catalog) -> Self {
        let ControlParts {
            logs,
            meta,
            clock,
            timers,
            triggers,
            vault,
        } = parts;
        let ids = IdGenerator::new(Arc::clone(&clock), 0, catalog.highest_id());
        let catalog = RwLock::new(catalog);
        Self {
            logs,
            meta,
            clock,
            schedules: timers.schedules(),
            timers,
            triggers,
            vault,
            catalog,
            ids,
            retention_changed: Notify::new(),
            #[cfg(feature = "http")]
            going: parking_lot::Mutex::default(),
            changing: Mutex::new(true),
        }
    }

    /// Reads the catalog.
    pub(crate) fn look<T>(&self, read: impl FnOnce(&Catalog) -> T) -> T {
        read(&self.catalog.read())
    }

    /// The subscriptions at work.
    pub(crate) const fn triggers(&self) -> &Triggers {
        &self.triggers
    }

    /// Waits until the retention of an eventbus is changed. Cancel-safe.
    pub(crate) async fn retention_changed(&self) {
        self.retention_changed.notified().await;
    }

    /// How far each subscription of an eventbus is, and in which eventlogs.
    pub(crate) async fn readers(
        &self,
        bus: &Bus,
    ) -> Result<Vec<(SubscriptionId, Vec<EventlogProgress>)>, ControlError> {
        let ids: Vec<SubscriptionId> = self.look(|catalog| {
            let all = catalog.subscriptions();
            all.filter(|record| record.eventbus_id == bus.record.id)
                .map(|record| record.id)
                .collect()
        });
        let route = self.route(bus)?;
        let mut readers = Vec::with_capacity(ids.len());
        for id in ids {
            readers.push((id, self.triggers.progress(id, &route).await?));
        }
        Ok(readers)
    }

    /// The eventbus of this name.
    pub(crate) fn bus(&self, namespace: &Name, name: &Name) -> Result<Arc<Bus>, ControlError> {
        let catalog = self.catalog.read();
        if catalog.namespace(namespace).is_none() {
            return Err(ControlError::NamespaceNotFound(namespace.clone()));
        }
        catalog
            .bus(namespace.as_str(), name.as_str())
            .ok_or_else(|| ControlError::EventbusNotFound {
                namespace: namespace.clone(),
                name: name.clone(),
            })
    }

    /// The eventbus with this id.
    pub(crate) fn bus_by_id(&self, id: EventbusId) -> Result<Arc<Bus>, ControlError> {
        self.look(|catalog| catalog.bus_by_id(id))
            .ok_or(ControlError::EventbusIdNotFound(id))
    }

    /// The eventbus with this id, if users may publish to it.
    pub(crate) fn writable_bus(&self, id: EventbusId) -> Result<Arc<Bus>, ControlError> {
        let bus = self.bus_by_id(id)?;
        if bus.record.name.is_system() {
            let (what, name, action) = ("eventbus", bus.record.name.clone(), "published to");
            return Err(ControlError::SystemOwned { what, name, action });
        }
        Ok(bus)
    }

    /// The eventbus that has this eventlog.
    pub(crate) fn bus_of_log(&self, eventlog: EventlogId) -> Result<Arc<Bus>, ControlError> {
        let bus = self.look(|catalog| catalog.bus_of_log(eventlog));
        bus.ok_or(ControlError::EventlogNotFound(eventlog))
    }

    /// Stops schedules, timers and all subscriptions, and refuses changes from now on.
    pub(crate) async fn close(&self) {
        *self.changing.lock().await = false;
        self.schedules.stop().await;
        self.timers.stop().await;
        self.triggers.stop_all().await;
    }

    /// Waits for the turn to change something.
    pub(super) async fn change(&self) -> Result<MutexGuard<'_, bool>, ControlError> {
        let turn = self.changing.lock().await;
        if *turn {
            Ok(turn)
        } else {
            Err(ControlError::Closing)
        }
    }

    /// Adds a subscription to `batch`, with its secrets sealed if there is a key.
    pub(super) fn put_subscription(
        &self,
        batch: MetaBatch,
        record: &SubscriptionRecord,
    ) -> MetaBatch {
        tables::put(batch, &self.vault.seal(record))
    }

    /// Stores a batch; it is durable when this answers.
    pub(super) async fn commit(&self, batch: MetaBatch) -> Result<(), ControlError> {
        Ok(self.meta.commit(batch).await?)
    }

    /// Stores a batch that deletes these subscriptions of `bus`, which are stopped before, so that nothing of theirs
    /// is stored after it. When it is not stored they go on.
    pub(super) async fn commit_stopped(
        &self,
        batch: MetaBatch,
        bus: &Bus,
        subscriptions: &[Arc<SubscriptionRecord>],
    ) -> Result<(), ControlError> {
        // What is known to be refused stops nobody: on a full disk there may be no progress to read to start again.
        match self.meta.health() {
            MetaHealth::Ready => {}
            MetaHealth::Full => return Err(MetaError::Full.into()),
            MetaHealth::Poisoned(cause) => return Err(MetaError::Poisoned { cause }.into()),
        }
        let route = self.route(bus)?;
        for subscription in subscriptions {
            self.triggers.stop(subscription.id).await;
        }
        let committed = self.commit(batch).await;
        if committed.is_err() {
            for record in subscriptions {
                if let Err(error) = self.triggers.start(record, route.clone()).await {
                    tracing::error!(subscription = %record.id, %error,
                        "a subscription that could not be deleted does not start again; disable and enable it");
                }
            }
        }
        committed
    }

    /// Which eventlogs a subscription of `bus` reads, and where its dead letters go.
    pub(super) fn route(&self, bus: &Bus) -> Result<Route, ControlError> {
        let dead_letters = bus.record.dead_letter.unwrap_or(bus.record.id);
        let letters = self.bus_by_id(dead_letters)?;
        let log = letters.record.eventlogs.first();
        let dead_letters = *log.ok_or(ControlError::EventbusIdNotFound(dead_letters))?;
        Ok(Route {
            eventbus: bus.record.id,
            eventlogs: bus.record.eventlogs.clone(),
            dead_letters,
        })
    }

    pub(super) fn next_id(&self) -> u64 {
        self.ids.next_id()
    }
}
