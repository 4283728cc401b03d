//! The engine.

use std::{future::Future, sync::Arc};

use parking_lot::Mutex;
use vanus_storage::{
    Health,
    meta::{MetaHealth, MetaStore},
};
use vanus_types::{
    Clock, EventId, EventbusId, Name, SubscriptionId,
    control::{
        ClusterInfo, EventbusInfo, EventbusRecord, EventbusSpec, EventbusUpdate, NamespaceRecord,
        NamespaceSpec, StoredEvent, SubscriptionInfo, SubscriptionReset, SubscriptionSpec,
    },
};

use super::{
    builder::VanusBuilder,
    eventbus::Eventbus,
    maintenance::Maintenance,
    metrics::{EngineHealth, EngineMetrics, SubscriptionMetrics},
    retention::HeldBack,
};
use crate::{
    control::{Control, ControlError, DeadLetters, Resent},
    error::Error,
    eventlog::Logs,
    service::Service,
    trigger::{Delivery, DeliveryError, FnSink},
};

/// An open engine. Cheap to clone; clones are handles to the same engine.
///
/// Call [`Vanus::close`] at the end: it waits for deliveries and stores progress, so that nothing
/// is delivered twice. Without it nothing is lost either.
#[derive(Debug, Clone)]
pub struct Vanus {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    logs: Logs,
    meta: Arc<dyn MetaStore>,
    control: Arc<Control>,
    maintenance: Mutex<Option<Maintenance>>,
    held: HeldBack,
    opened_ns: u64,
}

impl Vanus {
    /// Starts to open an engine.
    pub fn builder() -> VanusBuilder {
        VanusBuilder::new()
    }

    pub(super) fn new(
        clock: Arc<dyn Clock>,
        logs: Logs,
        meta: Arc<dyn MetaStore>,
        control: Arc<Control>,
        maintenance: Maintenance,
    ) -> Self {
        let opened_ns = clock.monotonic_ns();
        let held = maintenance.held();
        let maintenance = Mutex::new(Some(maintenance));
        Self {
            inner: Arc::new(Inner {
                clock,
                logs,
                meta,
                control,
                maintenance,
                held,
                opened_ns,
            }),
        }
    }

    pub(super) fn control(&self) -> &Control {
        &self.inner.control
    }

    pub(super) fn logs(&self) -> &Logs {
        &self.inner.logs
    }

    /// The clock the engine was opened with.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Answers the wire protocol for this engine.
    #[must_use]
    pub fn service(&self) -> Service {
        let Inner { control, logs, .. } = self.inner.as_ref();
        let vanus = self.clone();
        let info = Arc::new(move || vanus.cluster_info());
        Service::new(Arc::clone(control), logs.clone(), info)
    }

    /// Creates a namespace.
    ///
    /// # Errors
    /// When the name is taken or belongs to the system, or a limit is reached.
    pub async fn create_namespace(&self, spec: NamespaceSpec) -> Result<NamespaceRecord, Error> {
        Ok(self.control().create_namespace(spec).await?)
    }

    /// The namespace of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn namespace(&self, name: &str) -> Result<NamespaceRecord, Error> {
        Ok(self
            .control()
            .namespace(&Name::new(name)?)?
            .as_ref()
            .clone())
    }

    /// All namespaces, by id.
    #[must_use]
    pub fn namespaces(&self) -> Vec<NamespaceRecord> {
        self.control()
            .look(|catalog| catalog.namespaces().map(|n| n.as_ref().clone()).collect())
    }

    /// Deletes an empty namespace.
    ///
    /// # Errors
    /// When there is none of this name, it has eventbuses, or it belongs to the system.
    pub async fn delete_namespace(&self, name: &str) -> Result<(), Error> {
        Ok(self.control().delete_namespace(&Name::new(name)?).await?)
    }

    /// Creates an eventbus with its eventlogs and its dead letter eventbus.
    ///
    /// # Errors
    /// When the namespace is not there, the name is taken or belongs to the system, or a limit is
    /// reached.
    pub async fn create_eventbus(
        &self,
        namespace: &str,
        spec: EventbusSpec,
    ) -> Result<Eventbus, Error> {
        let info = self
            .control()
            .create_eventbus(&Name::new(namespace)?, spec)
            .await?;
        Ok(Eventbus::new(self.clone(), info.record.id))
    }

    /// The eventbus of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn eventbus(&self, namespace: &str, name: &str) -> Result<Eventbus, Error> {
        let bus = match self.control().look(|catalog| catalog.bus(namespace, name)) {
            Some(bus) => bus,
            // Tells what is wrong with the names, or missing.
            None => self
                .control()
                .bus(&Name::new(namespace)?, &Name::new(name)?)?,
        };
        Ok(Eventbus::new(self.clone(), bus.record.id))
    }

    /// The eventbus with this id.
    ///
    /// # Errors
    /// When there is none.
    pub fn eventbus_by_id(&self, id: EventbusId) -> Result<Eventbus, Error> {
        self.control().bus_by_id(id)?;
        Ok(Eventbus::new(self.clone(), id))
    }

    /// The eventbuses of one namespace, or of all, by id. Those of the system are told only when
    /// their namespace is asked for.
    ///
    /// # Errors
    /// When the namespace is not there.
    pub fn eventbuses(&self, namespace: Option<&str>) -> Result<Vec<EventbusRecord>, Error> {
        let namespace = namespace.map(Name::new).transpose()?;
        let buses = self.control().eventbuses(namespace.as_ref())?;
        Ok(buses.into_iter().map(|bus| bus.record.clone()).collect())
    }

    /// Tells about an eventbus and how far its eventlogs are; with segments if asked to.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn eventbus_info(&self, id: EventbusId, segments: bool) -> Result<EventbusInfo, Error> {
        let bus = self.control().bus_by_id(id)?;
        Ok(self.control().eventbus_info(&bus, segments)?)
    }

    /// Changes description or retention of an eventbus.
    ///
    /// # Errors
    /// When there is none with this id, or a value is out of range.
    pub async fn update_eventbus(
        &self,
        id: EventbusId,
        update: EventbusUpdate,
    ) -> Result<EventbusInfo, Error> {
        Ok(self.control().update_eventbus(id, update).await?)
    }

    /// Deletes an eventbus with its events, its subscriptions, its schedules and its dead letters.
    ///
    /// # Errors
    /// When there is none with this id, or it belongs to the system.
    pub async fn delete_eventbus(&self, id: EventbusId) -> Result<(), Error> {
        Ok(self.control().delete_eventbus(id).await?)
    }

    /// Creates a subscription that delivers to the address in its specification.
    ///
    /// # Errors
    /// When the eventbus is not there, or the specification is invalid.
    pub async fn create_subscription(
        &self,
        spec: SubscriptionSpec,
    ) -> Result<SubscriptionInfo, Error> {
        Ok(self.control().create_subscription(spec, None).await?)
    }

    /// Creates a subscription that delivers to a function of this program.
    ///
    /// Its progress is stored like that of any other subscription. After the engine is opened
    /// again it waits until [`Vanus::attach`] gives it a function.
    ///
    /// # Errors
    /// When the eventbus is not there, or the specification is invalid.
    pub async fn subscribe<F, R>(
        &self,
        spec: SubscriptionSpec,
        function: F,
    ) -> Result<SubscriptionInfo, Error>
    where
        F: Fn(Delivery) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), DeliveryError>> + Send + 'static,
    {
        let spec = SubscriptionSpec {
            sink: match &spec.routes {
                Some(_) => SubscriptionSpec::ROUTES.to_owned(),
                None => SubscriptionSpec::EMBEDDED.to_owned(),
            },
            ..spec
        };
        let sink = Arc::new(FnSink::new(function));
        Ok(self.control().create_subscription(spec, Some(sink)).await?)
    }

    /// Gives an embedded subscription its function, in place of the one it may have.
    ///
    /// # Errors
    /// When there is no such subscription, or it delivers to an address.
    pub async fn attach<F, R>(
        &self,
        id: SubscriptionId,
        function: F,
    ) -> Result<SubscriptionInfo, Error>
    where
        F: Fn(Delivery) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), DeliveryError>> + Send + 'static,
    {
        let record = self.control().subscription(id)?;
        if !record.spec.is_embedded() {
            return Err(ControlError::NotEmbedded(id).into());
        }
        Ok(self
            .control()
            .attach(id, Arc::new(FnSink::new(function)))
            .await?)
    }

    /// Tells about a subscription.
    ///
    /// # Errors
    /// When there is none with this id.
    pub async fn subscription(&self, id: SubscriptionId) -> Result<SubscriptionInfo, Error> {
        let record = self.control().subscription(id)?;
        Ok(self.control().subscription_info(&record).await?)
    }

    /// Tells about the subscriptions of one eventbus, or of all, by id.
    ///
    /// # Errors
    /// When the metadata store does not answer.
    pub async fn subscriptions(
        &self,
        eventbus: Option<EventbusId>,
    ) -> Result<Vec<SubscriptionInfo>, Error> {
        let records: Vec<_> = self.control().look(|catalog| {
            let wanted = |id: EventbusId| eventbus.is_none_or(|eventbus| eventbus == id);
            let all = catalog.subscriptions();
            all.filter(|record| wanted(record.eventbus_id))
                .cloned()
                .collect()
        });
        let mut infos = Vec::with_capacity(records.len());
        for record in records {
            infos.push(self.control().subscription_info(&record).await?);
        }
        Ok(infos)
    }

    /// Changes a subscription: `spec` takes the place of the one it has. Its eventbus stays.
    ///
    /// # Errors
    /// When there is none with this id, or the specification is invalid.
    pub async fn update_subscription(
        &self,
        id: SubscriptionId,
        spec: SubscriptionSpec,
    ) -> Result<SubscriptionInfo, Error> {
        Ok(self.control().update_subscription(id, spec).await?)
    }

    /// Pauses a subscription: waits for its deliveries in flight; nothing new starts.
    ///
    /// # Errors
    /// When there is none with this id.
    pub async fn disable_subscription(
        &self,
        id: SubscriptionId,
    ) -> Result<SubscriptionInfo, Error> {
        Ok(self.control().set_disabled(id, true).await?)
    }

    /// Lets a paused subscription go on where it was.
    ///
    /// # Errors
    /// When there is none with this id.
    pub async fn resume_subscription(&self, id: SubscriptionId) -> Result<SubscriptionInfo, Error> {
        Ok(self.control().set_disabled(id, false).await?)
    }

    /// Moves a paused subscription, to a point in all its eventlogs or as `reset` says.
    ///
    /// # Errors
    /// When there is none with this id, it is not paused, or it does not read the eventlog named.
    pub async fn reset_subscription(
        &self,
        id: SubscriptionId,
        reset: impl Into<SubscriptionReset>,
    ) -> Result<SubscriptionInfo, Error> {
        Ok(self.control().reset_subscription(id, reset.into()).await?)
    }

    /// Deletes a subscription. Its dead letters stay in the dead letter eventbus.
    ///
    /// # Errors
    /// When there is none with this id.
    pub async fn delete_subscription(&self, id: SubscriptionId) -> Result<(), Error> {
        Ok(self.control().delete_subscription(id).await?)
    }

    /// Reads at most `limit` dead letters of a subscription, from an offset of the dead letter
    /// eventlog on, or from the first that was not sent again.
    ///
    /// # Errors
    /// When there is no such subscription, or `limit` is out of range.
    pub async fn dead_letters(
        &self,
        id: SubscriptionId,
        from: Option<u64>,
        limit: usize,
    ) -> Result<DeadLetters, Error> {
        Ok(self.control().dead_letters(id, from, limit).await?)
    }

    /// Delivers the dead letters of a subscription between two offsets of the dead letter
    /// eventlog, both included, once more.
    ///
    /// # Errors
    /// When there is no such subscription, or the stores do not answer.
    pub async fn resend_dead_letters(
        &self,
        id: SubscriptionId,
        from: Option<u64>,
        to: Option<u64>,
    ) -> Result<Resent, Error> {
        Ok(self.control().resend_dead_letters(id, from, to).await?)
    }

    /// Reads one event, wherever it is.
    ///
    /// # Errors
    /// When there is no such event.
    pub async fn event(&self, id: EventId) -> Result<StoredEvent, Error> {
        self.control().bus_of_log(id.eventlog)?;
        Ok(self.logs().read_event(id).await?)
    }

    /// Tells about the engine. Addresses are left to those who listen on them.
    #[must_use]
    pub fn cluster_info(&self) -> ClusterInfo {
        let (namespaces, eventbuses, subscriptions) = self.control().look(|catalog| {
            (
                catalog.namespaces().len(),
                catalog.user_buses(),
                catalog.subscriptions().len(),
            )
        });
        let now_ns = self.clock().monotonic_ns();
        ClusterInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store_id: format!("{:032x}", u128::from_be_bytes(self.logs().store().id())),
            uptime_ms: now_ns.saturating_sub(self.inner.opened_ns) / 1_000_000,
            namespaces: namespaces as u64,
            eventbuses: eventbuses as u64,
            subscriptions: subscriptions as u64,
            http: None,
            quic: None,
            health: self.health().to_string(),
        }
    }

    /// Whether the engine takes and keeps events.
    #[must_use]
    pub fn health(&self) -> EngineHealth {
        match (self.logs().store().health(), self.inner.meta.health()) {
            (Health::Poisoned { why }, _) | (_, MetaHealth::Poisoned(why)) => {
                EngineHealth::Failed(why.to_string())
            }
            (Health::Full, _) | (_, MetaHealth::Full) => EngineHealth::Full,
            (Health::LowSpace { free, reserve }, _) => EngineHealth::LowSpace { free, reserve },
            (Health::Ok, MetaHealth::Ready) => {
                let trouble = self.control().timers().trouble();
                trouble.map_or(EngineHealth::Ok, EngineHealth::Timers)
            }
        }
    }

    /// Damage that was found in sealed segments in the background, each with file, position and what is wrong there. Such
    /// an engine is healthy: only what lies at these places is refused when it is read.
    #[must_use]
    pub fn damage(&self) -> Vec<String> {
        let found = self.logs().store().damage();
        found.iter().map(ToString::to_string).collect()
    }

    /// Counters and gauges.
    #[must_use]
    pub fn metrics(&self) -> EngineMetrics {
        let triggers = self.control().triggers();
        let (namespaces, eventbuses, subscriptions) = self.control().look(|catalog| {
            let told = catalog.subscriptions().map(|record| SubscriptionMetrics {
                id: record.id,
                name: record.spec.name.clone(),
                eventbus_id: record.eventbus_id,
                eventbus: record.spec.eventbus.clone(),
                phase: triggers.phase(record),
                totals: triggers.totals(record.id),
                held_bytes: self.inner.held.bytes(record.id),
            });
            let subscriptions: Vec<_> = told.collect();
            (
                catalog.namespaces().len(),
                catalog.user_buses(),
                subscriptions,
            )
        });
        EngineMetrics {
            store: self.logs().store().stats(),
            namespaces: namespaces as u64,
            eventbuses: eventbuses as u64,
            subscriptions,
            timers: self.control().timers().metrics(),
            schedules: self.control().schedule_metrics(),
        }
    }

    /// Closes the engine: waits for deliveries in flight, stores progress, syncs everything.
    /// Handles answer that the engine is closing from then on. The data directory can be opened
    /// again once every handle is dropped.
    ///
    /// # Errors
    /// When the event store cannot be synced; what was acknowledged is safe even then.
    pub async fn close(&self) -> Result<(), Error> {
        let maintenance = self.inner.maintenance.lock().take();
        if let Some(maintenance) = maintenance {
            maintenance.stop().await;
        }
        self.control().close().await;
        let store = self.logs().store().clone();
        let closing = tokio::task::spawn_blocking(move || store.close()).await;
        let closed = closing.map_err(|_| ControlError::Closing)?;
        Ok(closed.map_err(ControlError::Store)?)
    }
}
