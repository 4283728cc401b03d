//! Delivers the events of one eventlog for one subscription.
//!
//! The worker reads ahead of its deliveries, keeps at most as many in flight as its subscription
//! allows, and writes down how far it is every [`SAVE_EVERY`]. Whatever is not written down when
//! the process dies is delivered again.

use std::{
    collections::{BTreeSet, VecDeque},
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    task::JoinSet,
};
use vanus_expr::{EventView, json::JsonIndex};
use vanus_storage::meta::{MetaBatch, MetaError, MetaHealth, MetaStore};
use vanus_types::{Batch, Coded as _, ErrorCode, Event, EventlogId, limits::MAX_PENDING_RETRIES};

use super::{
    attempt::{Attempt, Fate, Origin},
    pending::{PendingRetries, Retry},
    progress::{self, Changes, Progress},
    schedule,
    shared::Shared,
    totals::{add, take},
    tracker::OffsetTracker,
};
use crate::eventlog::{LogError, ReadBatches};

/// How often progress is written down.
const SAVE_EVERY: Duration = Duration::from_millis(100);

/// How long a worker waits after the metadata store or the eventlog failed it.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a worker that stops waits for its deliveries in flight; then they are cut short, and
/// made again when the subscription goes on.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Most bytes of one read.
const READ_LEN: usize = 256 * 1024;

/// Events read ahead of the deliveries; more are read once there are fewer.
const READ_AHEAD: usize = 256;

/// Longest single wait for a due time: the wall clock may jump while we wait for it.
const LONGEST_SLEEP_MS: i64 = 1_000;

/// Events that are filtered before other tasks get their turn.
const FILTERED_AT_ONCE: usize = 64;

/// How far a worker is, readable by others.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    pub(crate) committed: AtomicU64,
    pub(crate) position: AtomicU64,
    pub(crate) retrying: AtomicU64,
}

/// Progress on its way into the metadata store: what is stored, and whether it was.
type Saving = BoxFuture<'static, (MetaBatch, Result<(), MetaError>)>;

/// An event on its way, and its place in the window.
type Finished = (u64, Fate, OwnedSemaphorePermit);

/// The state of one worker.
#[derive(Debug)]
pub(crate) struct Worker {
    shared: Arc<Shared>,
    origin: Origin,
    eventlog: EventlogId,
    reached: Arc<Reached>,
    tracker: OffsetTracker,
    pending: PendingRetries,
    /// Offsets of retries that are in flight.
    retrying: BTreeSet<u64>,
    /// Retries taken over at the start that lie after the watermark: their events are not to be
    /// read a second time.
    waiting_ahead: BTreeSet<u64>,
    /// Read and passed by the filter, not started yet.
    backlog: VecDeque<(u64, Event)>,
    deliveries: JoinSet<Finished>,
    changes: Changes,
    saved_watermark: u64,
}

impl Worker {
    /// A worker that goes on where `progress` says.
    pub(crate) fn new(
        shared: Arc<Shared>,
        origin: Origin,
        eventlog: EventlogId,
        progress: Progress,
    ) -> Self {
        let start = progress.cursor.unwrap_or(0);
        let mut pending = PendingRetries::default();
        add(&shared.totals.read, progress.retries.len() as u64);
        add(&shared.totals.retrying, progress.retries.len() as u64);
        let mut waiting_ahead = BTreeSet::new();
        for (offset, retry) in progress.retries {
            if offset >= start && origin == Origin::Eventlog {
                waiting_ahead.insert(offset);
            }
            pending.insert(offset, retry);
        }
        pending.clamp(shared.clock.now_ms(), schedule::longest_delay_ms());
        let worker = Self {
            shared,
            origin,
            eventlog,
            reached: Arc::default(),
            tracker: OffsetTracker::new(start),
            pending,
            retrying: BTreeSet::new(),
            waiting_ahead,
            backlog: VecDeque::new(),
            deliveries: JoinSet::new(),
            changes: Changes::new(),
            saved_watermark: start,
        };
        worker.tell();
        worker
    }

    /// How far the worker is, from now on.
    pub(crate) fn reached(&self) -> Arc<Reached> {
        Arc::clone(&self.reached)
    }

    /// Works until `stop` turns true, then waits a little for what is in flight and writes
    /// everything down.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut save_tick = tokio::time::interval(SAVE_EVERY);
        save_tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut reading: Option<BoxFuture<'static, Result<ReadBatches, LogError>>> = None;
        let mut gate: Option<BoxFuture<'static, Option<OwnedSemaphorePermit>>> = None;
        let mut saving: Option<Saving> = None;
        while !*stop.borrow() {
            if reading.is_none() && self.wants_events() {
                reading = Some(self.read());
            }
            if gate.is_none() && self.has_work() {
                gate = Some(self.shared.pass().boxed());
            }
            let due = until_due(self.pending.next_due_ms(), self.shared.clock.now_ms());
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                Some(finished) = self.deliveries.join_next() => self.finish(finished),
                (batch, saved) = wait(&mut saving) => saving = self.after_save(batch, saved).await,
                permit = wait(&mut gate) => self.start_many(permit),
                chunk = wait(&mut reading) => self.take_in(chunk).await,
                _ = save_tick.tick(), if saving.is_none() && self.is_dirty() => {
                    saving = Some(self.save());
                }
                () = due => {}
            }
            self.tell();
        }
        self.wind_up(saving).await;
    }

    fn wants_events(&self) -> bool {
        self.origin == Origin::Eventlog
            && self.backlog.len() < READ_AHEAD
            && !self.tracker.is_full()
            && !self.pending.is_full()
            // Full while the metadata store takes nothing.
            && self.changes.len() < MAX_PENDING_RETRIES
    }

    fn read(&self) -> BoxFuture<'static, Result<ReadBatches, LogError>> {
        let (logs, eventlog) = (self.shared.logs.clone(), self.eventlog);
        let position = self.tracker.position();
        async move { logs.read_when_there(eventlog, position, READ_LEN).await }.boxed()
    }

    /// Whether an attempt may start as soon as the window has a place.
    fn has_work(&self) -> bool {
        let due = self
            .pending
            .next_due_ms()
            .is_some_and(|due| due <= self.shared.clock.now_ms());
        if self.shared.config.ordered {
            let busy = !self.deliveries.is_empty();
            return !busy && (due || (self.pending.is_empty() && !self.backlog.is_empty()));
        }
        due || !self.backlog.is_empty()
    }

    /// Starts an attempt in the place given, and more in whatever places are free.
    fn start_many(&mut self, permit: Option<OwnedSemaphorePermit>) {
        let mut permit = permit;
        while self.has_work() {
            let Some(place) = permit.take().or_else(|| self.shared.try_pass()) else {
                return;
            };
            self.start(place);
        }
    }

    fn start(&mut self, permit: OwnedSemaphorePermit) {
        let (offset, event, retry) = match self.pending.take_due(self.shared.clock.now_ms()) {
            Some((offset, retry)) => {
                self.retrying.insert(offset);
                take(&self.shared.totals.retrying, 1);
                add(&self.shared.totals.in_flight, 1);
                (offset, None, retry)
            }
            None => match self.backlog.pop_front() {
                Some((offset, event)) => (offset, Some(event), Retry::default()),
                None => return,
            },
        };
        let attempt = Attempt {
            shared: Arc::clone(&self.shared),
            origin: self.origin,
            eventlog: self.eventlog,
            offset,
            event,
            retry,
        };
        self.deliveries
            .spawn(async move { (offset, attempt.run().await, permit) });
    }

    fn finish(&mut self, finished: Result<Finished, tokio::task::JoinError>) {
        let (offset, fate, permit) = match finished {
            Ok(finished) => finished,
            Err(error) => {
                // Attempts catch the panics of sinks; only a shutting-down runtime ends one.
                tracing::debug!(%error, "an attempt was cut off");
                return;
            }
        };
        drop(permit);
        let totals = &self.shared.totals;
        take(&totals.in_flight, 1);
        let was_retry = self.retrying.remove(&offset);
        match fate {
            Fate::Delivered => add(&totals.delivered, 1),
            Fate::DeadLettered => add(&totals.dead_lettered, 1),
            Fate::Dropped => add(&totals.dropped, 1),
            Fate::Expired => add(&totals.expired, 1),
            Fate::Again(retry) => {
                add(&totals.retrying, 1);
                self.changes.insert(offset, Some(retry.clone()));
                self.pending.insert(offset, retry);
                self.tracker.settle(offset);
                return;
            }
        }
        if was_retry {
            self.changes.insert(offset, None);
        }
        self.tracker.settle(offset);
    }

    /// Filters what was read and puts what passes in line.
    async fn take_in(&mut self, chunk: Result<ReadBatches, LogError>) {
        match chunk {
            Ok(chunk) => {
                for batch in &chunk.batches {
                    self.take_batch(batch).await;
                }
            }
            Err(LogError::Underflow { start, .. }) => {
                let gone = start.saturating_sub(self.tracker.position());
                tracing::warn!(subscription = %self.shared.id, eventlog = %self.eventlog, gone,
                    "events expired before they could be delivered");
                add(&self.shared.totals.read, gone);
                add(&self.shared.totals.expired, gone);
                self.tracker.jump(start);
            }
            Err(error) if error.code() == ErrorCode::Closed => tokio::time::sleep(PAUSE).await,
            Err(error) => {
                tracing::error!(subscription = %self.shared.id, eventlog = %self.eventlog, %error,
                    "an eventlog cannot be read");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn take_batch(&mut self, batch: &Batch) {
        let (mut seen, mut filtered) = (0, 0);
        let mut index = JsonIndex::new();
        for (number, (offset, event)) in batch.events().enumerate() {
            if number % FILTERED_AT_ONCE == FILTERED_AT_ONCE - 1 {
                // An expression may take a millisecond for an event.
                tokio::task::yield_now().await;
            }
            if offset < self.tracker.position() {
                continue;
            }
            if self.waiting_ahead.remove(&offset) {
                self.tracker.skip();
                continue;
            }
            seen += 1;
            let view = EventView::with_index(&event, index);
            let passes = self.shared.filter.matches(&view);
            index = view.into_index();
            if passes {
                self.tracker.take();
                self.backlog.push_back((offset, event));
            } else {
                self.tracker.skip();
                filtered += 1;
            }
        }
        add(&self.shared.totals.read, seen);
        add(&self.shared.totals.filtered, filtered);
        add(&self.shared.totals.in_flight, seen - filtered);
    }

    fn is_dirty(&self) -> bool {
        !self.changes.is_empty() || self.tracker.watermark() != self.saved_watermark
    }

    /// Writes down what changed. The watermark of now is the one of the changes taken.
    fn save(&mut self) -> Saving {
        let watermark = self.tracker.watermark();
        let batch =
            progress::take_batch(self.shared.id, self.eventlog, &mut self.changes, watermark);
        if self.changes.is_empty() {
            self.saved_watermark = watermark;
        }
        store(&self.shared.meta, batch, Duration::ZERO)
    }

    /// What a full disk refused is stored when there is room, before anything that came after it:
    /// a watermark must not pass a retry that is not stored. Any other failed write leaves the
    /// metadata store poisoned: what it lost is delivered again after it was reopened, so that
    /// nothing needs to be put back here.
    async fn after_save(
        &mut self,
        batch: MetaBatch,
        saved: Result<(), MetaError>,
    ) -> Option<Saving> {
        let error = saved.err()?;
        tracing::error!(subscription = %self.shared.id, %error, "progress cannot be stored");
        if matches!(self.shared.meta.health(), MetaHealth::Poisoned(_)) {
            tokio::time::sleep(PAUSE).await;
            return None;
        }
        // Deliveries go on meanwhile.
        Some(store(&self.shared.meta, batch, PAUSE))
    }

    async fn wind_up(&mut self, saving: Option<Saving>) {
        let finishing = async {
            while let Some(finished) = self.deliveries.join_next().await {
                self.finish(finished);
            }
        };
        // A sink may take minutes to answer. What is cut short here is not settled.
        let in_time = tokio::time::timeout(STOP_GRACE, finishing).await.is_ok();
        let cut_short = self.deliveries.len() as u64;
        if !in_time {
            self.deliveries.shutdown().await;
        }
        let mut saving = saving;
        while saving.is_some() || self.is_dirty() {
            let (_, saved) = match saving.take() {
                Some(saving) => saving.await,
                None => self.save().await,
            };
            // What came after a batch that is not stored must not be stored either.
            if let Err(error) = saved {
                tracing::error!(subscription = %self.shared.id, %error, "progress cannot be stored");
                break;
            }
        }
        // What is left is looked at again when the subscription goes on.
        let (line, waiting) = (self.backlog.len() as u64, self.pending.len() as u64);
        take(&self.shared.totals.in_flight, line + cut_short);
        take(&self.shared.totals.retrying, waiting);
        take(&self.shared.totals.read, line + waiting + cut_short);
        self.tell();
    }

    fn tell(&self) {
        let waiting = [self.pending.first_offset(), self.retrying.first().copied()];
        let first_waiting = waiting.into_iter().flatten().min().unwrap_or(u64::MAX);
        let committed = self.tracker.watermark().min(first_waiting);
        let retrying = self.pending.len() + self.retrying.len();
        self.reached.committed.store(committed, Ordering::Relaxed);
        self.reached
            .position
            .store(self.tracker.position(), Ordering::Relaxed);
        self.reached
            .retrying
            .store(retrying as u64, Ordering::Relaxed);
    }
}

/// Stores `batch` after a pause.
fn store(meta: &Arc<dyn MetaStore>, batch: MetaBatch, pause: Duration) -> Saving {
    let meta = Arc::clone(meta);
    // Without a pause it is queued now, in order.
    let queued = pause.is_zero().then(|| meta.commit(batch.clone()));
    async move {
        let saved = match queued {
            Some(queued) => queued.await,
            None => {
                tokio::time::sleep(pause).await;
                meta.commit(batch.clone()).await
            }
        };
        (batch, saved)
    }
    .boxed()
}

/// Sleeps until the next retry is due; for ever, if none waits, or if one is due already and waits
/// for its place in the window.
async fn until_due(due_ms: Option<i64>, now_ms: i64) {
    match due_ms.map(|due_ms| due_ms - now_ms) {
        Some(wait_ms @ 1..) => {
            let wait_ms = wait_ms.min(LONGEST_SLEEP_MS).unsigned_abs();
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
        _ => std::future::pending().await,
    }
}

/// Waits for the future in `slot` and empties it; for ever, if there is none.
async fn wait<F: Future + Unpin>(slot: &mut Option<F>) -> F::Output {
    match slot {
        Some(future) => {
            let output = future.await;
            *slot = None;
            output
        }
        None => std::future::pending().await,
    }
}
