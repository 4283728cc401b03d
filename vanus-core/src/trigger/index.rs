//! The subscriptions of one eventbus: their filters in one index, and a shared reader for each
//! eventlog.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use tokio::sync::watch;
use vanus_expr::{Filter, matcher::Matcher};
use vanus_types::EventlogId;

use super::{feed::Feed, saver::Saver, shared::Shared};
use crate::eventlog::Logs;

/// What the subscriptions of one eventbus share.
#[derive(Debug)]
pub(crate) struct BusIndex {
    matcher: RwLock<Matcher>,
    numbers: Mutex<Numbers>,
    feeds: Mutex<HashMap<EventlogId, Arc<Feed>>>,
    this: Weak<BusIndex>,
}

/// Who has which number. Numbers are used again.
#[derive(Debug, Default)]
struct Numbers {
    given: Vec<Option<Weak<Shared>>>,
    free: Vec<u32>,
}

impl BusIndex {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            matcher: RwLock::new(Matcher::new()),
            numbers: Mutex::default(),
            feeds: Mutex::default(),
            this: this.clone(),
        })
    }

    /// Adds a subscription, made with its number. It has no places at the readers yet.
    pub(crate) fn add(
        &self,
        filter: &Filter,
        make: impl FnOnce(u32) -> Arc<Shared>,
    ) -> Arc<Shared> {
        let shared = {
            let mut numbers = self.numbers.lock();
            let number = numbers.free.pop().unwrap_or_else(|| {
                numbers.given.push(None);
                u32::try_from(numbers.given.len() - 1).unwrap_or(u32::MAX)
            });
            let shared = make(number);
            if let Some(place) = numbers.given.get_mut(number as usize) {
                *place = Some(Arc::downgrade(&shared));
            }
            shared
        };
        self.matcher.write().insert(shared.number.into(), filter);
        shared
    }

    /// Removes a subscription that has left all readers.
    pub(crate) fn remove(&self, number: u32) {
        self.matcher.write().remove(number.into());
        let mut numbers = self.numbers.lock();
        if let Some(place) = numbers.given.get_mut(number as usize) {
            *place = None;
            numbers.free.push(number);
        }
    }

    /// Whether there is no subscription.
    pub(crate) fn is_empty(&self) -> bool {
        let numbers = self.numbers.lock();
        numbers.given.len() == numbers.free.len()
    }

    /// The reader of an eventlog.
    pub(crate) fn feed(
        &self,
        eventlog: EventlogId,
        logs: &Logs,
        saver: &Arc<Saver>,
        gate: &watch::Receiver<bool>,
    ) -> Arc<Feed> {
        let mut feeds = self.feeds.lock();
        let feed = feeds.entry(eventlog).or_insert_with(|| {
            let (logs, index, saver) = (logs.clone(), self.this.clone(), Arc::clone(saver));
            Arc::new(Feed::new(eventlog, logs, index, saver, gate.clone()))
        });
        Arc::clone(feed)
    }

    /// The filters of all subscriptions that may be read for. Held for a short time only.
    pub(crate) fn matcher(&self) -> RwLockReadGuard<'_, Matcher> {
        self.matcher.read()
    }

    /// Sends a subscription away from all readers for good, and takes its filter out of the index.
    /// The caller holds none of their locks.
    pub(crate) fn send_away(&self, number: u32) {
        let shared = {
            let numbers = self.numbers.lock();
            let given = numbers.given.get(number as usize).and_then(Option::as_ref);
            given.and_then(Weak::upgrade)
        };
        let Some(shared) = shared else { return };
        // From now on it gets no place any more; then it loses those it has.
        if !shared.set_solitary() {
            return;
        }
        tracing::info!(subscription = %shared.id,
            "the filter takes long, so the subscription reads by itself from now on");
        let feeds: Vec<_> = self.feeds.lock().values().cloned().collect();
        for feed in feeds {
            feed.remove(number);
        }
        self.matcher.write().remove(number.into());
    }
}
