//! The way into one eventlog: the batch being filled and those that are full.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use vanus_types::{BatchBuilder, Event, EventlogId};

use super::{Ack, ProducerOptions, ack::BatchAck};

/// The way into one eventlog.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) eventlog: EventlogId,
    state: Mutex<LaneState>,
    /// Wakes the driver.
    pub(super) wake: Notify,
    /// Whether a batch is open; a hint.
    filling: AtomicBool,
    /// The number of batches that have their outcome, counted from the first without a gap.
    pub(super) settled: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct LaneState {
    open: Option<OpenBatch>,
    full: VecDeque<OpenBatch>,
    /// The number the next batch gets.
    next_number: u64,
    /// Batches before this number shall not linger.
    flush_before: u64,
    closed: bool,
    /// Length of the batch taken last: the next one is likely to become as long.
    last_len: usize,
}

/// A batch that is being filled, or was.
#[derive(Debug)]
pub(super) struct OpenBatch {
    /// Counts the batches of the lane from 0.
    pub(super) number: u64,
    pub(super) builder: BatchBuilder,
    pub(super) ack: Arc<BatchAck>,
    pub(super) opened: Instant,
    /// What its events take up of the window.
    pub(super) cost: usize,
}

/// What is under way already when a batch is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pressure {
    /// Nothing of this lane.
    NothingUnderWay,
    /// Something.
    Some,
    /// Something, and most of the window of all lanes: time is gained by larger batches, not by
    /// earlier ones.
    Crowded,
}

/// What the driver finds in its lane.
#[derive(Debug)]
pub(super) enum Next {
    /// A batch to send.
    Batch(OpenBatch),
    /// A batch that may still grow, until then.
    Lingering(Instant),
    /// A batch that may grow until an earlier one is answered.
    Held,
    /// Nothing.
    Empty,
    /// Nothing, and nothing will come.
    Closed,
}

impl Lane {
    pub(super) fn new(eventlog: EventlogId) -> Self {
        Self {
            eventlog,
            state: Mutex::default(),
            wake: Notify::new(),
            filling: AtomicBool::new(false),
            settled: watch::Sender::new(0),
        }
    }

    /// Adds an event that takes up `cost` of the window. Answers its acknowledgement, or nothing
    /// if the lane is closed.
    pub(super) fn push(
        &self,
        event: &Event,
        cost: usize,
        options: &ProducerOptions,
    ) -> Option<Ack> {
        let mut state = self.state.lock();
        if state.closed {
            return None;
        }
        let len = event.record().len();
        let fits = |open: &OpenBatch| {
            open.builder.body_len() + len <= options.max_batch_bytes
                && (open.builder.count() as usize) < options.max_batch_events
        };
        if state.open.as_ref().is_some_and(|open| !fits(open)) {
            state.last_len = options.max_batch_bytes;
            let full = state.open.take();
            state.full.extend(full);
        }
        let began = state.open.is_none();
        let (number, expected) = (state.next_number, state.last_len);
        if began {
            state.next_number += 1;
        }
        let open = state.open.get_or_insert_with(|| OpenBatch {
            number,
            builder: BatchBuilder::with_capacity(expected),
            ack: Arc::default(),
            opened: Instant::now(),
            cost: 0,
        });
        let ack = open.ack.of(open.builder.count());
        // Fits: the batch is new, or was just checked against limits within those of a batch.
        let _ = open.builder.push(event);
        open.cost += cost;
        drop(state);
        if began {
            self.filling.store(true, Ordering::Relaxed);
            self.wake.notify_one();
        }
        Some(ack)
    }

    /// Whether a batch is open that further events can join; a hint.
    pub(super) fn is_filling(&self) -> bool {
        self.filling.load(Ordering::Relaxed)
    }

    /// Takes the next batch to send. One that is not full is taken when nothing is under way, when
    /// it lingered long enough in a window that is not crowded, or when it is being flushed.
    pub(super) fn next(&self, pressure: Pressure, options: &ProducerOptions) -> Next {
        let mut state = self.state.lock();
        if let Some(full) = state.full.pop_front() {
            return Next::Batch(full);
        }
        let Some(open) = &state.open else {
            return if state.closed {
                Next::Closed
            } else {
                Next::Empty
            };
        };
        let until = open.opened + options.linger;
        let due = pressure == Pressure::NothingUnderWay
            || state.closed
            || open.number < state.flush_before
            || (pressure == Pressure::Some && Instant::now() >= until);
        match state.open.take_if(|_| due) {
            Some(open) => {
                state.last_len = open.builder.body_len();
                self.filling.store(false, Ordering::Relaxed);
                Next::Batch(open)
            }
            None if pressure == Pressure::Crowded => Next::Held,
            None => Next::Lingering(until),
        }
    }

    /// Lets nothing linger that is in the lane now; answers the number of batches to await.
    pub(super) fn flush(&self) -> u64 {
        let mut state = self.state.lock();
        state.flush_before = state.next_number;
        let awaited = state.next_number;
        drop(state);
        self.wake.notify_one();
        awaited
    }

    /// Takes no further event in.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_one();
    }
}
