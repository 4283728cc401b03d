//! Random work, random crashes at random points of the disk's calls, many seeds: what was acknowledged is there.

use std::{collections::BTreeMap, sync::Arc};

use vanus_storage::{
    AppendError, MemoryFs, Store, StoreOptions,
    fs::{Action, CrashPolicy, Fault, FaultyFs},
};
use vanus_types::{Durability, Entropy, EventlogId, ManualClock, SeededEntropy};

use crate::common::*;

/// What a client knows of one eventlog.
#[derive(Debug, Default, Clone)]
struct Known {
    exists: Option<bool>,
    /// By offset: the id acknowledged with a sync.
    acked: BTreeMap<u64, String>,
    /// By offset: the id acknowledged from the page cache.
    weak: BTreeMap<u64, String>,
    /// Ids sent, whatever became of them.
    sent: Vec<String>,
    /// Next sequence number of the producer, and the batch whose fate is unknown.
    sequence: u64,
    unknown: Option<(String, usize, u64)>,
    expired_below: u64,
}

struct Run {
    seed: u64,
    dice: SeededEntropy,
    memory: MemoryFs,
    clock: Arc<ManualClock>,
    logs: BTreeMap<EventlogId, Known>,
    names: u64,
}

impl Run {
    fn new(seed: u64) -> Run {
        Run {
            seed,
            dice: SeededEntropy::new(seed),
            memory: MemoryFs::new(),
            clock: Arc::new(ManualClock::new(1_000_000)),
            logs: (1..4)
                .map(|id| (EventlogId::from_u64(id), Known::default()))
                .collect(),
            names: 0,
        }
    }

    fn roll(&self, sides: u64) -> u64 {
        self.dice.next_u64() % sides
    }

    fn options(&self) -> StoreOptions {
        StoreOptions {
            wal_file_bytes: 32 * 1024,
            segment_bytes: 16 * 1024,
            max_wal_files: 3,
            cache_bytes: 4 * 1024,
            flush_bytes: 8 * 1024,
            ..StoreOptions::small()
        }
    }

    fn life(&mut self) {
        let fs = FaultyFs::new(Arc::new(self.memory.clone()));
        // The machine stops at one of the next calls of the disk, possibly while opening.
        let calls = self.roll(if self.roll(4) == 0 { 60 } else { 900 });
        let part = self.roll(5_000) as usize;
        let stop = Fault {
            op: None,
            path: String::new(),
            after: calls,
            times: 1,
            action: Action::Crash(part),
        };
        fs.plan(stop);
        let entropy = Arc::new(SeededEntropy::new(self.roll(u64::MAX)));
        let opened = Store::open(
            Arc::new(fs.clone()),
            self.clock.clone(),
            entropy,
            self.options(),
        );
        match opened {
            Ok(store) => {
                // What an open store shows is durable.
                let there = store.logs();
                for (log, known) in &mut self.logs {
                    known.exists.get_or_insert(there.contains(log));
                }
                while !fs.crashed() {
                    self.step(&store);
                }
                drop(store);
            }
            Err(e) => assert!(fs.crashed(), "seed {}: {e}", self.seed),
        }
        let policy = match self.roll(4) {
            0 => CrashPolicy::KillProcess,
            1 => CrashPolicy::LoseUnsynced,
            _ => CrashPolicy::Random,
        };
        self.memory.crash(policy, self.roll(u64::MAX));
        if policy != CrashPolicy::KillProcess {
            // What was acknowledged from the page cache may be gone.
            self.logs.values_mut().for_each(|known| known.weak.clear());
        }
        self.check();
    }

    fn step(&mut self, store: &Store) {
        let log = EventlogId::from_u64(1 + self.roll(3));
        self.clock.advance_ms(self.roll(200) as u32);
        match self.roll(100) {
            0..85 => self.append(store, log),
            85..90 => self.create(store, log),
            90 => self.delete(store, log),
            91..94 => self.expire(store, log),
            94 => drop(store.checkpoint()),
            _ => drop(store.tick()),
        }
    }

    fn create(&mut self, store: &Store, log: EventlogId) {
        let known = self.logs.get_mut(&log).unwrap();
        known.exists = match store.create_log_blocking(log) {
            Ok(()) => Some(true),
            Err(vanus_storage::AdminError::BeingDeleted(_)) => Some(false),
            Err(_) if known.exists == Some(true) => Some(true),
            Err(_) => None,
        };
    }

    fn delete(&mut self, store: &Store, log: EventlogId) {
        let known = self.logs.get_mut(&log).unwrap();
        match store.delete_log_blocking(log) {
            // The producer goes on with its numbers in a log of the same id.
            Ok(()) => {
                let sequence = known.sequence;
                *known = Known {
                    exists: Some(false),
                    sequence,
                    ..Known::default()
                };
            }
            // It may be there with everything, or not at all.
            Err(_) => {
                known.exists = None;
                known.acked.clear();
                known.weak.clear();
            }
        }
    }

    fn expire(&mut self, store: &Store, log: EventlogId) {
        let before = vanus_types::Clock::now_ms(self.clock.as_ref()) - self.roll(3_000) as i64;
        let _ = store.expire(log, before);
        let known = self.logs.get_mut(&log).unwrap();
        if let Ok(info) = store.info(log) {
            known.expired_below = known.expired_below.max(info.start_offset);
        }
    }

    fn append(&mut self, store: &Store, log: EventlogId) {
        let count = 1 + self.roll(4) as usize;
        let padding = self.roll(if self.roll(10) == 0 { 6_000 } else { 300 }) as usize;
        let durability = if self.roll(3) == 0 {
            Durability::PageCache
        } else {
            Durability::Fsync
        };
        self.names += 1;
        let name = format!("s{}n{}", self.seed, self.names);
        let idempotent = log.get() == 1;
        let known = self.logs.get_mut(&log).unwrap();
        // An idempotent producer sends the batch of unknown fate again first.
        let (name, count, sequence) =
            known
                .unknown
                .take()
                .filter(|_| idempotent)
                .unwrap_or((name, count, known.sequence));
        let ids = ids(&name, count);
        if idempotent {
            let fresh = !known.sent.contains(&ids[0]);
            if fresh {
                known.sent.extend(ids.clone());
            }
        } else {
            known.sent.extend(ids.clone());
        }
        let mut batch = batch(&ids, padding);
        if idempotent {
            batch = batch.produced_by(vanus_types::ProducerId::from_u64(77), sequence);
        }
        match store.append_blocking(log, batch, durability) {
            Ok(appended) => {
                assert_eq!(appended.count as usize, count);
                let offsets = appended.base_offset..;
                let place = if durability == Durability::Fsync {
                    &mut known.acked
                } else {
                    &mut known.weak
                };
                place.extend(offsets.zip(ids));
                known.sequence = sequence + count as u64;
                known.exists = Some(true);
            }
            Err(AppendError::UnknownLog(_)) => {
                assert_ne!(known.exists, Some(true), "seed {}", self.seed);
            }
            Err(AppendError::Poisoned { .. }) => known.unknown = Some((name, count, sequence)),
            Err(AppendError::OutOfSequence { .. }) if known.weak.is_empty() => {
                // What was acknowledged from the page cache was lost with its numbers: start anew.
                known.sequence = sequence + 1_000;
                known.unknown = None;
            }
            Err(e) => panic!("seed {}: {e}", self.seed),
        }
    }

    /// Opens what the crash left, on a copy, and compares.
    fn check(&mut self) {
        let seed = self.seed;
        let copy = self.memory.fork();
        let entropy = Arc::new(SeededEntropy::new(self.roll(u64::MAX)));
        let opened = Store::open(Arc::new(copy), self.clock.clone(), entropy, self.options());
        let store = opened.unwrap_or_else(|e| {
            let mut files = Vec::new();
            collect(&self.memory, "", &mut files);
            let files: Vec<_> = files
                .iter()
                .map(|(path, bytes)| (path, bytes.len()))
                .collect();
            panic!("seed {seed}: {e}\n{files:#?}")
        });
        let there = store.logs();
        for (log, known) in &mut self.logs {
            // Where nothing is known, what was found here may be in the page cache only.
            if let Some(exists) = known.exists {
                assert_eq!(there.contains(log), exists, "seed {seed} log {log}");
            }
            if !there.contains(log) {
                assert!(known.acked.is_empty(), "seed {seed}");
                continue;
            }
            let events = all(&store, *log);
            assert_dense(&events);
            let found: BTreeMap<u64, &str> = events
                .iter()
                .map(|(offset, id)| (*offset, id.as_str()))
                .collect();
            let start = store.info(*log).unwrap().start_offset;
            let acked = known.acked.iter().chain(&known.weak);
            for (offset, id) in acked.filter(|(offset, _)| **offset >= start) {
                assert_eq!(
                    found.get(offset),
                    Some(&id.as_str()),
                    "seed {seed} log {log} at {offset}"
                );
            }
            let mut seen = std::collections::HashSet::new();
            for (offset, id) in &events {
                let sent = known.sent.contains(id);
                assert!(sent, "seed {seed} log {log} at {offset}: nobody sent {id}");
                assert!(
                    seen.insert(id),
                    "seed {seed} log {log}: {id} is stored twice"
                );
            }
            let end = store.info(*log).unwrap().end_offset;
            // Offsets beyond the end will be given again: what was only in the page cache there is gone.
            known.weak.retain(|offset, _| *offset < end);
        }
    }
}

fn run(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let mut run = Run::new(seed);
        for _ in 0..6 {
            run.life();
        }
    }
}

#[test]
fn acknowledged_events_survive_crashes_and_nothing_is_invented() {
    run(0..60);
}

#[test]
fn acknowledged_events_survive_crashes_with_other_seeds() {
    run(1_000..1_060);
}

#[test]
fn the_same_seed_leaves_the_same_bytes() {
    let bytes = |seed| {
        let mut run = Run::new(seed);
        run.life();
        run.life();
        let mut files = Vec::new();
        collect(&run.memory, "", &mut files);
        files
    };
    assert_eq!(bytes(5), bytes(5));
}

fn collect(fs: &MemoryFs, dir: &str, files: &mut Vec<(String, Vec<u8>)>) {
    use vanus_storage::{Fs, fs::read_file};
    for entry in fs.list_dir(dir).unwrap() {
        let path = if dir.is_empty() {
            entry.name
        } else {
            format!("{dir}/{}", entry.name)
        };
        if entry.is_dir {
            collect(fs, &path, files);
        } else {
            files.push((
                path.clone(),
                read_file(fs, &path, 1 << 30).unwrap().unwrap(),
            ));
        }
    }
}
