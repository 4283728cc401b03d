//! Delivers the events of one eventlog for one subscription, while there is something to deliver.
//!
//! Events come from the shared reader ([`Feed`](super::feed::Feed)), or are read here as long as
//! the subscription is behind it or takes less than it brings. At most as many deliveries are in
//! flight as the subscription allows. How far the worker is, it tells its [`Seat`], which is
//! written down every now and then.

use std::{
    collections::{BTreeSet, VecDeque},
    future::Future,
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::task::JoinSet;
use vanus_expr::{EventView, json::JsonIndex};
use vanus_types::{Batch, Coded as _, ErrorCode, Event, EventId, limits::MAX_PENDING_RETRIES};

use super::{
    attempt::{Attempt, Fate, Origin},
    line::Line,
    pending::Retry,
    place::Place,
    progress::Changes,
    schedule,
    seat::{Seat, Told},
    shared::Shared,
    totals::{add, take},
    tracker::OffsetTracker,
};
use crate::eventlog::{LogError, ReadBatches};

/// How long a worker waits after the eventlog failed it.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a worker that stops waits for its deliveries in flight; then they are cut short, and
/// made again when the subscription goes on.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// How long a worker with nothing to do stays awake.
const LINGER: Duration = Duration::from_secs(1);

/// Most bytes of one read.
const READ_LEN: usize = 256 * 1024;

/// Events read ahead of the deliveries; more are read once there are fewer.
const READ_AHEAD: usize = 256;

/// Longest single wait for a due time: the wall clock may jump while we wait for it.
const LONGEST_SLEEP_MS: i64 = 1_000;

/// Events that are filtered before other tasks get their turn.
const FILTERED_AT_ONCE: usize = 64;

/// An event after an attempt.
#[derive(Debug)]
struct Finished {
    offset: u64,
    key: Option<u64>,
    /// Whether it has an entry among the stored retries.
    stored: bool,
    fate: Fate,
    /// Its place in the window.
    place: Place,
}

/// The state of one worker.
#[derive(Debug)]
pub(crate) struct Worker {
    seat: Arc<Seat>,
    tracker: OffsetTracker,
    line: Line,
    /// Retries to be put in line, in the order of their offsets.
    restored: VecDeque<(u64, Retry)>,
    /// Those of them that lie after the watermark: their events are not to be read a second time.
    waiting_ahead: BTreeSet<u64>,
    deliveries: JoinSet<Finished>,
    changes: Changes,
    /// Changes that are told and not stored.
    unstored: usize,
    /// Nobody reads for the worker.
    apart: bool,
    /// It takes no place at the shared reader before it was at the end of the eventlog.
    behind: bool,
    /// It sleeps, and the seat knows.
    asleep: bool,
}

impl Worker {
    /// A worker that goes on at `position`, with the stored `retries` of the seat.
    pub(crate) fn new(seat: Arc<Seat>, position: u64, retries: Vec<(u64, Retry)>) -> Self {
        let totals = seat.totals();
        add(&totals.read, retries.len() as u64);
        add(&totals.retrying, retries.len() as u64);
        let ahead = retries.iter().map(|(offset, _)| *offset);
        let ahead = ahead.filter(|offset| *offset >= position && seat.origin == Origin::Eventlog);
        Self {
            tracker: OffsetTracker::new(position),
            line: Line::new(seat.shared.keys.order()),
            waiting_ahead: ahead.collect(),
            restored: retries.into(),
            deliveries: JoinSet::new(),
            changes: Changes::new(),
            unstored: 0,
            apart: false,
            behind: false,
            asleep: false,
            seat,
        }
    }

    /// Works until there is nothing left to do or the seat is to stop; then waits a little for
    /// what is in flight.
    pub(crate) async fn run(mut self) {
        self.restore().await;
        let mut reading: Option<BoxFuture<'static, Result<ReadBatches, LogError>>> = None;
        let mut gate: Option<BoxFuture<'static, Option<Place>>> = None;
        while !self.seat.is_stopping() {
            let now_ms = self.shared().clock.now_ms();
            self.take_in();
            if reading.is_none() && self.apart && self.wants_events() && !self.join() {
                reading = Some(self.read());
            }
            if gate.is_none() && self.line.has_work(now_ms) {
                gate = Some(self.shared().pass().boxed());
            }
            self.tell();
            let idle = self.is_idle();
            if idle && self.seat.origin == Origin::DeadLetters {
                break;
            }
            let due = until_due(self.line.next_due_ms(), now_ms);
            tokio::select! {
                biased;
                () = self.seat.wake.notified() => {}
                Some(finished) = self.deliveries.join_next() => self.finish_all(finished),
                place = wait(&mut gate) => self.start_many(place),
                chunk = wait(&mut reading) => self.take_chunk(chunk).await,
                () = due => {}
                () = tokio::time::sleep(LINGER), if idle && !self.apart => {
                    if self.seat.sleep() {
                        self.asleep = true;
                        return;
                    }
                }
            }
        }
        self.wind_up().await;
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.seat.shared
    }

    fn is_idle(&self) -> bool {
        self.tracker.is_settled() && self.line.is_empty() && self.deliveries.is_empty()
    }

    /// Puts the stored retries in line. Where events are ordered by a key of theirs they are read
    /// for it: the key is another one if the subscription was changed meanwhile.
    async fn restore(&mut self) {
        self.tell();
        while let Some((offset, retry)) = self.restored.pop_front() {
            let Some(key) = self.key_at(offset).await else {
                self.restored.push_front((offset, retry));
                return;
            };
            self.line.restore(offset, retry, key);
        }
        let now_ms = self.shared().clock.now_ms();
        self.line.clamp(now_ms, schedule::longest_delay_ms());
    }

    /// The key of a stored event; nothing if the seat is to stop before it can be read.
    async fn key_at(&self, offset: u64) -> Option<Option<u64>> {
        if let Some(key) = self.shared().keys.of_all() {
            return Some(key);
        }
        let eventlog = self.seat.eventlog;
        while !self.seat.is_stopping() {
            let read = self.shared().logs.read_event(EventId { eventlog, offset });
            match read.await {
                Ok(stored) => return Some(self.shared().keys.of(&stored.event)),
                // Its attempt will find that out.
                Err(error) if error.code() == ErrorCode::OffsetUnderflow => return Some(None),
                Err(error) => {
                    tracing::warn!(subscription = %self.shared().id, %eventlog, offset, %error,
                        "an event that waits for delivery cannot be read");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        None
    }

    fn wants_events(&self) -> bool {
        self.seat.origin == Origin::Eventlog
            && self.line.fresh() < READ_AHEAD
            && !self.tracker.is_full()
            && self.line.stored() < MAX_PENDING_RETRIES
            // Full while the metadata store takes nothing.
            && self.unstored < MAX_PENDING_RETRIES
    }

    /// Takes a place at the shared reader, if the worker is not behind it.
    fn join(&mut self) -> bool {
        let joins = !self.behind && self.seat.join(self.tracker.position());
        self.apart = !joins;
        joins
    }

    fn read(&self) -> BoxFuture<'static, Result<ReadBatches, LogError>> {
        let (logs, eventlog) = (self.shared().logs.clone(), self.seat.eventlog);
        let position = self.tracker.position();
        async move { logs.read_when_there(eventlog, position, READ_LEN).await }.boxed()
    }

    /// Starts an attempt in the place given, and more in whatever places are free.
    fn start_many(&mut self, place: Option<Place>) {
        let now_ms = self.shared().clock.now_ms();
        let mut first = place;
        while self.line.has_work(now_ms) {
            let Some(place) = first.take().or_else(|| self.shared().try_pass()) else {
                return;
            };
            self.start(now_ms, place);
        }
    }

    fn start(&mut self, now_ms: i64, mut place: Place) {
        let Some(item) = self.line.start(now_ms) else {
            return;
        };
        if item.stored {
            take(&self.shared().totals.retrying, 1);
            add(&self.shared().totals.in_flight, 1);
        }
        let (offset, key) = (item.offset, item.key);
        let attempt = Attempt {
            shared: Arc::clone(self.shared()),
            origin: self.seat.origin,
            eventlog: self.seat.eventlog,
            offset,
            event: item.event,
            retry: item.retry,
        };
        let stored = item.stored;
        self.deliveries.spawn(async move {
            let fate = attempt.run(&mut place).await;
            Finished {
                offset,
                key,
                stored,
                fate,
                place,
            }
        });
    }

    fn finish_all(&mut self, first: Result<Finished, tokio::task::JoinError>) {
        let mut next = Some(first);
        while let Some(finished) = next {
            match finished {
                Ok(finished) => self.finish(finished),
                // Attempts catch the panics of sinks; only a shutting-down runtime ends one.
                Err(error) => tracing::debug!(%error, "an attempt was cut off"),
            }
            next = self.deliveries.try_join_next();
        }
    }

    fn finish(&mut self, finished: Finished) {
        let Finished {
            offset,
            key,
            stored,
            fate,
            place,
        } = finished;
        drop(place);
        let shared = Arc::clone(self.shared());
        let totals = &shared.totals;
        take(&totals.in_flight, 1);
        match fate {
            Fate::Delivered => add(&totals.delivered, 1),
            Fate::DeadLettered => add(&totals.dead_lettered, 1),
            Fate::Dropped => add(&totals.dropped, 1),
            Fate::Expired => add(&totals.expired, 1),
            Fate::Again(retry) => {
                add(&totals.retrying, 1);
                self.changes.insert(offset, Some(retry.clone()));
                self.tracker.settle(offset);
                for held in self.line.again(offset, key, retry) {
                    take(&totals.in_flight, 1);
                    self.hold(held);
                }
                return;
            }
        }
        if stored {
            self.changes.insert(offset, None);
        }
        self.line.end(offset, key);
        self.tracker.settle(offset);
    }

    /// Stores an event as one that stands behind a retry.
    fn hold(&mut self, offset: u64) {
        add(&self.shared().totals.retrying, 1);
        self.changes.insert(offset, Some(Retry::default()));
        self.tracker.settle(offset);
    }

    /// Takes what the shared reader brought.
    fn take_in(&mut self) {
        if self.apart || !self.wants_events() {
            return;
        }
        let brought = self.seat.take(READ_AHEAD - self.line.fresh());
        let start = self.tracker.position();
        let mut passed = 0;
        for (offset, event) in brought.events {
            passed += u64::from(self.arrive(offset, event));
        }
        if let Some(through) = brought.through {
            self.tracker.pass(through);
        }
        self.count(start, passed);
        if brought.apart {
            self.apart = true;
            // It was told to leave, if it was there.
            self.behind = brought.through.is_some();
        }
    }

    /// Puts an event in line that passes the filter. Answers false for one that is there already.
    fn arrive(&mut self, offset: u64, event: Event) -> bool {
        if self.waiting_ahead.contains(&offset) {
            self.tracker.pass(offset + 1);
            return false;
        }
        self.tracker.take(offset);
        let key = self.shared().keys.of(&event);
        if self.line.arrive(offset, event, key) {
            self.hold(offset);
        } else {
            add(&self.shared().totals.in_flight, 1);
        }
        true
    }

    /// Counts the events from `start` to the position, of which so many passed the filter.
    fn count(&mut self, start: u64, passed: u64) {
        let left = self.waiting_ahead.split_off(&self.tracker.position());
        let known = std::mem::replace(&mut self.waiting_ahead, left).len() as u64;
        let seen = (self.tracker.position() - start).saturating_sub(known);
        let totals = &self.shared().totals;
        add(&totals.read, seen);
        add(&totals.filtered, seen - passed);
    }

    /// Filters what was read and puts what passes in line.
    async fn take_chunk(&mut self, chunk: Result<ReadBatches, LogError>) {
        let (subscription, eventlog) = (self.shared().id, self.seat.eventlog);
        match chunk {
            Ok(chunk) => {
                for batch in &chunk.batches {
                    self.take_batch(batch).await;
                }
                self.behind = self.tracker.position() < chunk.end_offset;
            }
            Err(LogError::Underflow { start, .. }) => {
                let gone = start.saturating_sub(self.tracker.position());
                tracing::warn!(%subscription, %eventlog, gone,
                    "events expired before they could be delivered");
                add(&self.shared().totals.read, gone);
                add(&self.shared().totals.expired, gone);
                self.tracker.pass(start);
            }
            Err(error) if error.code() == ErrorCode::Closed => tokio::time::sleep(PAUSE).await,
            Err(error) => {
                tracing::error!(%subscription, %eventlog, %error, "an eventlog cannot be read");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn take_batch(&mut self, batch: &Batch) {
        let (start, mut passed) = (self.tracker.position(), 0);
        let mut index = JsonIndex::new();
        for (number, (offset, event)) in batch.events().enumerate() {
            if number % FILTERED_AT_ONCE == FILTERED_AT_ONCE - 1 {
                // An expression may take a millisecond for an event.
                tokio::task::yield_now().await;
            }
            if offset < self.tracker.position() {
                continue;
            }
            let view = EventView::with_index(&event, index);
            let passes = self.shared().filter.matches(&view);
            index = view.into_index();
            if passes {
                passed += u64::from(self.arrive(offset, event));
            } else {
                self.tracker.pass(offset + 1);
            }
        }
        self.count(start, passed);
    }

    async fn wind_up(&mut self) {
        let finishing = async {
            while let Some(finished) = self.deliveries.join_next().await {
                self.finish_all(finished);
            }
        };
        // A sink may take minutes to answer. What is cut short here is not settled.
        let in_time = tokio::time::timeout(STOP_GRACE, finishing).await.is_ok();
        let cut_short = self.deliveries.len() as u64;
        if !in_time {
            self.deliveries.shutdown().await;
        }
        // What is left is looked at again when the subscription goes on.
        self.tell();
        let (fresh, stored) = (self.line.fresh() as u64, self.line.stored() as u64);
        let waiting = stored + self.restored.len() as u64;
        let totals = &self.shared().totals;
        take(&totals.in_flight, fresh + cut_short);
        take(&totals.retrying, waiting);
        take(&totals.read, fresh + waiting + cut_short);
    }

    fn tell(&mut self) {
        let restored = self.restored.front().map(|(offset, _)| *offset);
        let firsts = [restored, self.line.first_stored()];
        let told = Told {
            watermark: self.tracker.watermark(),
            position: self.tracker.position(),
            first_stored: firsts.into_iter().flatten().min().unwrap_or(u64::MAX),
            retrying: (self.line.retrying() + self.restored.len()) as u64,
            settled: self.tracker.is_settled(),
        };
        self.unstored = self.seat.tell(told, &mut self.changes);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.seat.break_off();
        }
        if !self.asleep {
            self.seat.rest();
        }
    }
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
