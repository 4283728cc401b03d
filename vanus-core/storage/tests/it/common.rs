//! What the tests share: opening stores, making batches, and reading everything back.

use std::sync::Arc;

use vanus_storage::{Fs, OpenError, Store, StoreOptions};
use vanus_types::{
    Batch, BatchBuilder, Durability, Event, EventlogId, ManualClock, ProducerId, SeededEntropy,
};

pub const LOG: EventlogId = EventlogId::from_u64(0xA);
pub const OTHER: EventlogId = EventlogId::from_u64(0xB);

/// A store with small files, inline, at a fixed time.
pub fn open(fs: &(impl Fs + Clone + 'static)) -> Store {
    try_open(fs, StoreOptions::small()).unwrap()
}

pub fn try_open(
    fs: &(impl Fs + Clone + 'static),
    options: StoreOptions,
) -> Result<Store, OpenError> {
    open_at(fs, options, &clock())
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(1_000_000))
}

pub fn open_at(
    fs: &(impl Fs + Clone + 'static),
    options: StoreOptions,
    clock: &Arc<ManualClock>,
) -> Result<Store, OpenError> {
    // Another seed for each file system state would be nicer still, but a generation has to differ from those
    // before: take the number of files ever made into it.
    let seed = fs.list_dir("wal").map_or(0, |names| {
        names
            .iter()
            .map(|entry| entry.name.bytes().map(u64::from).sum::<u64>())
            .sum()
    });
    let entropy = Arc::new(SeededEntropy::new(seed));
    Store::open(Arc::new(fs.clone()), clock.clone(), entropy, options)
}

/// A batch with one event for each id, each with `padding` bytes of data.
pub fn batch(ids: &[String], padding: usize) -> Batch {
    let mut builder = BatchBuilder::new();
    for id in ids {
        let event = Event::builder()
            .id(id.as_str())
            .source("/test")
            .ty("t")
            .binary(vec![7; padding])
            .build()
            .unwrap();
        assert!(builder.push(&event));
    }
    builder.build().unwrap()
}

/// A batch of `count` events named after `name`.
pub fn named(name: &str, count: usize) -> Batch {
    batch(&ids(name, count), 10)
}

pub fn ids(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{name}.{index}")).collect()
}

pub fn produced(name: &str, count: usize, producer: u64, sequence: u64) -> Batch {
    named(name, count).produced_by(ProducerId::from_u64(producer), sequence)
}

/// Appends with a sync and answers the base offset.
pub fn put(store: &Store, log: EventlogId, batch: &Batch) -> u64 {
    store
        .append_blocking(log, batch.clone(), Durability::Fsync)
        .unwrap()
        .base_offset
}

/// Everything from the start on, in small steps: offsets and ids.
pub fn all(store: &Store, log: EventlogId) -> Vec<(u64, String)> {
    let start = store.info(log).unwrap().start_offset;
    from(store, log, start, 5_000)
}

pub fn from(store: &Store, log: EventlogId, start: u64, max_bytes: usize) -> Vec<(u64, String)> {
    let mut events = Vec::new();
    let mut next = start;
    loop {
        let chunk = store.read(log, next, max_bytes).unwrap();
        if chunk.batches.is_empty() {
            assert_eq!(next, chunk.end_offset, "an empty answer is at the end");
            return events;
        }
        for batch in &chunk.batches {
            assert_eq!(batch.header().eventlog, log);
            batch.check_events().unwrap();
            for (offset, event) in batch.events().filter(|(offset, _)| *offset >= next) {
                events.push((offset, event.id().to_owned()));
            }
        }
        assert!(chunk.next_offset > next);
        next = chunk.next_offset;
    }
}

pub fn ids_of(events: &[(u64, String)]) -> Vec<&str> {
    events.iter().map(|(_, id)| id.as_str()).collect()
}

/// Offsets follow each other without a gap.
pub fn assert_dense(events: &[(u64, String)]) {
    for pair in events.windows(2) {
        assert_eq!(pair[0].0 + 1, pair[1].0, "offsets are dense");
    }
}
