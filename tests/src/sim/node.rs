//! One node on one thread: the real store on a disk in memory, its lives and their ends, and what it holds after each.

use std::sync::Arc;

use vanus_storage::{
    MemoryFs, Store, StoreOptions,
    fs::{CrashPolicy, FaultyFs, Fs, OpenMode},
};
use vanus_types::{EventlogId, SeededEntropy};

use super::{
    Bug, SeamFs, SimClock,
    faults::Faults,
    logs::{Slot, mark},
    trace::{Entry, Fail, Reading, Seen, Stop, Trace},
};
use crate::harness::Random;

/// Bytes of the disk: plenty, until it is filled.
const DISK_BYTES: u64 = 64 * 1024 * 1024;
/// What fills the disk.
const BALLAST: &str = "ballast";

/// What was done in a run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Simulated time, in milliseconds.
    pub simulated_ms: u64,
    /// Requests made.
    pub operations: u64,
    /// Acknowledged batches.
    pub acknowledged: u64,
    /// Kills and losses of power.
    pub crashes: u64,
    /// Disk faults that struck a call, not counting crashes.
    pub faults: u64,
    /// Times the store was opened, and was ready.
    pub opened: u64,
    /// Segments that the scrub went through.
    pub scrubbed: u64,
    /// Places the scrub took for damage: there are none.
    pub scrub_damage: u64,
}

/// The node, its clients and its disk.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) seed: u64,
    pub(super) random: Random,
    pub(super) clock: SimClock,
    pub(super) faults: Faults,
    pub(super) store: Option<Store>,
    pub(super) slots: Vec<Slot>,
    /// The next eventlog, and the next event.
    pub(super) next_log: u64,
    pub(super) next_event: u64,
    /// The store has stopped after a failure of the disk.
    pub(super) poisoned: bool,
    pub(super) full: bool,
    pub(super) trace: Trace,
    pub(super) figures: Figures,
    memory: MemoryFs,
    seam: SeamFs,
    options: StoreOptions,
}

impl Node {
    pub(super) fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut random = Random::named(seed, "node");
        let memory = MemoryFs::with_capacity(DISK_BYTES);
        let faulty = FaultyFs::new(Arc::new(memory.clone()));
        let seam = SeamFs::new(faulty.clone(), bug);
        let options = StoreOptions {
            wal_file_bytes: (32 + 16 * random.below(3)) * 1024,
            segment_bytes: 16 * 1024,
            max_wal_files: 3,
            cache_bytes: 4 * 1024,
            flush_bytes: 8 * 1024,
            scrub_rate: 64 * 1024,
            scrub_interval_ms: 2_000,
            ..StoreOptions::small()
        };
        Self {
            seed,
            random,
            clock: SimClock::default(),
            faults: Faults::new(faulty, seam.clone()),
            store: None,
            slots: Vec::new(),
            next_log: 1,
            next_event: 0,
            poisoned: false,
            full: false,
            trace: Trace::default(),
            figures: Figures::default(),
            memory,
            seam,
            options,
        }
    }

    /// Notes a request with its answer, behind what struck meanwhile.
    pub(super) fn note(&mut self, entry: Entry) {
        for struck in self.seam.take_struck() {
            // A machine that stops is counted as a crash.
            self.figures.faults += u64::from(!self.faults.crashed());
            self.trace.push(Entry::Struck(struck));
        }
        self.figures.operations += 1;
        self.trace.push(entry);
    }

    /// Opens the store, possibly onto a fault, and reads everything; says whether it is ready.
    pub(super) fn open(&mut self) -> bool {
        let entropy = Arc::new(SeededEntropy::new(self.random.next()));
        let (fs, clock) = (Arc::new(self.seam.clone()), self.clock.handle());
        match Store::open(fs, clock, entropy, self.options.clone()) {
            Err(e) => {
                self.note(Entry::NotOpened(Fail::from(&e), e.to_string()));
                false
            }
            Ok(store) => {
                let logs: Vec<u64> = store.logs().into_iter().map(EventlogId::get).collect();
                self.slots.retain(|slot| logs.contains(&slot.id));
                for &log in &logs {
                    // One whose making was not answered may be there all the same.
                    if self.slots.iter().all(|slot| slot.id != log) {
                        self.slots.push(Slot::new(log));
                    }
                }
                self.store = Some(store);
                self.poisoned = false;
                self.figures.opened += 1;
                self.note(Entry::Opened(logs.clone()));
                if self.faults.crashed() {
                    return true;
                }
                self.faults.clear();
                logs.into_iter().for_each(|log| self.audit(log));
                true
            }
        }
    }

    /// Reads an eventlog from start to end.
    pub(super) fn audit(&mut self, log: u64) {
        let Some(store) = self.store.clone() else {
            return;
        };
        let Ok(info) = store.info(EventlogId::from_u64(log)) else {
            return;
        };
        let mut events = Vec::new();
        let mut next = info.start_offset;
        while next < info.end_offset {
            let most = usize::try_from(self.random.between(1, 20_000)).unwrap_or(1);
            match read(&store, log, next, most) {
                Ok(reading) if reading.next > next => {
                    next = reading.next;
                    events.extend(reading.events);
                }
                answer => return self.note(Entry::Read(log, next, answer)),
            }
        }
        self.note(Entry::Audit {
            log,
            start: info.start_offset,
            end: info.end_offset,
            events,
        });
    }

    /// Ends the life of the store, one way or another.
    pub(super) fn stop(&mut self) {
        let crashed = self.faults.crashed();
        let store = self.store.take();
        let stop = match self.random.below(if crashed { 6 } else { 10 }) {
            0..3 => Stop::Killed,
            3..6 => Stop::PowerLost,
            6 => Stop::Dropped,
            _ => store
                .as_ref()
                .map_or(Stop::Dropped, |store| Stop::Closed(store.close().is_ok())),
        };
        // A fault that strikes while it closes belongs to this life, and to this line.
        let stop = match stop {
            Stop::Closed(_) if self.faults.crashed() => Stop::PowerLost,
            stop => stop,
        };
        drop(store);
        let policy = match stop {
            Stop::Closed(_) | Stop::Dropped => None,
            Stop::Killed => Some(CrashPolicy::KillProcess),
            Stop::PowerLost if self.random.below(3) == 0 => Some(CrashPolicy::LoseUnsynced),
            Stop::PowerLost => Some(CrashPolicy::Random),
        };
        self.note(Entry::Stopped(stop));
        self.faults.clear();
        if let Some(policy) = policy {
            self.memory.crash(policy, self.random.next());
            self.figures.crashes += 1;
        }
        // A loss of power may undo that the disk was filled, or that room was made.
        let filled = self.memory.exists(BALLAST).unwrap_or(false);
        let stays = self.full && self.random.below(2) == 0;
        if filled && !stays || !filled && self.full {
            self.free();
        }
        self.trace.mix(self.seam.fingerprint());
    }

    /// Fills the disk, but for a few blocks.
    pub(super) fn fill(&mut self) {
        let left = self.random.below(60_000);
        let used = self.memory.used();
        let Ok(file) = self.memory.open(BALLAST, OpenMode::OpenOrCreate) else {
            return;
        };
        let room = DISK_BYTES.saturating_sub(used).saturating_sub(left);
        if file.set_len(room).is_ok() {
            self.full = true;
            self.trace.push(Entry::Full(true));
        }
    }

    /// Makes room again.
    pub(super) fn free(&mut self) {
        // A loss of power may have taken it already.
        let _ = self.memory.remove(BALLAST);
        self.full = false;
        self.trace.push(Entry::Full(false));
    }
}

/// Reads what lies at an offset and behind it.
pub(super) fn read(store: &Store, log: u64, at: u64, most: usize) -> Result<Reading, Fail> {
    let chunk = store
        .read(EventlogId::from_u64(log), at, most)
        .map_err(|e| Fail::from(&e))?;
    let mut events = Vec::new();
    for batch in &chunk.batches {
        let time_ms = batch.header().append_time_ms;
        // A record that makes no sense is none of ours.
        let good = batch.header().eventlog.get() == log && batch.check_events().is_ok();
        for (offset, event) in batch.events().filter(|(offset, _)| *offset >= at) {
            let mut mark = mark(&event);
            if !good {
                mark.number = u64::MAX;
            }
            events.push(Seen {
                offset,
                time_ms,
                mark,
            });
        }
    }
    Ok(Reading {
        events,
        next: chunk.next_offset,
        end: chunk.end_offset,
    })
}
