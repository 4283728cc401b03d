//! One life of the machine: its store, the shards of timers, and whoever watches what arrives.

use std::sync::{Arc, Weak, atomic::AtomicI64};

use parking_lot::Mutex;
use vanus_storage::{Store, StoreOptions, fs::Fs, meta::MetaStore};
use vanus_types::{EventlogId, SeededEntropy, limits::MAX_READ_LEN};

use super::{
    bound::Bound,
    bug::{Bug, GivenClock},
    clock::SimClock,
    host::{SHARDS, SimHost, targets},
    judge::{Book, Sighting},
};
use crate::{
    eventlog::{Logs, stored_events},
    timer::{TimerHost, TimerOptions, Timers},
};

/// What everybody of a life shares.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) clock: Arc<SimClock>,
    pub(super) bound: Arc<Mutex<Bound>>,
    pub(super) book: Arc<Mutex<Book>>,
    pub(super) logs: Logs,
    host: Arc<SimHost>,
    bug: Option<Bug>,
}

impl Life {
    /// Opens the store, and makes the eventlogs that are not there.
    pub(super) fn begin(
        fs: Arc<dyn Fs>,
        seed: u64,
        clock: Arc<SimClock>,
        (bound, book): (Arc<Mutex<Bound>>, Arc<Mutex<Book>>),
        bug: Option<Bug>,
    ) -> Option<Self> {
        let options = StoreOptions {
            // Memory of nobody but the last who wrote, for the bug that needs it.
            max_producers: if bug == Some(Bug::FiresTwice) {
                1
            } else {
                4_096
            },
            max_wal_files: 8,
            scrub_rate: 0,
            ..StoreOptions::small()
        };
        let entropy = Arc::new(SeededEntropy::new(seed));
        let store = Store::open(fs, Arc::clone(&clock) as _, entropy, options).ok()?;
        for log in SHARDS.into_iter().chain(targets()) {
            if !store.logs().contains(&log) {
                store.create_log_blocking(log).ok()?;
            }
        }
        let (logs, host) = (Logs::new(store), Arc::new(SimHost));
        Some(Self {
            clock,
            bound,
            book,
            logs,
            host,
            bug,
        })
    }

    /// Starts the shards, from this index and their eventlogs.
    pub(super) async fn timers(
        &self,
        meta: Arc<dyn MetaStore>,
        seed: u64,
        in_memory: usize,
    ) -> Option<Arc<Timers>> {
        let clock = GivenClock {
            clock: Arc::clone(&self.clock),
            bug: self.bug,
            farthest_us: AtomicI64::new(0),
        };
        let options = TimerOptions {
            in_memory,
            cache_bytes: 4 * 1024,
            ..TimerOptions::default()
        };
        let entropy = Arc::new(SeededEntropy::new(seed));
        let timers = Arc::new(Timers::new(
            self.logs.clone(),
            meta,
            Arc::new(clock),
            entropy,
            options,
        ));
        let host: Arc<dyn TimerHost> = self.host.clone();
        timers.bind(Arc::downgrade(&host) as Weak<dyn TimerHost>);
        timers.start(&SHARDS).await.ok()?;
        Some(timers)
    }

    /// The latest it can be now by the time of the cluster, in milliseconds.
    pub(super) fn bound_ms(&self) -> i64 {
        let mut bound = self.bound.lock();
        bound.go_on(self.clock.elapsed_us(), self.clock.wall_us());
        bound.now_ms()
    }

    /// Somebody begins with what the wall clock shows now.
    pub(super) fn begin_anew(&self) {
        let mut bound = self.bound.lock();
        *bound = Bound::begin(Some(*bound), self.clock.elapsed_us(), self.clock.wall_us());
    }

    /// Sets the wall clock that far away, in microseconds.
    pub(super) fn jump(&self, us: i64) {
        self.bound_ms();
        self.bound.lock().jumps();
        self.clock.set(us);
        self.bound_ms();
    }

    /// Notes what is in the eventlogs and was not seen yet: it came while nobody looked.
    pub(super) async fn look_up(&self) -> Option<()> {
        for log in targets() {
            let from = self.from(log);
            let read = self.logs.read(log, from, MAX_READ_LEN).await.ok()?;
            self.sight(log, &read.batches, None);
        }
        Some(())
    }

    fn from(&self, log: EventlogId) -> u64 {
        self.book.lock().read_to.get(&log).copied().unwrap_or(0)
    }

    /// Notes what comes, as it comes.
    pub(super) async fn watch(self: Arc<Self>, log: EventlogId, timers: Arc<Mutex<Arc<Timers>>>) {
        loop {
            let from = self.from(log);
            let Ok(read) = self.logs.read_when_there(log, from, MAX_READ_LEN).await else {
                return;
            };
            let owner = Arc::clone(&timers.lock());
            self.sight(log, &read.batches, Some(&owner));
        }
    }

    fn sight(&self, log: EventlogId, batches: &[vanus_types::Batch], owner: Option<&Timers>) {
        let bound_ms = self.bound_ms();
        let mut book = self.book.lock();
        let from = book.read_to.get(&log).copied().unwrap_or(0);
        for stored in stored_events(batches, from) {
            book.read_to.insert(log, stored.id.offset + 1);
            if stored.event.ty() == "noise" {
                continue;
            }
            let (stands, since, unsteady) =
                (book.stands, book.stood_until_ms, book.unsteady_until_ms);
            let number = stored.event.id().parse().unwrap_or(u64::MAX);
            let Some(timer) = book.timers.get_mut(&number) else {
                book.strangers += 1;
                continue;
            };
            let judged = owner.filter(|_| !stands && !timer.changed);
            let late_ms = judged.and_then(|owner| {
                let due = timer.due_ms.first()?;
                Some(owner.now_ms() - (*due).max(since).max(timer.asked_ms))
            });
            let steady = owner.is_some_and(|owner| {
                owner.now_ms() >= unsteady && owner.metrics().clock_offset_ms.abs() <= 1_000
            });
            timer.seen.push(Sighting {
                bound_ms,
                late_ms,
                steady,
            });
        }
    }
}
