//! All subscriptions at work.

#[cfg(feature = "http")]
use std::sync::Weak;
use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use vanus_expr::{Filter, FilterError, Transformer, TransformerError};
use vanus_storage::meta::{MetaError, MetaStore};
use vanus_types::{
    Clock, Entropy, EventlogId, SubscriptionId,
    control::{EventlogProgress, SubscriptionPhase, SubscriptionRecord, SubscriptionSpec},
};

#[cfg(feature = "http")]
use super::sinks::SinkHost;
use super::{
    desk::{Desk, DeskSink},
    limiter::RateLimiter,
    progress::{self, Progress},
    runner::Runner,
    shared::Shared,
    sink::{Agreement, Sink, SinkError, SinkFactory},
    totals::Totals,
};
use crate::eventlog::Logs;

/// Starts, stops and describes subscriptions. Changes of one subscription must not overlap: the
/// control plane makes them one at a time.
#[derive(Debug)]
pub(crate) struct Triggers {
    logs: Logs,
    meta: Arc<dyn MetaStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    sinks: Arc<dyn SinkFactory>,
    entries: Mutex<HashMap<SubscriptionId, Entry>>,
}

/// What is known of one subscription while the engine is open.
#[derive(Debug, Default)]
struct Entry {
    runner: Option<Runner>,
    stopping: bool,
    totals: Arc<Totals>,
    /// The function of the embedding program, once it is attached.
    attached: Option<Arc<dyn Sink>>,
    /// Where deliveries wait that are fetched.
    desk: Arc<Desk>,
    /// Why it has no sink, if it should have one.
    problem: Option<SinkError>,
}

/// The eventlogs a subscription reads, and where its dead letters go.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) eventlogs: Vec<EventlogId>,
    pub(crate) dead_letters: EventlogId,
}

impl Triggers {
    pub(crate) fn new(
        logs: Logs,
        meta: Arc<dyn MetaStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        sinks: Arc<dyn SinkFactory>,
    ) -> Self {
        Self {
            logs,
            meta,
            clock,
            entropy,
            sinks,
            entries: Mutex::default(),
        }
    }

    /// Says who the engine around the sinks is.
    #[cfg(feature = "http")]
    pub(crate) fn bind(&self, host: Weak<dyn SinkHost>) {
        self.sinks.bind(host);
    }

    /// Whether this node can deliver to the sink of `spec`, as far as that is known beforehand.
    pub(crate) fn check_sink(&self, spec: &SubscriptionSpec) -> Result<(), SinkError> {
        if [SubscriptionSpec::EMBEDDED, SubscriptionSpec::PULL].contains(&spec.sink.as_str()) {
            return Ok(());
        }
        self.sinks.open(spec, &Agreement::none()).map(drop)
    }

    /// Where the deliveries of a subscription wait that are fetched.
    pub(crate) fn desk(&self, id: SubscriptionId) -> Arc<Desk> {
        Arc::clone(&self.entries.lock().entry(id).or_default().desk)
    }

    /// Where randomness comes from.
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// Gives an embedded subscription its function; it starts with the next [`Triggers::start`].
    pub(crate) fn attach(&self, id: SubscriptionId, sink: Arc<dyn Sink>) {
        self.entries.lock().entry(id).or_default().attached = Some(sink);
    }

    /// Starts a subscription where its stored progress says. One that is disabled, runs already,
    /// or has no function attached is left alone.
    pub(crate) async fn start(
        &self,
        record: &SubscriptionRecord,
        route: Route,
    ) -> Result<(), StartError> {
        let (sink, totals) = {
            let mut entries = self.entries.lock();
            let entry = entries.entry(record.id).or_default();
            if record.spec.disabled || entry.runner.is_some() {
                return Ok(());
            }
            let sink = self.sink_of(record, entry);
            (sink, Arc::clone(&entry.totals))
        };
        let Some(sink) = sink else { return Ok(()) };
        let filter = Filter::compile(&record.spec.filters)?;
        let transformer = record.spec.transformer.as_ref();
        let transformer = transformer.map(Transformer::compile).transpose()?;
        let (mut eventlogs, letters) = self.load(record.id, &route).await?;
        for (eventlog, progress) in &mut eventlogs {
            self.stay_within(record.id, *eventlog, progress);
        }
        let shared = Arc::new(Shared {
            id: record.id,
            config: record.spec.config.clone(),
            filter,
            transformer,
            sink,
            logs: self.logs.clone(),
            meta: Arc::clone(&self.meta),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            dead_letters: route.dead_letters,
            totals,
            window: Arc::new(Semaphore::new(record.spec.config.in_flight as usize)),
            limiter: Mutex::new(RateLimiter::new(record.spec.config.rate_limit)),
        });
        let runner = Runner::start(&shared, eventlogs, letters);
        self.entries.lock().entry(record.id).or_default().runner = Some(runner);
        Ok(())
    }

    /// Moves a cursor that lies beyond the end back to it. Power loss takes events that were
    /// acknowledged from the page cache, and delivered; their offsets are given to other events.
    fn stay_within(&self, id: SubscriptionId, eventlog: EventlogId, progress: &mut Progress) {
        let Ok(info) = self.logs.store().info(eventlog) else {
            return;
        };
        if progress
            .cursor
            .is_some_and(|cursor| cursor > info.end_offset)
        {
            tracing::warn!(subscription = %id, %eventlog, end = info.end_offset,
                "events were lost that had been delivered; going on at the end");
            progress.cursor = Some(info.end_offset);
        }
        progress
            .retries
            .retain(|(offset, _)| *offset < info.end_offset);
    }

    fn sink_of(&self, record: &SubscriptionRecord, entry: &mut Entry) -> Option<Arc<dyn Sink>> {
        entry.problem = None;
        if record.spec.sink == SubscriptionSpec::EMBEDDED {
            return entry.attached.clone();
        }
        if record.spec.sink == SubscriptionSpec::PULL {
            return Some(Arc::new(DeskSink(Arc::clone(&entry.desk))));
        }
        match self.sinks.open(&record.spec, &Agreement::of(record)) {
            Ok(sink) => Some(sink),
            Err(error) => {
                tracing::error!(subscription = %record.id, %error, "a subscription has no sink; its events wait");
                entry.problem = Some(error);
                None
            }
        }
    }

    /// Why the subscription does not deliver, if something is in its way.
    pub(crate) fn problem(&self, id: SubscriptionId) -> Option<String> {
        let entries = self.entries.lock();
        let entry = entries.get(&id)?;
        let problem = entry.problem.as_ref().map(ToString::to_string);
        problem.or_else(|| entry.runner.as_ref()?.problem())
    }

    async fn load(
        &self,
        id: SubscriptionId,
        route: &Route,
    ) -> Result<(Vec<(EventlogId, Progress)>, Progress), MetaError> {
        let (meta, route) = (Arc::clone(&self.meta), route.clone());
        let loading = tokio::task::spawn_blocking(move || {
            let of_log = |log: &EventlogId| Ok((*log, progress::load(&meta, id, *log)?));
            let eventlogs = route
                .eventlogs
                .iter()
                .map(of_log)
                .collect::<Result<_, _>>()?;
            Ok((eventlogs, progress::load(&meta, id, route.dead_letters)?))
        });
        loading.await.unwrap_or(Err(MetaError::Closed))
    }

    /// Stops a subscription: waits for its deliveries in flight and until its progress is stored.
    pub(crate) async fn stop(&self, id: SubscriptionId) {
        let runner = {
            let mut entries = self.entries.lock();
            let Some(entry) = entries.get_mut(&id) else {
                return;
            };
            let runner = entry.runner.take();
            entry.stopping = runner.is_some();
            runner
        };
        if let Some(runner) = runner {
            runner.stop().await;
            if let Some(entry) = self.entries.lock().get_mut(&id) {
                entry.stopping = false;
            }
        }
    }

    /// Stops all subscriptions at the same time.
    pub(crate) async fn stop_all(&self) {
        let ids: Vec<_> = self.entries.lock().keys().copied().collect();
        futures_util::future::join_all(ids.into_iter().map(|id| self.stop(id))).await;
    }

    /// Forgets a stopped subscription.
    pub(crate) fn remove(&self, id: SubscriptionId) {
        self.entries.lock().remove(&id);
    }

    /// What the subscription is doing.
    pub(crate) fn phase(&self, record: &SubscriptionRecord) -> SubscriptionPhase {
        let entries = self.entries.lock();
        let entry = entries.get(&record.id);
        match entry {
            Some(entry) if entry.stopping => SubscriptionPhase::Stopping,
            Some(entry) if entry.runner.is_some() => SubscriptionPhase::Running,
            _ if record.spec.disabled => SubscriptionPhase::Stopped,
            _ => SubscriptionPhase::Detached,
        }
    }

    /// What became of the subscription's events.
    pub(crate) fn totals(&self, id: SubscriptionId) -> vanus_types::control::SubscriptionTotals {
        self.entries
            .lock()
            .get(&id)
            .map(|entry| entry.totals.snapshot())
            .unwrap_or_default()
    }

    /// How far the subscription is: told by its workers or, if it does not run, read from the
    /// metadata store. End offsets are left zero.
    pub(crate) async fn progress(
        &self,
        id: SubscriptionId,
        route: &Route,
    ) -> Result<Vec<EventlogProgress>, MetaError> {
        if let Some(runner) = self
            .entries
            .lock()
            .get(&id)
            .and_then(|entry| entry.runner.as_ref())
        {
            return Ok(runner.progress());
        }
        let (eventlogs, _) = self.load(id, route).await?;
        let told = |(eventlog, progress): (EventlogId, Progress)| {
            let position = progress.cursor.unwrap_or(0);
            let first_waiting = progress
                .retries
                .first()
                .map_or(u64::MAX, |(offset, _)| *offset);
            EventlogProgress {
                eventlog,
                committed: position.min(first_waiting),
                position,
                end_offset: 0,
                retrying: progress.retries.len() as u64,
            }
        };
        Ok(eventlogs.into_iter().map(told).collect())
    }
}

/// Why a subscription does not start.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StartError {
    /// Its filters cannot be compiled.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Its transformer cannot be compiled.
    #[error(transparent)]
    Transformer(#[from] TransformerError),
    /// Its progress cannot be read.
    #[error(transparent)]
    Meta(#[from] MetaError),
}
