//! What waits to be committed: bounded in bytes and number, in the order of arrival.

use std::{collections::VecDeque, fmt, sync::Arc};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Semaphore, oneshot};
use vanus_types::{Batch, Durability, EventlogId};

use super::{AdminError, AppendError, Appended, StoreOptions};
use crate::log::Log;

/// Where an answer goes.
pub(crate) enum Done<T> {
    /// To somebody who awaits it, or went away.
    Channel(oneshot::Sender<T>),
    /// To a function that runs on the committing thread.
    Callback(Box<dyn FnOnce(T) + Send>),
}

impl<T> Done<T> {
    pub(crate) fn answer(self, answer: T) {
        match self {
            // Who does not wait any more does not want to know.
            Done::Channel(channel) => drop(channel.send(answer)),
            Done::Callback(callback) => callback(answer),
        }
    }
}

impl<T> fmt::Debug for Done<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Done")
    }
}

/// The answer to an append.
pub(crate) type AppendDone = Done<Result<Appended, AppendError>>;
/// The answer to anything else.
pub(crate) type AdminDone = Done<Result<(), AdminError>>;

/// Something to commit.
#[derive(Debug)]
pub(crate) enum Request {
    Append {
        log: Arc<Log>,
        batch: Batch,
        durability: Durability,
        done: AppendDone,
    },
    Create {
        log: EventlogId,
        done: AdminDone,
    },
    Delete {
        log: EventlogId,
        done: AdminDone,
    },
}

impl Request {
    /// The most bytes it takes in a frame.
    pub(crate) fn len(&self) -> usize {
        match self {
            Request::Append { batch, .. } => Request::append_len(batch.len()),
            Request::Create { .. } | Request::Delete { .. } => 16,
        }
    }

    /// The most bytes a batch of `len` bytes takes in a frame.
    pub(crate) fn append_len(len: usize) -> usize {
        8 + len
    }

    pub(crate) fn refuse(self, append: AppendError, admin: AdminError) {
        match self {
            Request::Append { done, .. } => done.answer(Err(append)),
            Request::Create { done, .. } | Request::Delete { done, .. } => done.answer(Err(admin)),
        }
    }
}

/// What the committing thread found.
#[derive(Debug)]
pub(crate) enum Taken {
    /// The caller holds the claim now, and has to give it back.
    Requests(Vec<Request>),
    /// Nothing will come any more.
    Stopped,
}

/// The queue. Room is taken before a request enters and given back when it is answered.
///
/// Whoever commits holds the claim: requests are committed by one thread at a time, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Queue {
    room: Arc<Semaphore>,
    bytes: u32,
    least_cost: u32,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Request>,
    /// Whether somebody is committing.
    claimed: bool,
    stopped: bool,
}

impl Queue {
    pub(crate) fn new(options: &StoreOptions) -> Queue {
        let bytes = u32::try_from(options.max_queue_bytes).unwrap_or(u32::MAX / 2);
        Queue {
            room: Arc::new(Semaphore::new(bytes as usize)),
            bytes,
            // So that the number is bounded with the bytes.
            least_cost: bytes.div_ceil(options.max_queue_batches.max(1)).max(1),
            state: Mutex::default(),
            arrived: Condvar::new(),
        }
    }

    /// The room a batch takes.
    pub(crate) fn cost(&self, batch: &Batch) -> u32 {
        let len = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        len.clamp(self.least_cost, self.bytes)
    }

    /// Takes room if there is some, ahead of nobody who waits.
    pub(crate) fn try_reserve(&self, cost: u32) -> bool {
        match self.room.try_acquire_many(cost) {
            Ok(permit) => {
                permit.forget();
                true
            }
            Err(_) => false,
        }
    }

    /// Where to wait for room.
    pub(crate) fn room(&self) -> Arc<Semaphore> {
        self.room.clone()
    }

    /// Gives room back.
    pub(crate) fn free(&self, cost: u32) {
        self.room.add_permits(cost as usize);
    }

    /// Bytes of room, taken or not.
    pub(crate) fn capacity(&self) -> u64 {
        u64::from(self.bytes)
    }

    /// Bytes of room taken.
    pub(crate) fn used(&self) -> u64 {
        u64::from(self.bytes).saturating_sub(self.room.available_permits() as u64)
    }

    /// Adds a request; gives it back when the queue is stopped.
    pub(crate) fn push(&self, request: Request) -> Result<(), Request> {
        let mut state = self.state.lock();
        if state.stopped {
            return Err(request);
        }
        state.waiting.push_back(request);
        let first = state.waiting.len() == 1;
        drop(state);
        if first {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Nothing enters any more; what is in is still handed out.
    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.arrived.notify_all();
        self.room.close();
    }

    /// The next requests, together at most `max_bytes`, at least one, with the claim; waits for both.
    pub(crate) fn take(&self, max_bytes: usize) -> Taken {
        let mut state = self.state.lock();
        while state.claimed || state.waiting.is_empty() {
            if state.stopped && !state.claimed {
                return Taken::Stopped;
            }
            self.arrived.wait(&mut state);
        }
        state.claimed = true;
        Taken::Requests(state.next_group(max_bytes))
    }

    /// Takes the claim if nothing waits and nobody has it: what is committed under it is in order.
    pub(crate) fn try_claim(&self) -> bool {
        let mut state = self.state.lock();
        if state.stopped || state.claimed || !state.waiting.is_empty() {
            return false;
        }
        state.claimed = true;
        true
    }

    /// Gives the claim back.
    pub(crate) fn release(&self) {
        let mut state = self.state.lock();
        state.claimed = false;
        let wanted = state.stopped || !state.waiting.is_empty();
        drop(state);
        if wanted {
            self.arrived.notify_one();
        }
    }

    /// As [`Queue::take`] without waiting and without the claim, for a store without threads.
    pub(crate) fn take_now(&self, max_bytes: usize) -> Vec<Request> {
        self.state.lock().next_group(max_bytes)
    }
}

impl State {
    fn next_group(&mut self, max_bytes: usize) -> Vec<Request> {
        let mut bytes = 0;
        // A deletion is alone in its group, so that what was asked before and after it stays so.
        let fits = |request: &&Request| {
            bytes += request.len();
            bytes <= max_bytes && !matches!(request, Request::Delete { .. })
        };
        let taken = self.waiting.iter().take_while(fits).count().max(1);
        self.waiting
            .drain(..taken.min(self.waiting.len()))
            .collect()
    }
}
