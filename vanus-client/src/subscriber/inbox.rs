//! What was pushed, between the task that reads it and whoever takes it.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use tokio::sync::Notify;
use vanus_types::EventId;

use super::Handed;
use crate::error::ClientError;

/// Deliveries remembered as taken, in windows; what is beyond was given up by whoever took it.
const MAX_TAKEN: usize = 4;

/// Deliveries that were pushed and not taken yet.
#[derive(Debug)]
pub(super) struct Inbox {
    window: usize,
    state: Mutex<State>,
    /// Told when something has come, or nothing more will.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    held: VecDeque<Handed>,
    /// What was taken and is not settled: the event, and the number of the attempt.
    taken: HashMap<EventId, u32>,
    /// Why nothing more comes.
    ended: Option<ClientError>,
}

impl Inbox {
    pub(super) fn new(window: usize) -> Self {
        Self {
            window,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Puts in what was pushed, but for what is in somebody's hands already: after a connection broke
    /// the server pushes again what it does not know to be settled.
    ///
    /// # Errors
    /// The number of deliveries when they are more than were asked for.
    pub(super) fn put(&self, pushed: impl Iterator<Item = Handed>) -> Result<(), usize> {
        let mut state = self.state.lock();
        for handed in pushed {
            if state.taken.get(&handed.id) != Some(&handed.attempt) {
                state.held.push_back(handed);
            }
        }
        self.changed.notify_one();
        match state.held.len() {
            held if held > self.window => Err(held),
            _ => Ok(()),
        }
    }

    /// Forgets what nobody has taken: the server pushes it again.
    pub(super) fn clear(&self) {
        self.state.lock().held.clear();
    }

    /// Nothing more comes.
    pub(super) fn end(&self, reason: ClientError) {
        self.state.lock().ended = Some(reason);
        self.changed.notify_one();
    }

    /// The next delivery; waits for one. Cancellation safe.
    ///
    /// # Errors
    /// Why nothing more comes.
    pub(super) async fn take(&self) -> Result<Handed, ClientError> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state.lock();
                if let Some(handed) = state.held.pop_front() {
                    if state.taken.len() >= MAX_TAKEN * self.window {
                        state.taken.clear();
                    }
                    state.taken.insert(handed.id, handed.attempt);
                    return Ok(handed);
                }
                if let Some(reason) = &state.ended {
                    return Err(reason.clone());
                }
            }
            changed.await;
        }
    }

    /// A delivery is in nobody's hands any more.
    pub(super) fn settled(&self, handed: &Handed) {
        let mut state = self.state.lock();
        if state.taken.get(&handed.id) == Some(&handed.attempt) {
            state.taken.remove(&handed.id);
        }
    }
}
