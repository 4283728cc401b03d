//! Writes down how far all subscriptions are, together: one batch of the metadata store every
//! [`SAVE_EVERY`], however many there are. Whatever is not written down when the process dies is
//! delivered again.
//!
//! What one batch says must be true if it is the last that was stored. A seat is stored either
//! with its watermark, or as *along with* the shared reader, whose place is stored beside. So the
//! place of a reader is taken first and stored last: whoever it brought an event to before that
//! place is on the list by then, and is stored with a watermark before or in the same batch.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use vanus_storage::meta::{MetaBatch, MetaError, MetaStore};
use vanus_types::Clock;

use super::{
    attempt::Origin,
    feed::Feed,
    progress::{self, Changes, Cursor},
    route::{PinChanges, Router},
    seat::{Entry, Seat},
};

/// How often progress is written down.
const SAVE_EVERY: Duration = Duration::from_millis(100);

/// How long the saver waits after the metadata store failed it.
const PAUSE: Duration = Duration::from_secs(1);

/// Most changed retries of one seat in one round.
const MAX_CHANGES: usize = 1_024;

/// Changes after which a batch is full; the last seat may add [`MAX_CHANGES`] more.
const FULL_BATCH: usize = 4_096;

/// The list of what is to be written down.
#[derive(Debug)]
pub(crate) struct Saver {
    meta: Arc<dyn MetaStore>,
    clock: Arc<dyn Clock>,
    lists: Mutex<Lists>,
    /// Somebody waits.
    hurry: Notify,
    /// Held while batches are made and stored.
    working: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Lists {
    seats: Vec<Arc<Seat>>,
    feeds: Vec<Arc<Feed>>,
    routers: Vec<Arc<Router>>,
    waiting: Vec<oneshot::Sender<Result<(), MetaError>>>,
    running: bool,
}

/// What is stored in one batch.
#[derive(Debug, Default)]
struct Part {
    batch: MetaBatch,
    /// What was taken, to be put back if it cannot be stored.
    taken: Vec<(Arc<Seat>, Changes)>,
    feeds: Vec<Arc<Feed>>,
    pins: Vec<(Arc<Router>, PinChanges)>,
}

impl Saver {
    pub(crate) fn new(meta: Arc<dyn MetaStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            meta,
            clock,
            lists: Mutex::default(),
            hurry: Notify::new(),
            working: tokio::sync::Mutex::default(),
        }
    }

    /// Puts a seat on the list. The caller knows that it is not there yet.
    pub(crate) fn list(self: &Arc<Self>, seat: &Arc<Seat>) {
        self.add(|lists| lists.seats.push(Arc::clone(seat)));
    }

    /// Puts a shared reader on the list. The caller knows that it is not there yet.
    pub(crate) fn list_feed(self: &Arc<Self>, feed: &Arc<Feed>) {
        self.add(|lists| lists.feeds.push(Arc::clone(feed)));
    }

    /// Puts a router with new pins on the list.
    pub(crate) fn list_router(self: &Arc<Self>, router: &Arc<Router>) {
        self.add(|lists| {
            if !lists.routers.iter().any(|known| Arc::ptr_eq(known, router)) {
                lists.routers.push(Arc::clone(router));
            }
        });
    }

    /// Writes down what is on the list now, without waiting for the next turn.
    ///
    /// # Errors
    /// [`MetaError`] when something on the list could not be stored; it stays there.
    pub(crate) async fn flush(self: &Arc<Self>) -> Result<(), MetaError> {
        let (tell, told) = oneshot::channel();
        self.add(|lists| lists.waiting.push(tell));
        self.hurry.notify_one();
        told.await.unwrap_or(Err(MetaError::Closed))
    }

    /// Waits until nothing is on its way into the metadata store, and keeps it so.
    pub(crate) async fn still(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.working.lock().await
    }

    fn add(self: &Arc<Self>, add: impl FnOnce(&mut Lists)) {
        let mut lists = self.lists.lock();
        add(&mut lists);
        // The task lives while there is something to do. An engine that is dropped outside of its
        // runtime stores nothing any more.
        if !lists.running
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            lists.running = true;
            runtime.spawn(Arc::clone(self).run());
        }
    }

    async fn run(self: Arc<Self>) {
        let mut last_ns = 0_u64;
        loop {
            if self.lists.lock().waiting.is_empty() {
                let since = self.clock.monotonic_ns().saturating_sub(last_ns);
                let wait = SAVE_EVERY.saturating_sub(Duration::from_nanos(since));
                self.pause(wait).await;
            }
            last_ns = self.clock.monotonic_ns();
            let waiting = std::mem::take(&mut self.lists.lock().waiting);
            let saved = self.round().await;
            for tell in waiting {
                // Whoever no longer waits does not want to know.
                let _ = tell.send(saved.clone());
            }
            if let Err(error) = saved {
                tracing::error!(%error, "progress of subscriptions cannot be stored");
                self.pause(PAUSE).await;
            }
            let mut lists = self.lists.lock();
            let Lists {
                seats,
                feeds,
                routers,
                waiting,
                ..
            } = &*lists;
            if seats.is_empty() && feeds.is_empty() && routers.is_empty() && waiting.is_empty() {
                lists.running = false;
                return;
            }
        }
    }

    /// Waits, at most until somebody flushes.
    async fn pause(&self, wait: Duration) {
        tokio::select! {
            biased;
            () = self.hurry.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }

    /// Stores everything on the lists.
    async fn round(self: &Arc<Self>) -> Result<(), MetaError> {
        let _working = self.working.lock().await;
        let mut parts = self.parts().into_iter();
        let mut failed = Ok(());
        while let Some(part) = parts.next() {
            let stored = self.meta.commit(part.batch).await;
            if stored.is_ok() {
                part.feeds.iter().for_each(|feed| feed.stored());
                for (router, pins) in &part.pins {
                    router.saved(pins);
                }
                continue;
            }
            // What comes after a batch that is not stored must not be stored either.
            failed = stored;
            for part in std::iter::once(Part {
                batch: MetaBatch::new(),
                ..part
            })
            .chain(parts)
            {
                for (seat, changes) in part.taken {
                    seat.put_back(changes);
                }
                part.feeds.iter().for_each(Feed::list);
                for (router, pins) in part.pins {
                    router.put_back(pins);
                    self.list_router(&router);
                }
            }
            break;
        }
        failed
    }

    /// Takes everything off the lists, and makes batches of it.
    fn parts(self: &Arc<Self>) -> Vec<Part> {
        let feeds = std::mem::take(&mut self.lists.lock().feeds);
        let mut places = HashMap::with_capacity(feeds.len());
        for feed in feeds {
            feed.unlist();
            let next = feed.next();
            places.insert(feed.eventlog(), (feed, next));
        }
        let seats = std::mem::take(&mut self.lists.lock().seats);
        let routers = std::mem::take(&mut self.lists.lock().routers);
        let mut apart = Parts::default();
        for router in routers {
            apart.put_pins(&router);
            if router.has_unsaved() {
                self.list_router(&router);
            }
        }
        let mut along: Vec<(Arc<Seat>, Entry)> = Vec::new();
        for seat in seats {
            let Some(mut entry) = seat.entry(MAX_CHANGES) else {
                continue;
            };
            if entry.settled {
                // What is stored of its reader must not lie further on than the reader is.
                let known = places.contains_key(&seat.eventlog);
                let moved_back = seat.feed.as_ref().is_none_or(|feed| feed.has_moved_back());
                if known || !moved_back {
                    along.push((seat, entry));
                    continue;
                }
                entry.settled = false;
                if let Some(feed) = &seat.feed {
                    feed.list();
                }
                seat.list_again();
            }
            apart.put(seat, entry);
        }
        let mut parts = apart.done();
        let mut last = Parts::default();
        for (feed, next) in places.values() {
            last.put_feed(feed, *next);
        }
        for (seat, entry) in along {
            last.put_along(seat, entry);
        }
        parts.extend(last.done());
        parts
    }
}

/// Batches that are being made.
#[derive(Debug, Default)]
struct Parts {
    full: Vec<Part>,
    part: Part,
}

impl Parts {
    fn put(&mut self, seat: Arc<Seat>, entry: Entry) {
        let cursor = Cursor::At(entry.watermark);
        self.put_seat(seat, entry, cursor);
    }

    /// Stores a seat as along with its reader, whose place was stored before.
    fn put_along(&mut self, seat: Arc<Seat>, entry: Entry) {
        let cursor = Cursor::Along(entry.watermark);
        self.put_seat(seat, entry, cursor);
    }

    fn put_seat(&mut self, seat: Arc<Seat>, entry: Entry, cursor: Cursor) {
        let (subscription, eventlog) = (seat.shared.id, seat.eventlog);
        let mut batch = std::mem::take(&mut self.part.batch);
        for (offset, change) in &entry.changes {
            batch = match change {
                Some(retry) => progress::put_retry(batch, subscription, eventlog, *offset, retry),
                None => progress::delete_retry(batch, subscription, eventlog, *offset),
            };
        }
        // How far letters were sent again is written down by who does that.
        if seat.origin == Origin::Eventlog {
            batch = progress::put_place(batch, subscription, eventlog, cursor);
        }
        self.part.batch = batch;
        if seat.has_changes() {
            seat.list_again();
        }
        self.part.taken.push((seat, entry.changes));
        self.turn_over();
    }

    fn put_pins(&mut self, router: &Arc<Router>) {
        let mut batch = std::mem::take(&mut self.part.batch);
        let pins = router.take_unsaved(MAX_CHANGES);
        for (key, route) in &pins {
            batch = progress::put_pin(batch, router.subscription(), *key, route.as_deref());
        }
        self.part.batch = batch;
        self.part.pins.push((Arc::clone(router), pins));
        self.turn_over();
    }

    fn put_feed(&mut self, feed: &Arc<Feed>, next: u64) {
        let batch = std::mem::take(&mut self.part.batch);
        self.part.batch = progress::put_feed(batch, feed.eventlog(), next);
        self.part.feeds.push(Arc::clone(feed));
        self.turn_over();
    }

    fn turn_over(&mut self) {
        if self.part.batch.len() >= FULL_BATCH {
            self.full.push(std::mem::take(&mut self.part));
        }
    }

    fn done(mut self) -> Vec<Part> {
        if !self.part.batch.is_empty() {
            self.full.push(self.part);
        }
        self.full
    }
}
