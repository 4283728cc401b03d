//! One fixed piece of work that calls every kind of call, what it was promised, and what has to be found of it later.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use vanus_storage::{
    AdminError, AppendError, Fs, Health, MemoryFs, ReadError, Store, StoreOptions, fs::CrashPolicy,
};
use vanus_types::{Clock, Durability, EventlogId, SeededEntropy};

use crate::common::{LOG, OTHER, batch, ids};

/// An eventlog the work creates.
pub(super) const NEW: EventlogId = EventlogId::from_u64(0xC);

type Records = Vec<Vec<u8>>;

#[derive(Debug, Default, Clone)]
struct Promised {
    /// Acknowledged events by offset, and whether they are synced.
    events: BTreeMap<u64, (Vec<u8>, bool)>,
    /// Everything ever sent.
    sent: Records,
    created: bool,
    /// Whether it was asked to go, and whether that was acknowledged.
    delete: (bool, bool),
    expired: bool,
}

/// What the work was promised so far.
#[derive(Debug, Default, Clone)]
pub(super) struct Promises {
    logs: BTreeMap<EventlogId, Promised>,
}

impl Promises {
    /// Holds what a store has against what was promised; `killed` if nothing but the process was lost.
    pub(super) fn check(&self, store: &Store, killed: bool, case: &str) {
        let there = store.logs();
        for (&id, promised) in &self.logs {
            let (asked, gone) = promised.delete;
            assert!(!(gone && there.contains(&id)), "{case}: {id} came back");
            if !there.contains(&id) {
                assert!(!promised.created || asked, "{case}: {id} is lost");
                continue;
            }
            let info = store.info(id).unwrap();
            assert!(info.start_offset == 0 || promised.expired, "{case}");
            let found = read(store, id, info.start_offset).unwrap();
            let end = info.start_offset + found.len() as u64;
            assert_eq!(end, info.end_offset, "{case}: {id}");
            for (offset, record) in (info.start_offset..).zip(&found) {
                assert!(
                    promised.sent.contains(record),
                    "{case}: {id}/{offset} is invented"
                );
                if let Some((acknowledged, _)) = promised.events.get(&offset) {
                    assert_eq!(record, acknowledged, "{case}: {id}/{offset} is another");
                }
            }
            for (&offset, (_, synced)) in &promised.events {
                assert!(
                    offset < end || !(*synced || killed),
                    "{case}: {id}/{offset} was acknowledged and is lost, the end is {end}"
                );
            }
        }
    }
}

fn read(store: &Store, log: EventlogId, from: u64) -> Result<Records, ReadError> {
    let (mut records, mut next) = (Vec::new(), from);
    loop {
        let chunk = store.read(log, next, 20_000)?;
        if chunk.batches.is_empty() {
            return Ok(records);
        }
        let events = chunk.batches.iter().flat_map(|batch| batch.events());
        records.extend(events.map(|(_, event)| event.record().to_vec()));
        next = chunk.next_offset;
    }
}

/// The work under way.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) promises: Arc<Mutex<Promises>>,
    pub(super) case: String,
    /// Whether an answer told that the store is poisoned.
    poisoned: bool,
}

impl Work {
    pub(super) fn new(promises: &Promises, case: &str) -> Work {
        Work {
            promises: Arc::new(Mutex::new(promises.clone())),
            case: case.to_owned(),
            poisoned: false,
        }
    }

    fn with<R>(&self, log: EventlogId, change: impl FnOnce(&mut Promised) -> R) -> R {
        change(self.promises.lock().logs.entry(log).or_default())
    }

    /// Sends one batch. Once the store was seen to be poisoned, it must be refused.
    fn append(&mut self, store: &Store, log: EventlogId, name: &str, durability: Durability) {
        let turn = name.len() + name.bytes().map(usize::from).sum::<usize>();
        let batch = batch(&ids(name, 1 + turn % 3), [10, 700, 2500][turn % 3]);
        let records: Records = batch.events().map(|(_, e)| e.record().to_vec()).collect();
        self.with(log, |promised| promised.sent.extend(records.clone()));
        let red = self.is_poisoned(store);
        match store.append_blocking(log, batch, durability) {
            Ok(appended) => {
                assert!(
                    !red,
                    "{}: {name} was acknowledged by a poisoned store",
                    self.case
                );
                let synced = durability == Durability::Fsync;
                self.with(log, |promised| {
                    for (offset, record) in (appended.base_offset..).zip(records) {
                        let before = promised.events.insert(offset, (record, synced));
                        assert!(before.is_none(), "{offset} was given out twice");
                    }
                });
            }
            Err(AppendError::Poisoned { .. }) => self.saw_poison(store),
            Err(AppendError::Full | AppendError::UnknownLog(_)) => {}
            Err(e) => panic!("{}: {e}", self.case),
        }
    }

    fn is_poisoned(&self, store: &Store) -> bool {
        let red = matches!(store.health(), Health::Poisoned { .. });
        assert!(red || !self.poisoned, "{}: it healed by itself", self.case);
        red
    }

    fn saw_poison(&mut self, store: &Store) {
        self.poisoned = true;
        self.is_poisoned(store);
    }

    fn administer(&mut self, store: &Store, answer: &Result<(), AdminError>) -> bool {
        match answer {
            Ok(()) => return true,
            Err(AdminError::Poisoned { .. }) => self.saw_poison(store),
            Err(AdminError::Full | AdminError::UnknownLog(_) | AdminError::BeingDeleted(_)) => {}
            Err(e) => panic!("{}: {e}", self.case),
        }
        false
    }

    fn create(&mut self, store: &Store, log: EventlogId) {
        self.with(log, |_| ());
        let answer = store.create_log_blocking(log);
        if self.administer(store, &answer) {
            self.with(log, |promised| promised.created = true);
        }
    }

    fn delete(&mut self, store: &Store, log: EventlogId) {
        self.with(log, |promised| promised.delete.0 = true);
        let answer = store.delete_log_blocking(log);
        if self.administer(store, &answer) {
            self.with(log, |promised| promised.delete.1 = true);
        }
    }

    fn round(&mut self, store: &Store, name: &str, count: usize) {
        for turn in 0..count {
            let log = if turn % 3 == 2 { NEW } else { LOG };
            let durability = match turn % 4 {
                1 => Durability::PageCache,
                _ => Durability::Fsync,
            };
            self.append(store, log, &format!("{name}{turn}"), durability);
            let ticked = store.tick();
            self.administer(store, &ticked);
        }
    }

    /// Everything a store can be asked for.
    pub(super) fn run(&mut self, store: &Store) {
        self.create(store, NEW);
        self.round(store, "a", 12);
        let answer = store.checkpoint();
        self.administer(store, &answer);
        self.delete(store, OTHER);
        self.round(store, "b", 24);
        // A read may fail, but what it answers is right; and afterwards it works.
        for _ in 0..2 {
            let start = store.info(LOG).unwrap().start_offset;
            if let Ok(found) = read(store, LOG, start) {
                let promised = self.with(LOG, |promised| promised.clone());
                for (offset, record) in (start..).zip(&found) {
                    if let Some((acknowledged, _)) = promised.events.get(&offset) {
                        assert_eq!(record, acknowledged, "{}", self.case);
                    }
                }
            }
        }
        self.with(LOG, |promised| promised.expired = true);
        let answer = store.expire(LOG, 1_000_001).map(|_| ());
        self.administer(store, &answer);
        self.round(store, "c", 6);
        let answer = store.close();
        self.administer(store, &answer);
    }
}

pub(super) fn options() -> StoreOptions {
    StoreOptions {
        wal_file_bytes: 32 * 1024,
        segment_bytes: 16 * 1024,
        cache_bytes: 4 * 1024,
        flush_bytes: 8 * 1024,
        flush_interval_ms: 1,
        checkpoint_interval_ms: 5,
        sync_interval_ms: 2,
        ..StoreOptions::small()
    }
}

/// Opens with a clock; each opening draws other generations.
pub(super) fn open(
    fs: impl Fs + 'static,
    options: StoreOptions,
    clock: Arc<dyn Clock>,
    life: u64,
) -> Result<Store, vanus_storage::OpenError> {
    let entropy = Arc::new(SeededEntropy::new(life));
    Store::open(Arc::new(fs), clock, entropy, options)
}

/// A store that was killed with a part of its events in the write-ahead log only, and what it had promised.
pub(super) fn killed() -> (MemoryFs, Promises) {
    let fs = MemoryFs::new();
    let store = open(fs.clone(), options(), crate::common::clock(), 1).unwrap();
    let mut work = Work::new(&Promises::default(), "before");
    for log in [LOG, OTHER] {
        work.create(&store, log);
    }
    for turn in 0..8 {
        work.append(&store, LOG, &format!("x{turn}"), Durability::Fsync);
        work.append(&store, OTHER, &format!("y{turn}"), Durability::Fsync);
    }
    store.checkpoint().unwrap();
    for turn in 0..5 {
        work.append(&store, LOG, &format!("z{turn}"), Durability::Fsync);
    }
    drop(store);
    fs.crash(CrashPolicy::KillProcess, 1);
    let promises = work.promises.lock().clone();
    (fs, promises)
}
