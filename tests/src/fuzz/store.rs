//! What the targets over files share: a store opened on a file in memory, and whether it says the same twice.

use std::{collections::BTreeMap, sync::Arc};

use vanus_storage::{
    Fs, MemoryFs, ReadError, Store, StoreOptions,
    fs::{OpenMode, write_all_at},
};
use vanus_types::{Batch, BatchBuilder, Durability, EventlogId, ManualClock, SeededEntropy};

use super::record;

pub(super) const LOG: EventlogId = EventlogId::from_u64(0xA);
pub(super) const SEGMENT: &str = "segments/000000000000000A/00000000000000000000.seg";
pub(super) const INDEX: &str = "segments/000000000000000A/00000000000000000000.idx";

/// What a store holds, by eventlog and offset, as far as it could be read.
pub(super) type Contents = BTreeMap<EventlogId, BTreeMap<u64, Vec<u8>>>;

/// A store keeps its cache, a read block and a write-ahead log file in memory, whatever it is given.
pub(super) fn memory(len: usize) -> u64 {
    16 * 1024 * 1024 + 64 * len as u64
}

pub(super) fn open(fs: &MemoryFs, life: u64) -> Option<Store> {
    let (clock, entropy) = (ManualClock::new(1_000_000), SeededEntropy::new(life));
    Store::open(
        Arc::new(fs.clone()),
        Arc::new(clock),
        Arc::new(entropy),
        StoreOptions::small(),
    )
    .ok()
}

/// A batch of all kinds of events.
pub(super) fn batch() -> Option<Batch> {
    let mut builder = BatchBuilder::new();
    let all = record::events().iter().all(|event| builder.push(event));
    builder.build().filter(|_| all)
}

/// A store with that many batches; closed, or killed. `each` is called after each batch.
pub(super) fn filled(batches: usize, close: bool, each: impl Fn(&Store)) -> Option<MemoryFs> {
    let fs = MemoryFs::new();
    let store = open(&fs, 1)?;
    store.create_log_blocking(LOG).ok()?;
    for _ in 0..batches {
        store
            .append_blocking(LOG, batch()?, Durability::Fsync)
            .ok()?;
        each(&store);
    }
    if close {
        store.close().ok()?;
    }
    Some(fs)
}

/// Puts a file there.
pub(super) fn put(fs: &MemoryFs, path: &str, bytes: &[u8], len: u64) -> Option<()> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    fs.create_dir_all(folder).ok()?;
    let file = fs.open(path, OpenMode::OpenOrCreate).ok()?;
    file.set_len(0).ok()?;
    write_all_at(file.as_ref(), bytes, 0).ok()?;
    file.set_len(len.max(bytes.len() as u64)).ok()?;
    file.sync_all().ok()
}

/// Reads everything there is; damage ends an eventlog.
pub(super) fn contents(store: &Store) -> Result<Contents, String> {
    let mut contents = Contents::new();
    for log in store.logs() {
        let events = contents.entry(log).or_default();
        let mut next = store.info(log).map_err(|e| e.to_string())?.start_offset;
        loop {
            let chunk = match store.read(log, next, 64 * 1024) {
                Ok(chunk) if chunk.batches.is_empty() => break,
                Ok(chunk) => chunk,
                Err(ReadError::Corrupted { .. }) => break,
                Err(e) => return Err(format!("{log}/{next}: {e}")),
            };
            for (offset, event) in chunk.batches.iter().flat_map(|batch| batch.events()) {
                events.insert(offset, event.record().to_vec());
            }
            if chunk.next_offset <= next {
                return Err(format!(
                    "{log}/{next}: reading on from {}",
                    chunk.next_offset
                ));
            }
            next = chunk.next_offset;
        }
    }
    Ok(contents)
}

/// Opens the store, reads it, closes it and opens it again: it must say the same. `None` if it does not open.
pub(super) fn twice(fs: &MemoryFs) -> Result<Option<Contents>, String> {
    let Some(store) = open(fs, 2) else {
        return Ok(None);
    };
    let first = contents(&store)?;
    store.close().map_err(|e| format!("closing: {e}"))?;
    drop(store);
    let store = open(fs, 3).ok_or("it does not open a second time")?;
    let second = contents(&store)?;
    if first != second {
        let counts = |contents: &Contents| contents.values().map(BTreeMap::len).collect::<Vec<_>>();
        return Err(format!(
            "{:?} events became {:?}",
            counts(&first),
            counts(&second)
        ));
    }
    Ok(Some(first))
}
