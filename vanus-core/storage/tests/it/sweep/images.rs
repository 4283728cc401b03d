//! One store for each kind of file, with that file as large as it comes, 64 KiB where it may grow; and what a store that
//! was opened on a damaged copy may answer.

use vanus_storage::{
    Fs, MemoryFs, OpenError, ReadError, Store, StoreOptions,
    fs::{OpenMode, read_file},
};
use vanus_types::Durability;

use crate::common::{LOG, batch, open_at, produced, put};

/// Stores of more events are read as a whole after each sixteenth damage only.
const WHOLE: usize = 1000;
const DIR: &str = "segments/000000000000000A";

/// A file to damage in its store, and what was acknowledged there.
pub(super) struct Image {
    pub(super) name: &'static str,
    pub(super) fs: MemoryFs,
    pub(super) path: String,
    pub(super) options: StoreOptions,
    /// The records of all events, by offset.
    events: Vec<Vec<u8>>,
    /// Producers that sent one event each with sequence 0, the number of the first and their count.
    producers: (u64, u64),
    /// Bytes whose meaning the store depends on before any event: every bit of them is in every slice.
    structure: fn(u64) -> bool,
}

/// What became of one damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing is missing.
    Recovered,
    /// Opening refused and named a file.
    Refused,
    /// It opened; reading named the damaged file, everything before is there.
    ReadRefused,
    /// It opened, said where it has doubts, and what is missing is the end.
    Doubted,
}

impl Image {
    pub(super) fn len(&self) -> u64 {
        let bytes = read_file(&self.fs, &self.path, 1 << 24).unwrap().unwrap();
        bytes.len() as u64
    }

    pub(super) fn is_structure(&self, byte: u64) -> bool {
        (self.structure)(byte)
    }

    pub(super) fn cut(&self, len: u64) -> MemoryFs {
        let damaged = self.fs.fork();
        let file = damaged.open(&self.path, OpenMode::Write).unwrap();
        file.set_len(len).unwrap();
        file.sync_data().unwrap();
        damaged
    }

    pub(super) fn flipped(&self, bit: u64) -> MemoryFs {
        let damaged = self.fs.fork();
        let (byte, bit) = (bit / 8, (bit % 8) as u8);
        damaged.flip_bit(&self.path, byte, bit).unwrap();
        damaged
    }

    /// Opens a copy damaged at bit `damage` and holds what it says against what was acknowledged.
    pub(super) fn judge(&self, damaged: &MemoryFs, damage: u64, case: &str) -> Outcome {
        let opened = open_at(damaged, self.options.clone(), &crate::common::clock());
        let store = match opened {
            Ok(store) => store,
            Err(OpenError::Corrupted(place)) => {
                assert_eq!(place.file, self.path, "{} {case}: {place}", self.name);
                return Outcome::Refused;
            }
            Err(e) => panic!("{} {case}: {e}", self.name),
        };
        let outcome = self.read(&store, damage, case);
        if outcome == Outcome::Recovered {
            self.check_producers(&store, case);
        }
        outcome
    }

    fn read(&self, store: &Store, damage: u64, case: &str) -> Outcome {
        let doubted = store.doubts().iter().any(|doubt| doubt.file == self.path);
        if store.logs() != [LOG] {
            // Only the frame that made the eventlog is missing then, and with it everything.
            assert!(store.logs().is_empty() && doubted, "{} {case}", self.name);
            return Outcome::Doubted;
        }
        let whole =
            self.events.len() < WHOLE || damage.is_multiple_of(16) || self.is_structure(damage / 8);
        if !whole {
            return self.probe(store, damage, case);
        }
        let next = match self.read_from(store, 0, usize::MAX, case) {
            Ok(next) => next,
            Err(outcome) => return outcome,
        };
        if next == self.events.len() {
            return Outcome::Recovered;
        }
        assert!(
            doubted,
            "{} {case}: {next} of {} events, and not a word",
            self.name,
            self.events.len()
        );
        Outcome::Doubted
    }

    /// Reads at the start, around the place in the events that is as far in them as the damage is in the file, and the end.
    fn probe(&self, store: &Store, damage: u64, case: &str) -> Outcome {
        let events = self.events.len();
        let near = events * (damage / 8) as usize / self.len() as usize;
        let end = store.info(LOG).unwrap().end_offset;
        assert_eq!(end as usize, events, "{} {case}", self.name);
        for from in [0, near.saturating_sub(3), near, near + 3, events - 2] {
            let from = from.min(events - 2);
            match self.read_from(store, from, from + 2, case) {
                Ok(next) => assert!(next > from, "{} {case}", self.name),
                Err(outcome) => return outcome,
            }
        }
        Outcome::Recovered
    }

    /// Reads from one offset to another, or the end, and answers where it came to.
    fn read_from(
        &self,
        store: &Store,
        from: usize,
        to: usize,
        case: &str,
    ) -> Result<usize, Outcome> {
        let mut next = from;
        while next < to {
            let most = if to == usize::MAX { 1 << 20 } else { 1 };
            let chunk = match store.read(LOG, next as u64, most) {
                Ok(chunk) => chunk,
                Err(ReadError::Corrupted { offset, source, .. }) => {
                    assert_eq!(source.file, self.path, "{} {case}", self.name);
                    assert!(offset as usize >= from && (offset as usize) < self.events.len());
                    return Err(Outcome::ReadRefused);
                }
                Err(e) => panic!("{} {case}: {e}", self.name),
            };
            if chunk.batches.is_empty() {
                break;
            }
            let events = chunk.batches.iter().flat_map(|batch| batch.events());
            for (offset, event) in events.filter(|(offset, _)| *offset >= from as u64) {
                assert_eq!(offset, next as u64, "{} {case}", self.name);
                let name = self.name;
                assert_eq!(
                    event.record(),
                    &self.events[next],
                    "{name} {case}: {offset}"
                );
                next += 1;
            }
        }
        Ok(next)
    }

    /// The first, a middle and the last producer send again what is stored.
    fn check_producers(&self, store: &Store, case: &str) {
        let (first, count) = self.producers;
        for at in [0, count / 2, count.saturating_sub(1)] {
            if count == 0 || !store.doubts().is_empty() {
                return;
            }
            let again = produced(&format!("p{at}"), 1, first + at, 0);
            let answer = store
                .append_blocking(LOG, again, Durability::Fsync)
                .unwrap_or_else(|e| panic!("{} {case}: {e}", self.name));
            assert!(answer.duplicate, "{} {case}: producer {at}", self.name);
            assert_eq!(answer.base_offset, at, "{} {case}", self.name);
        }
    }
}

fn remember(events: &mut Vec<Vec<u8>>, batch: &vanus_types::Batch) {
    events.extend(batch.events().map(|(_, event)| event.record().to_vec()));
}

fn fill(
    store: &Store,
    events: &mut Vec<Vec<u8>>,
    count: usize,
    padding: usize,
    mut after: impl FnMut(&Store),
) {
    for _ in 0..count {
        let name = events.len().to_string();
        let batch = batch(&[format!("{name}a"), format!("{name}b")], padding);
        put(store, LOG, &batch);
        remember(events, &batch);
        after(store);
    }
}

fn image(
    name: &'static str,
    options: StoreOptions,
    structure: fn(u64) -> bool,
    make: impl FnOnce(&Store, &mut Vec<Vec<u8>>) -> (String, u64),
) -> Image {
    let fs = MemoryFs::new();
    let store = open_at(&fs, options.clone(), &crate::common::clock()).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let mut events = Vec::new();
    let (path, producers) = make(&store, &mut events);
    drop(store);
    Image {
        name,
        fs,
        path,
        options,
        events,
        producers: (1, producers),
        structure,
    }
}

/// Large enough that nothing but what the image is about happens.
fn roomy() -> StoreOptions {
    StoreOptions {
        max_wal_files: 8,
        flush_bytes: 1 << 20,
        segment_bytes: 1 << 20,
        cache_bytes: 1 << 20,
        checkpoint_interval_ms: u64::MAX / 2,
        ..StoreOptions::small()
    }
}

/// The first bytes of a block: a file's header, or that of a frame and of its first entry, batch and record.
fn block_head(byte: u64) -> bool {
    byte % 4096 < 160
}

/// The last write-ahead log file, full, or one before it, with everything only in there.
fn wal(name: &'static str, groups: usize, file: &'static str) -> Image {
    image(name, roomy(), block_head, |store, events| {
        for turn in 0..groups {
            // Frames of one, two and three blocks.
            fill(store, events, 1, [100, 2500, 5000][turn % 3], |_| {});
        }
        (file.to_owned(), 0)
    })
}

/// A segment of about 64 KiB; synced, or still covered by the write-ahead log.
fn segment(name: &'static str, close: bool) -> Image {
    let options = StoreOptions {
        // Everything that is read comes from the disk.
        cache_bytes: 0,
        flush_bytes: if close { 1 << 20 } else { 4 << 10 },
        ..roomy()
    };
    let head = |byte| byte < 48 || (4096..4296).contains(&byte);
    image(name, options, head, |store, events| {
        fill(store, events, 2, 500, |_| {});
        store.checkpoint().unwrap();
        fill(store, events, 50, 500, |store| store.tick().unwrap());
        if close {
            store.close().unwrap();
        }
        (format!("{DIR}/{:020}.seg", 0), 0)
    })
}

/// An index of 64 KiB: a checkpoint after every event.
fn index() -> Image {
    let options = StoreOptions {
        cache_bytes: 0,
        ..roomy()
    };
    image(
        "index",
        options,
        |byte| byte < 64,
        |store, events| {
            fill(store, events, 2047, 0, |store| store.checkpoint().unwrap());
            store.close().unwrap();
            (format!("{DIR}/{:020}.idx", 0), 0)
        },
    )
}

fn snapshot() -> Image {
    const PRODUCERS: u64 = 1364;
    image(
        "snapshot",
        roomy(),
        |byte| byte < 80,
        |store, events| {
            for at in 0..PRODUCERS {
                let batch = produced(&format!("p{at}"), 1, 1 + at, 0);
                put(store, LOG, &batch);
                remember(events, &batch);
                if at % 20 == 0 {
                    store.checkpoint().unwrap();
                }
            }
            store.close().unwrap();
            (format!("{DIR}/producers.snap"), PRODUCERS)
        },
    )
}

/// Of 4 KiB and a little: it holds two copies, each is structure.
fn record(name: &'static str, path: &'static str) -> Image {
    let copies = |byte| byte % 4096 < 32;
    image(name, roomy(), copies, |store, events| {
        fill(store, events, 10, 100, |_| {});
        store.close().unwrap();
        (path.to_owned(), 0)
    })
}

/// One image of every kind of file.
pub(super) fn all() -> Vec<Image> {
    vec![
        wal(
            "last write-ahead log file",
            7,
            "wal/00000000000000000001.wal",
        ),
        wal(
            "earlier write-ahead log file",
            12,
            "wal/00000000000000000001.wal",
        ),
        segment("segment", true),
        segment("segment not yet synced", false),
        index(),
        record("superblock", "superblock"),
        record("checkpoint record", "wal/checkpoint"),
        snapshot(),
    ]
}
