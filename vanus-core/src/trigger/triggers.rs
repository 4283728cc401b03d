//! All subscriptions at work.

#[cfg(feature = "http")]
use std::sync::Weak;
use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicBool},
};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use vanus_expr::{Filter, FilterError, Transformer, TransformerError};
use vanus_storage::meta::{MetaBatch, MetaError, MetaStore};
use vanus_types::{
    Clock, Entropy, EventbusId, EventlogId, SubscriptionId,
    control::{
        EventlogProgress, SubscriptionPhase, SubscriptionRecord, SubscriptionSpec,
        SubscriptionTotals,
    },
};

#[cfg(feature = "http")]
use super::sinks::SinkHost;
use super::{
    attempt::Origin,
    desk::Desk,
    health::Health,
    index::BusIndex,
    keys::Keys,
    limiter::RateLimiter,
    progress::{self, Changes, Progress},
    route,
    runner::Runner,
    saver::Saver,
    seat::Seat,
    shared::Shared,
    sink::{Sink, SinkError, SinkFactory},
    totals::Totals,
};
use crate::eventlog::Logs;

/// Starts, stops and describes subscriptions. Changes of one subscription must not overlap: the
/// control plane makes them one at a time.
#[derive(Debug)]
pub(crate) struct Triggers {
    logs: Logs,
    pub(super) meta: Arc<dyn MetaStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(super) sinks: Arc<dyn SinkFactory>,
    saver: Arc<Saver>,
    buses: Mutex<HashMap<EventbusId, Arc<BusIndex>>>,
    /// Turns true once the subscriptions that were stored have started.
    gate: watch::Sender<bool>,
    pub(super) entries: Mutex<HashMap<SubscriptionId, Entry>>,
}

/// What is known of one subscription while the engine is open.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) runner: Option<Runner>,
    stopping: bool,
    /// Seats whose progress could not be stored when they stopped.
    unsaved: Vec<Arc<Seat>>,
    totals: Arc<Totals>,
    /// The function of the embedding program, once it is attached.
    pub(super) attached: Option<Arc<dyn Sink>>,
    /// Where deliveries wait that are fetched.
    pub(super) desk: Arc<Desk>,
    /// Why it has no sink, if it should have one.
    pub(super) problem: Option<SinkError>,
}

/// The eventlogs a subscription reads, and where its dead letters go.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) eventbus: EventbusId,
    pub(crate) eventlogs: Vec<EventlogId>,
    pub(crate) dead_letters: EventlogId,
}

/// Where a subscription goes on in one eventlog.
#[derive(Debug)]
struct Place {
    origin: Origin,
    eventlog: EventlogId,
    progress: Progress,
    /// Changes that could not be stored.
    unsaved: Option<Changes>,
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
            saver: Arc::new(Saver::new(Arc::clone(&meta), Arc::clone(&clock))),
            meta,
            clock,
            entropy,
            sinks,
            buses: Mutex::default(),
            gate: watch::channel(false).0,
            entries: Mutex::default(),
        }
    }

    /// Lets the shared readers begin. Until then subscriptions gather that stand at different
    /// places, so that the readers begin with those that are furthest behind.
    pub(crate) fn open_gate(&self) {
        self.gate.send_replace(true);
    }

    /// Checks what a subscription asks for beyond its form.
    ///
    /// # Errors
    /// [`FilterError`] when a filter, a condition, or the name of a key cannot be read.
    pub(crate) fn check(spec: &SubscriptionSpec) -> Result<(), FilterError> {
        Filter::compile(&spec.filters)?;
        Keys::new(&spec.config)?;
        spec.routes.as_ref().map(route::check).transpose()?;
        Ok(())
    }

    /// Says who the engine around the sinks is.
    #[cfg(feature = "http")]
    pub(crate) fn bind(&self, host: Weak<dyn SinkHost>) {
        self.sinks.bind(host);
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
        to: Route,
    ) -> Result<(), StartError> {
        let (attached, totals) = {
            let mut entries = self.entries.lock();
            let entry = entries.entry(record.id).or_default();
            if record.spec.disabled || entry.runner.is_some() {
                return Ok(());
            }
            (entry.attached.clone(), Arc::clone(&entry.totals))
        };
        let Some((sink, router)) = self.sink_of(record, attached.as_ref()).await? else {
            return Ok(());
        };
        let filter = Filter::compile(&record.spec.filters)?;
        let transformer = record.spec.transformer.as_ref();
        let transformer = transformer.map(Transformer::compile).transpose()?;
        let keys = Keys::new(&record.spec.config)?;
        let stored = self.stored(record.id, &to).await?;
        let bus = {
            let mut buses = self.buses.lock();
            Arc::clone(buses.entry(to.eventbus).or_insert_with(BusIndex::new))
        };
        let matched = filter.clone();
        let shared = bus.add(&matched, |number| {
            Arc::new(Shared {
                id: record.id,
                number,
                config: record.spec.config.clone(),
                keys,
                filter,
                transformer,
                sink,
                router,
                logs: self.logs.clone(),
                saver: Arc::clone(&self.saver),
                clock: Arc::clone(&self.clock),
                entropy: Arc::clone(&self.entropy),
                dead_letters: to.dead_letters,
                totals,
                window: Arc::new(Semaphore::new(record.spec.config.in_flight as usize)),
                limiter: Mutex::new(RateLimiter::new(record.spec.config.rate_limit)),
                health: Health::default(),
                solitary: AtomicBool::new(false),
            })
        });
        let runner = Runner::start(&shared, &bus, self.seats(&shared, &bus, stored));
        self.entries.lock().entry(record.id).or_default().runner = Some(runner);
        Ok(())
    }

    /// What is stored of a subscription, and what could not be.
    async fn stored(&self, id: SubscriptionId, route: &Route) -> Result<Vec<Place>, MetaError> {
        let mut left = self.inheritance(id).await;
        let mut places = self.load(id, route).await?;
        for place in &mut places {
            if let Some((watermark, changes)) = left.remove(&(place.origin, place.eventlog)) {
                place.progress.cursor = Some(watermark);
                place.progress.change(&changes);
                place.unsaved = Some(changes);
            }
        }
        self.stay_within(id, &mut places).await?;
        // Without letters sent again that seat would have nothing to do, ever.
        places
            .retain(|place| place.origin == Origin::Eventlog || !place.progress.retries.is_empty());
        Ok(places)
    }

    fn seats(
        &self,
        shared: &Arc<Shared>,
        bus: &Arc<BusIndex>,
        places: Vec<Place>,
    ) -> Vec<(Arc<Seat>, Progress)> {
        let seat = |place: Place| {
            let feed = (place.origin == Origin::Eventlog).then(|| {
                bus.feed(
                    place.eventlog,
                    &self.logs,
                    &self.saver,
                    &self.gate.subscribe(),
                )
            });
            let position = place.progress.cursor.unwrap_or(0);
            let shared = Arc::clone(shared);
            let seat = Seat::new(shared, place.origin, place.eventlog, feed, position);
            if let Some(changes) = place.unsaved {
                seat.inherit(changes);
            }
            (seat, place.progress)
        };
        places.into_iter().map(seat).collect()
    }

    /// Moves cursors that lie beyond the end back to it, and stores that: power loss takes events
    /// that were acknowledged from the page cache, and delivered; their offsets are given to other
    /// events.
    async fn stay_within(&self, id: SubscriptionId, places: &mut [Place]) -> Result<(), MetaError> {
        let mut batch = MetaBatch::new();
        for place in places
            .iter_mut()
            .filter(|place| place.origin == Origin::Eventlog)
        {
            let (eventlog, progress) = (&place.eventlog, &mut place.progress);
            let Ok(info) = self.logs.store().info(*eventlog) else {
                continue;
            };
            let end = info.end_offset;
            if progress.cursor.is_some_and(|cursor| cursor > end) {
                tracing::warn!(subscription = %id, %eventlog, end,
                    "events were lost that had been delivered; going on at the end");
                progress.cursor = Some(end);
                batch = progress::put_cursor(batch, id, *eventlog, end);
            }
            for (offset, _) in progress
                .retries
                .extract_if(.., |(offset, _)| *offset >= end)
            {
                batch = progress::delete_retry(batch, id, *eventlog, offset);
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.meta.commit(batch).await
    }

    async fn load(&self, id: SubscriptionId, route: &Route) -> Result<Vec<Place>, MetaError> {
        let (meta, route) = (Arc::clone(&self.meta), route.clone());
        let loading = tokio::task::spawn_blocking(move || {
            let eventlogs = route.eventlogs.iter();
            let mut all: Vec<_> = eventlogs.map(|log| (Origin::Eventlog, *log)).collect();
            // Else they are the retries of that eventlog.
            if !route.eventlogs.contains(&route.dead_letters) {
                all.push((Origin::DeadLetters, route.dead_letters));
            }
            let place = |(origin, eventlog)| {
                Ok(Place {
                    origin,
                    eventlog,
                    progress: progress::load(&meta, id, eventlog)?,
                    unsaved: None,
                })
            };
            all.into_iter().map(place).collect()
        });
        loading.await.unwrap_or(Err(MetaError::Closed))
    }

    /// Stops a subscription: waits for its deliveries in flight and until its progress is stored,
    /// or known not to be.
    pub(crate) async fn stop(&self, id: SubscriptionId) {
        let (runner, bus) = {
            let mut entries = self.entries.lock();
            let Some(entry) = entries.get_mut(&id) else {
                return;
            };
            let runner = entry.runner.take();
            entry.stopping = runner.is_some();
            let bus = runner.as_ref().map(|runner| Arc::clone(runner.bus()));
            (runner, bus)
        };
        let (Some(runner), Some(bus)) = (runner, bus) else {
            return;
        };
        let unsaved = match runner.stop().await {
            Ok(()) => Vec::new(),
            Err((error, seats)) => {
                tracing::error!(subscription = %id, %error, "progress cannot be stored");
                seats
            }
        };
        if let Some(entry) = self.entries.lock().get_mut(&id) {
            entry.stopping = false;
            entry.unsaved = unsaved;
        }
        let mut buses = self.buses.lock();
        buses.retain(|_, known| !Arc::ptr_eq(known, &bus) || !bus.is_empty());
    }

    /// Stores what could not be stored when a subscription was stopped, so that what is stored of
    /// it can be trusted, and nothing is stored by itself any more.
    ///
    /// # Errors
    /// [`MetaError`] when it cannot be stored now either.
    pub(crate) async fn settle(&self, id: SubscriptionId) -> Result<(), MetaError> {
        let unsaved = self
            .entries
            .lock()
            .get(&id)
            .is_some_and(|entry| !entry.unsaved.is_empty());
        if unsaved {
            self.saver.flush().await?;
            self.discard(id);
        }
        Ok(())
    }

    /// What was not stored of a subscription that is stopped; from now on it is the caller's.
    async fn inheritance(
        &self,
        id: SubscriptionId,
    ) -> HashMap<(Origin, EventlogId), (u64, Changes)> {
        let _still = self.saver.still().await;
        let mut entries = self.entries.lock();
        let seats = entries
            .get_mut(&id)
            .map(|entry| std::mem::take(&mut entry.unsaved));
        let seats = seats.unwrap_or_default().into_iter();
        seats
            .map(|seat| ((seat.origin, seat.eventlog), seat.bequeath()))
            .collect()
    }

    fn discard(&self, id: SubscriptionId) {
        if let Some(entry) = self.entries.lock().get_mut(&id) {
            entry.unsaved.drain(..).for_each(|seat| seat.close());
        }
    }

    /// Stops all subscriptions at the same time.
    pub(crate) async fn stop_all(&self) {
        let ids: Vec<_> = self.entries.lock().keys().copied().collect();
        futures_util::future::join_all(ids.into_iter().map(|id| self.stop(id))).await;
    }

    /// Forgets a stopped subscription.
    pub(crate) fn remove(&self, id: SubscriptionId) {
        self.discard(id);
        if let Some(entry) = self.entries.lock().remove(&id) {
            entry.desk.dismiss();
        }
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
    pub(crate) fn totals(&self, id: SubscriptionId) -> SubscriptionTotals {
        let entries = self.entries.lock();
        let Some(entry) = entries.get(&id) else {
            return SubscriptionTotals::default();
        };
        let mut totals = entry.totals.snapshot();
        let uncounted = entry.runner.as_ref().map_or(0, Runner::uncounted);
        totals.read += uncounted;
        totals.filtered += uncounted;
        totals
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
        let places = self.load(id, route).await?;
        let told = |place: Place| {
            let (eventlog, progress) = (place.eventlog, place.progress);
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
        let eventlogs = places
            .into_iter()
            .filter(|place| place.origin == Origin::Eventlog);
        Ok(eventlogs.map(told).collect())
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
