//! The place of one subscription at one eventlog: what the shared reader brings it, and how far
//! it is.
//!
//! A seat is *asleep* while everything up to the shared reader is settled: it has no task and
//! nothing happens to it, however many events pass that it does not want. The shared reader wakes
//! it with an event; a [`Worker`] then delivers, and goes to sleep again when nothing is left.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;
use vanus_types::{Event, EventlogId, control::EventlogProgress, limits::MAX_INBOX};

use super::{
    attempt::Origin,
    feed::Feed,
    progress::{Changes, Progress},
    shared::Shared,
    totals::{Totals, add},
    worker::Worker,
};

/// One subscription at one eventlog.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) shared: Arc<Shared>,
    pub(crate) origin: Origin,
    pub(crate) eventlog: EventlogId,
    /// The shared reader; none for dead letters that are sent again.
    pub(crate) feed: Option<Arc<Feed>>,
    state: Mutex<State>,
    /// Told when there is something in the inbox, the seat left the reader, or it has to stop.
    pub(crate) wake: Notify,
    /// Told when the worker ended.
    rested: Notify,
}

#[derive(Debug, Default)]
struct State {
    inbox: VecDeque<(u64, Event)>,
    standing: Standing,
    awake: bool,
    stopping: bool,
    /// Nothing may be stored any more.
    closed: bool,
    /// On the list of what is to be stored.
    listed: bool,
    changes: Changes,
    told: Told,
}

/// Who reads for the seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    /// The seat itself.
    #[default]
    Apart,
    /// The shared reader.
    Joined,
    /// The shared reader did until this offset, which the seat goes on with.
    Left(u64),
}

/// How far a worker is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Every event before this one is settled.
    pub(crate) watermark: u64,
    /// The next one to be looked at.
    pub(crate) position: u64,
    /// The first that is stored as a retry, or the greatest number.
    pub(crate) first_stored: u64,
    /// How many are.
    pub(crate) retrying: u64,
    /// Everything is settled that the shared reader has passed.
    pub(crate) settled: bool,
}

/// What a worker takes from its inbox.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    pub(crate) events: Vec<(u64, Event)>,
    /// What lies before this offset and is not among the events was filtered out.
    pub(crate) through: Option<u64>,
    /// Whether the seat has to read by itself from now on.
    pub(crate) apart: bool,
}

/// What of a seat is to be stored.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) changes: Changes,
    /// Everything before it is settled, or stored as a retry together with `changes`.
    pub(crate) watermark: u64,
    /// Everything is settled that the shared reader has passed.
    pub(crate) settled: bool,
}

impl Seat {
    /// A seat at `position`, apart and without a worker.
    pub(crate) fn new(
        shared: Arc<Shared>,
        origin: Origin,
        eventlog: EventlogId,
        feed: Option<Arc<Feed>>,
        position: u64,
    ) -> Arc<Self> {
        let told = Told {
            watermark: position,
            position,
            first_stored: u64::MAX,
            ..Told::default()
        };
        Arc::new(Self {
            shared,
            origin,
            eventlog,
            feed,
            state: Mutex::new(State {
                told,
                ..State::default()
            }),
            wake: Notify::new(),
            rested: Notify::new(),
        })
    }

    /// Starts a worker that goes on where `progress` says, unless there is nothing to do.
    pub(crate) fn start(self: &Arc<Self>, progress: Progress) {
        let position = self.state.lock().told.position;
        if progress.retries.is_empty() && self.join(position) {
            return;
        }
        self.state.lock().awake = true;
        tokio::spawn(Worker::new(Arc::clone(self), position, progress.retries).run());
    }

    /// Takes a place at the shared reader, from `position` on; answers whether it was given.
    pub(crate) fn join(self: &Arc<Self>, position: u64) -> bool {
        self.feed
            .as_ref()
            .is_some_and(|feed| feed.join(self, position))
    }

    /// The shared reader reads for the seat from now on.
    pub(crate) fn joined(self: &Arc<Self>, position: u64) {
        let mut state = self.state.lock();
        state.standing = Standing::Joined;
        if !state.awake {
            state.told.settled = true;
            state.told.position = position;
            state.told.watermark = position;
            self.list(&mut state);
        }
    }

    /// Puts an event in the inbox, and sees to it that somebody takes it out. Answers false, and
    /// takes nothing, if there is no room: the seat has left the reader then.
    pub(crate) fn bring(self: &Arc<Self>, offset: u64, event: &Event) -> bool {
        let mut state = self.state.lock();
        if state.inbox.len() >= MAX_INBOX {
            self.send_away(&mut state, offset);
            return false;
        }
        if state.told.settled {
            state.told.settled = false;
            state.told.watermark = offset;
            self.list(&mut state);
        }
        state.inbox.push_back((offset, event.clone()));
        if state.awake {
            self.wake.notify_one();
        } else if !state.stopping {
            self.wake_up(&mut state);
        }
        true
    }

    /// The seat reads by itself from `offset` on; it is no longer known to the shared reader.
    pub(crate) fn leave(self: &Arc<Self>, offset: u64) {
        self.send_away(&mut self.state.lock(), offset);
    }

    fn send_away(self: &Arc<Self>, state: &mut State, offset: u64) {
        if state.standing != Standing::Joined {
            return;
        }
        state.standing = Standing::Left(offset);
        if state.told.settled {
            state.told.settled = false;
            // It may have joined further on than the reader is.
            state.told.watermark = offset.max(state.told.position);
        }
        self.list(state);
        if state.awake {
            self.wake.notify_one();
        } else if state.stopping {
            // Nobody else does it.
            let passed = offset.saturating_sub(state.told.position);
            self.count_filtered(passed);
            state.told.position = offset.max(state.told.position);
            state.standing = Standing::Apart;
        } else {
            self.wake_up(state);
        }
    }

    fn count_filtered(&self, passed: u64) {
        add(&self.shared.totals.read, passed);
        add(&self.shared.totals.filtered, passed);
    }

    fn wake_up(self: &Arc<Self>, state: &mut State) {
        state.awake = true;
        let position = state.told.position;
        tokio::spawn(Worker::new(Arc::clone(self), position, Vec::new()).run());
    }

    /// Takes at most `room` events out of the inbox.
    pub(crate) fn take(&self, room: usize) -> Brought {
        // Read first: what the reader has passed by now is in the inbox if it is wanted.
        let next = self.feed.as_ref().map_or(0, |feed| feed.next());
        let mut state = self.state.lock();
        let count = room.min(state.inbox.len());
        let events: Vec<_> = state.inbox.drain(..count).collect();
        let first_left = state.inbox.front().map(|(offset, _)| *offset);
        let (through, apart) = match (first_left, state.standing) {
            (Some(offset), _) => (Some(offset), false),
            (None, Standing::Joined) => (Some(next), false),
            (None, Standing::Left(offset)) => {
                state.standing = Standing::Apart;
                (Some(offset), true)
            }
            (None, Standing::Apart) => (None, true),
        };
        Brought {
            events,
            through,
            apart,
        }
    }

    /// Writes down how far the worker is, and what is to be stored. Answers how many changes wait
    /// to be stored.
    pub(crate) fn tell(self: &Arc<Self>, told: Told, changes: &mut Changes) -> usize {
        let mut state = self.state.lock();
        let told = Told {
            settled: told.settled && state.inbox.is_empty() && state.standing == Standing::Joined,
            ..told
        };
        let old = std::mem::replace(&mut state.told, told);
        let moved = (old.watermark, old.settled) != (told.watermark, told.settled);
        if moved || !changes.is_empty() {
            state.changes.append(changes);
            self.list(&mut state);
        }
        state.changes.len()
    }

    /// Ends the worker's work if there is nothing left to do; it has told so before.
    pub(crate) fn sleep(&self) -> bool {
        let mut state = self.state.lock();
        let sleeps = state.told.settled && state.told.retrying == 0 && !state.stopping;
        if sleeps {
            state.awake = false;
        }
        sleeps
    }

    /// The worker has ended, one way or another.
    pub(crate) fn rest(&self) {
        let mut state = self.state.lock();
        state.awake = false;
        drop(state);
        self.rested.notify_waiters();
    }

    /// The worker panicked: what it had in hand is lost, so nothing is stored of what comes after,
    /// and the events are delivered again when the subscription starts anew.
    pub(crate) fn break_off(&self) {
        let mut state = self.state.lock();
        state.stopping = true;
        state.closed = true;
        tracing::error!(subscription = %self.shared.id, eventlog = %self.eventlog,
            "a worker failed; disable and enable the subscription to go on");
    }

    /// Whether the worker has to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.state.lock().stopping
    }

    /// Leaves the shared reader and tells the worker to stop.
    pub(crate) fn stop(self: &Arc<Self>) {
        self.state.lock().stopping = true;
        if let Some(feed) = &self.feed {
            feed.remove(self.shared.number);
        }
        self.wake.notify_one();
    }

    /// Waits until there is no worker.
    pub(crate) async fn rested(&self) {
        loop {
            let rested = self.rested.notified();
            if !self.state.lock().awake {
                return;
            }
            rested.await;
        }
    }

    /// Nothing is stored for the seat from now on.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
    }

    fn list(self: &Arc<Self>, state: &mut State) {
        if !state.listed && !state.closed {
            state.listed = true;
            self.shared.saver.list(self);
        }
    }

    /// Puts the seat on the list of what is to be stored.
    pub(crate) fn list_again(self: &Arc<Self>) {
        self.list(&mut self.state.lock());
    }

    /// Takes at most `most` changes, in the order of their offsets, to be stored.
    pub(crate) fn entry(&self, most: usize) -> Option<Entry> {
        let mut state = self.state.lock();
        state.listed = false;
        if state.closed {
            return None;
        }
        let rest = match state.changes.keys().nth(most).copied() {
            Some(first_left) => state.changes.split_off(&first_left),
            None => Changes::new(),
        };
        let changes = std::mem::replace(&mut state.changes, rest);
        let first_left = state.changes.first_key_value().map(|(offset, _)| *offset);
        Some(Entry {
            changes,
            watermark: first_left.map_or(state.told.watermark, |o| o.min(state.told.watermark)),
            settled: state.told.settled && first_left.is_none(),
        })
    }

    /// Takes back what could not be stored, but for what has changed since.
    pub(crate) fn put_back(self: &Arc<Self>, changes: Changes) {
        let mut state = self.state.lock();
        for (offset, change) in changes {
            state.changes.entry(offset).or_insert(change);
        }
        self.list(&mut state);
    }

    /// Takes everything that is not stored, for the seat that comes after this one; nothing is
    /// stored for this one any more. The saver must not be at work.
    pub(crate) fn bequeath(&self) -> (u64, Changes) {
        let mut state = self.state.lock();
        state.closed = true;
        (state.told.watermark, std::mem::take(&mut state.changes))
    }

    /// Takes over what the seat before this one could not store.
    pub(crate) fn inherit(self: &Arc<Self>, changes: Changes) {
        let mut state = self.state.lock();
        state.changes = changes;
        self.list(&mut state);
    }

    /// Whether changes wait to be stored.
    pub(crate) fn has_changes(&self) -> bool {
        !self.state.lock().changes.is_empty()
    }

    /// How far the seat is. The end offset is left zero: the caller knows it.
    pub(crate) fn progress(&self) -> EventlogProgress {
        let next = self.feed.as_ref().map_or(0, |feed| feed.next());
        let told = self.state.lock().told;
        let (watermark, position) = match told.settled {
            true => (told.watermark.max(next), told.position.max(next)),
            false => (told.watermark, told.position),
        };
        EventlogProgress {
            eventlog: self.eventlog,
            committed: watermark.min(told.first_stored),
            position,
            end_offset: 0,
            retrying: told.retrying,
        }
    }

    /// Events that were filtered out for a seat that sleeps, and that no counter knows yet.
    pub(crate) fn uncounted(&self) -> u64 {
        let next = self.feed.as_ref().map_or(0, |feed| feed.next());
        let told = self.state.lock().told;
        match told.settled {
            true => next.saturating_sub(told.position),
            false => 0,
        }
    }

    /// The counters of the subscription.
    pub(crate) fn totals(&self) -> &Totals {
        &self.shared.totals
    }
}
