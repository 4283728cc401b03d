//! Which event of a subscription and eventlog is delivered next: order, keys, and what waits for
//! its next attempt. Pure.
//!
//! Without order an event is *ready* when it arrives. With it, the events of a key form a *lane*:
//! the first is ready or in flight or waits for its next attempt, the others stand behind it. In
//! strict order all events are one lane. With a limit per key several of a lane may be in flight,
//! and one that waits for its next attempt lets the others pass.
//!
//! An event behind one that waits may stand there for hours. Where other keys go on meanwhile it
//! is *held*: stored beside the retries, so that the watermark moves on, and read again later.

use std::collections::{BTreeSet, HashMap, VecDeque, hash_map::Entry};

use vanus_types::Event;

use super::pending::{PendingRetries, Retry};

/// What holds an event back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Nothing.
    Free,
    /// The one before it. What stands behind a retry is held only if other keys go on.
    OneByOne {
        /// Whether there are several keys.
        keyed: bool,
    },
    /// As many of its key as this in flight.
    AtMost(u32),
}

/// An event in line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) offset: u64,
    /// The event, unless it has to be read again.
    pub(crate) event: Option<Event>,
    /// The hash of its key, if it has one.
    pub(crate) key: Option<u64>,
    /// What happened before.
    pub(crate) retry: Retry,
    /// Whether it has an entry among the stored retries.
    pub(crate) stored: bool,
}

/// The events of one key that are not ended.
#[derive(Debug, Default)]
struct Lane {
    /// Ready or in flight.
    running: u32,
    /// The first waits for its next attempt.
    waiting: bool,
    behind: VecDeque<Item>,
}

/// Everything that is not ended of one subscription in one eventlog.
#[derive(Debug)]
pub(crate) struct Line {
    order: Order,
    ready: VecDeque<Item>,
    lanes: HashMap<u64, Lane>,
    waiting: PendingRetries,
    /// The keys of those that wait, where they have one.
    keys: HashMap<u64, u64>,
    /// Stored, and neither waiting for a due time nor in flight.
    held: BTreeSet<u64>,
    /// Stored, and in flight.
    retried: BTreeSet<u64>,
    /// Not stored and not started.
    fresh: usize,
}

impl Line {
    pub(crate) fn new(order: Order) -> Self {
        Self {
            order,
            ready: VecDeque::new(),
            lanes: HashMap::new(),
            waiting: PendingRetries::default(),
            keys: HashMap::new(),
            held: BTreeSet::new(),
            retried: BTreeSet::new(),
            fresh: 0,
        }
    }

    /// Events that were read and not started yet.
    pub(crate) const fn fresh(&self) -> usize {
        self.fresh
    }

    /// Events with an entry among the stored retries that are not in flight.
    pub(crate) fn stored(&self) -> usize {
        self.waiting.len() + self.held.len()
    }

    /// The same, with those in flight.
    pub(crate) fn retrying(&self) -> usize {
        self.stored() + self.retried.len()
    }

    /// Whether nothing is left, in flight or not.
    pub(crate) fn is_empty(&self) -> bool {
        self.fresh == 0 && self.retrying() == 0 && self.lanes.is_empty()
    }

    /// The least offset with an entry among the stored retries.
    pub(crate) fn first_stored(&self) -> Option<u64> {
        let held = self.held.first().copied();
        let retried = self.retried.first().copied();
        let firsts = [self.waiting.first_offset(), held, retried];
        firsts.into_iter().flatten().min()
    }

    /// When to look for the next attempt; see [`PendingRetries::next_due_ms`].
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.waiting.next_due_ms()
    }

    /// Takes over a stored retry. They come in the order of their offsets, before anything else.
    pub(crate) fn restore(&mut self, offset: u64, retry: Retry, key: Option<u64>) {
        if let (Order::OneByOne { .. }, Some(key)) = (self.order, key) {
            let lane = self.lanes.entry(key).or_default();
            if lane.waiting {
                lane.behind.push_back(Item {
                    offset,
                    event: None,
                    key: Some(key),
                    retry,
                    stored: true,
                });
                self.held.insert(offset);
                return;
            }
            lane.waiting = true;
        }
        self.wait(offset, retry, key);
    }

    /// Brings due times back that lie too far ahead; see [`PendingRetries::clamp`].
    pub(crate) fn clamp(&mut self, now_ms: i64, longest_ms: u32) {
        self.waiting.clamp(now_ms, longest_ms);
    }

    /// Puts an event in line that was just read. Answers whether it has to be stored, as it stands
    /// behind one that waits for its next attempt.
    pub(crate) fn arrive(&mut self, offset: u64, event: Event, key: Option<u64>) -> bool {
        let mut item = Item {
            offset,
            event: Some(event),
            key,
            retry: Retry::default(),
            stored: false,
        };
        let (Some(key), Some(room)) = (key, self.room()) else {
            self.ready.push_back(item);
            self.fresh += 1;
            return false;
        };
        let lane = self.lanes.entry(key).or_default();
        if lane.behind.is_empty() && !lane.waiting && lane.running < room {
            lane.running += 1;
            self.ready.push_back(item);
            self.fresh += 1;
            return false;
        }
        let held = lane.waiting && self.order == (Order::OneByOne { keyed: true });
        if held {
            item.stored = true;
            item.event = None;
            self.held.insert(offset);
        } else {
            self.fresh += 1;
        }
        lane.behind.push_back(item);
        held
    }

    /// How many of a lane may run, if there are lanes.
    const fn room(&self) -> Option<u32> {
        match self.order {
            Order::Free => None,
            Order::OneByOne { .. } => Some(1),
            Order::AtMost(most) => Some(most),
        }
    }

    /// Whether something can start at `now_ms`.
    pub(crate) fn has_work(&self, now_ms: i64) -> bool {
        !self.ready.is_empty() || self.next_due_ms().is_some_and(|due| due <= now_ms)
    }

    /// Takes the event that starts next: one that is due at `now_ms`, or the first that is ready.
    pub(crate) fn start(&mut self, now_ms: i64) -> Option<Item> {
        while let Some((offset, retry)) = self.waiting.take_due(now_ms) {
            let mut item = Item {
                offset,
                event: None,
                key: self.keys.remove(&offset),
                retry,
                stored: true,
            };
            if self.readmit(&mut item) {
                self.retried.insert(offset);
                return Some(item);
            }
            self.held.insert(offset);
            if let Some(lane) = item.key.and_then(|key| self.lanes.get_mut(&key)) {
                lane.behind.push_front(item);
            }
        }
        let item = self.ready.pop_front()?;
        if item.stored {
            self.held.remove(&item.offset);
            self.retried.insert(item.offset);
        } else {
            self.fresh -= 1;
        }
        Some(item)
    }

    /// Gives one that is due its place in its lane; answers whether there is one.
    fn readmit(&mut self, item: &mut Item) -> bool {
        let (Some(key), Some(room)) = (item.key, self.room()) else {
            return true;
        };
        let lane = self.lanes.entry(key).or_default();
        if lane.running >= room {
            return false;
        }
        lane.running += 1;
        if matches!(self.order, Order::OneByOne { .. }) {
            lane.waiting = false;
        }
        true
    }

    /// The event of `item`, which was started, has ended.
    pub(crate) fn end(&mut self, offset: u64, key: Option<u64>) {
        self.retried.remove(&offset);
        self.leave(key);
    }

    /// The event at `offset`, which was started, waits for its next attempt. Answers the offsets
    /// that have to be stored from now on, as they stand behind it.
    pub(crate) fn again(&mut self, offset: u64, key: Option<u64>, retry: Retry) -> Vec<u64> {
        self.retried.remove(&offset);
        let mut held = Vec::new();
        match (self.order, key) {
            (Order::OneByOne { keyed }, Some(key)) => {
                let lane = self.lanes.entry(key).or_default();
                lane.running = 0;
                lane.waiting = true;
                if keyed {
                    for item in lane.behind.iter_mut().filter(|item| !item.stored) {
                        item.stored = true;
                        item.event = None;
                        self.held.insert(item.offset);
                        self.fresh -= 1;
                        held.push(item.offset);
                    }
                }
            }
            (Order::AtMost(_), key) => self.leave(key),
            _ => {}
        }
        self.wait(offset, retry, key);
        held
    }

    fn wait(&mut self, offset: u64, retry: Retry, key: Option<u64>) {
        self.waiting.insert(offset, retry);
        if let Some(key) = key {
            self.keys.insert(offset, key);
        }
    }

    /// One of a lane no longer runs: the next one may.
    fn leave(&mut self, key: Option<u64>) {
        if self.order == Order::Free {
            return;
        }
        let Some(key) = key else { return };
        let Entry::Occupied(mut entry) = self.lanes.entry(key) else {
            return;
        };
        let lane = entry.get_mut();
        lane.running = lane.running.saturating_sub(1);
        if let Some(next) = lane.behind.pop_front() {
            lane.running += 1;
            self.ready.push_back(next);
        } else if lane.running == 0 {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests;
