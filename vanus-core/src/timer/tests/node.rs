//! An engine in memory, as far as timers see it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use vanus_storage::{
    MemoryFs, Store, StoreOptions, Threads,
    fs::CrashPolicy,
    meta::{MemoryMeta, MetaBatch, MetaStore, Table},
};
use vanus_types::{
    Clock, Event, EventbusId, EventlogId, Name, NamespaceId, OsEntropy, SystemClock, TimerId,
};

use crate::eventlog::{Logs, stored_events};
use crate::timer::*;

/// Most timers of a namespace.
pub(super) const QUOTA: u64 = 200_000;

pub(super) const BUS: EventbusId = EventbusId::from_u64(100);
pub(super) const NAMESPACE: NamespaceId = NamespaceId::from_u64(1);
pub(super) const SHARDS: [EventlogId; 2] = [EventlogId::from_u64(1), EventlogId::from_u64(2)];
pub(super) const TARGET: EventlogId = EventlogId::from_u64(11);
pub(super) const LETTERS: EventlogId = EventlogId::from_u64(12);

/// Knows one eventbus, until it is deleted.
#[derive(Debug)]
pub(super) struct Host(pub(super) Mutex<Option<EventbusId>>);

impl TimerHost for Host {
    fn target(&self, goes: &Goes, _turn: usize) -> Option<Target> {
        if *self.0.lock() != Some(goes.eventbus) {
            return self.letters();
        }
        Some(Target {
            eventlog: TARGET,
            dead: false,
        })
    }

    fn letters(&self) -> Option<Target> {
        Some(Target {
            eventlog: LETTERS,
            dead: true,
        })
    }

    fn names(&self, _eventbus: EventbusId) -> Option<(Name, Name)> {
        None
    }
}

/// An engine, as far as timers see it.
pub(super) struct Node {
    pub(super) fs: MemoryFs,
    pub(super) meta: Arc<MemoryMeta>,
    pub(super) store: Store,
    pub(super) timers: Timers,
    pub(super) host: Arc<Host>,
    /// How many timers were set, so that each has an id of its own.
    pub(super) set: AtomicUsize,
}

pub(super) fn options() -> StoreOptions {
    StoreOptions {
        threads: Threads::Background,
        ..StoreOptions::small()
    }
}

impl Node {
    pub(super) async fn open(fs: MemoryFs, meta: Arc<MemoryMeta>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (disk, entropy) = (Arc::new(fs.clone()), Arc::new(OsEntropy));
        let store = Store::open(disk, clock, entropy, options()).unwrap();
        for log in SHARDS.into_iter().chain([TARGET, LETTERS]) {
            store.create_log(log).await.unwrap();
        }
        Self::over(fs, meta, store).await
    }

    /// Another owner of the same shards.
    pub(super) async fn over(fs: MemoryFs, meta: Arc<MemoryMeta>, store: Store) -> Self {
        let host = Arc::new(Host(Mutex::new(Some(BUS))));
        let timers = Timers::new(
            Logs::new(store.clone()),
            meta.clone(),
            Arc::new(SystemClock::new()),
            Arc::new(OsEntropy),
            TimerOptions {
                in_memory: 1_000,
                cache_bytes: 20_000,
                quota: QUOTA,
                ..TimerOptions::default()
            },
        );
        let bound: Weak<Host> = Arc::downgrade(&host);
        timers.bind(bound);
        timers.start(&SHARDS).await.unwrap();
        Self {
            fs,
            meta,
            store,
            timers,
            host,
            set: AtomicUsize::new(0),
        }
    }

    /// What a process that starts now would find if this one had just been killed and the power been cut.
    pub(super) fn copy_after_crash(&self, seed: u64) -> (MemoryFs, Arc<MemoryMeta>) {
        // The index first: it never knows more than the eventlog.
        let meta = MemoryMeta::new();
        let mut batch = MetaBatch::new();
        self.meta
            .for_each(Table::Timers, b"", &mut |key, value| {
                batch = std::mem::take(&mut batch).put(Table::Timers, key, value);
                if batch.len() >= 1_000 {
                    meta.commit_blocking(std::mem::take(&mut batch))?;
                }
                Ok(())
            })
            .unwrap();
        meta.commit_blocking(batch).unwrap();
        let fs = self.fs.fork();
        fs.crash(CrashPolicy::Random, seed);
        (fs, Arc::new(meta))
    }

    pub(super) async fn set(&self, count: usize, due_ms: impl Fn(usize) -> i64) -> Vec<TimerId> {
        let first = self.set.fetch_add(count, Ordering::Relaxed);
        let timers: Vec<_> = (0..count).map(|n| new(first + n, due_ms(n))).collect();
        let set = self.timers.set(BUS, NAMESPACE, &timers).await.unwrap();
        set.into_iter().map(|timer| timer.id).collect()
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.timers.now_ms()
    }

    /// The events in an eventlog, and when they were appended.
    pub(super) async fn stored(&self, eventlog: EventlogId) -> Vec<(Event, i64)> {
        let logs = Logs::new(self.store.clone());
        let (mut next, mut found) = (0, Vec::new());
        loop {
            let chunk = logs.read(eventlog, next, 1 << 20).await.unwrap();
            if chunk.batches.is_empty() {
                return found;
            }
            let events = stored_events(&chunk.batches, next);
            found.extend(events.map(|stored| (stored.event, stored.append_time_ms)));
            next = chunk.next_offset;
        }
    }

    pub(super) async fn until_none_waits(&self) {
        self.until(async || self.timers.metrics().pending == 0 && self.fires_are_over())
            .await;
    }

    pub(super) async fn until_stored(&self, pending: u64, stored: usize) {
        self.until(async || {
            let end = self.store.info(TARGET).unwrap().end_offset;
            self.timers.metrics().pending == pending && end >= stored as u64
        })
        .await;
    }

    pub(super) async fn until(&self, ready: impl AsyncFn() -> bool) {
        for _ in 0..4_000 {
            if ready().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never came to pass: {:?}", self.timers.metrics());
    }

    /// Whether what has fired is in its eventlog too.
    pub(super) fn fires_are_over(&self) -> bool {
        let told = self.timers.metrics();
        told.fired + told.dead_letters + told.cancelled + told.unreadable >= told.set
            || told.set == 0
    }
}

pub(super) fn new(n: usize, due_ms: i64) -> NewTimer {
    let event = Event::builder()
        .id(format!("{n}/{due_ms}"))
        .source("/test")
        .ty("t")
        .extension("xvanusdeliverytime", "2026-01-01T00:00:00Z")
        .text("x".repeat(100))
        .build();
    NewTimer {
        event: event.unwrap(),
        due_ms,
    }
}

/// When an event is due, by its id.
pub(super) fn due_of(event: &Event) -> i64 {
    event.id().split_once('/').unwrap().1.parse().unwrap()
}

pub(super) fn check_once(stored: &[(Event, i64)], expected: usize) {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for (event, at_ms) in stored {
        assert!(
            *at_ms >= due_of(event),
            "{} at {at_ms} was early",
            event.id()
        );
        *times.entry(event.id()).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "fired twice");
    assert_eq!(times.len(), expected);
}

pub(super) async fn fresh() -> Node {
    Node::open(MemoryFs::new(), Arc::new(MemoryMeta::new())).await
}
