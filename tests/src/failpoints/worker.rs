//! Who appends until it dies.

use std::{io::Write, path::Path, sync::Arc, thread};

use parking_lot::Mutex;
use vanus_storage::{
    Store, StoreOptions, Threads,
    fs::{DiskFs, Fs},
};
use vanus_types::{Batch, Durability, EventlogId, OsEntropy, ProducerId, SystemClock};

use super::fs::{DyingFs, Failpoint};
use crate::{
    harness::{Random, Result},
    ledger::event,
};

/// The eventlogs that are appended to.
pub(super) const LOGS: [EventlogId; 2] = [EventlogId::from_u64(0xA), EventlogId::from_u64(0xB)];

/// The eventlog that comes and goes.
const FLEETING: EventlogId = EventlogId::from_u64(0xC);

const MOST_BATCH: u64 = 8;

/// Opens the store in `folder`; small files, so that they are sealed, recycled and removed often.
pub(super) fn open(folder: &Path, failpoint: Option<Failpoint>) -> Result<Store> {
    let disk: Arc<dyn Fs> = Arc::new(DiskFs::open(folder)?);
    let fs = match failpoint {
        Some(failpoint) => Arc::new(DyingFs::new(disk, failpoint)),
        None => disk,
    };
    let options = StoreOptions {
        threads: Threads::Background,
        flush_interval_ms: 10,
        checkpoint_interval_ms: 50,
        ..StoreOptions::small()
    };
    let clock = Arc::new(SystemClock::new());
    Ok(Store::open(fs, clock, Arc::new(OsEntropy), options)?)
}

/// Appends to the store in `folder`, opening it first, until `failpoint` or somebody else ends the
/// process; tells `out` line by line what was acknowledged.
///
/// # Errors
/// What else ended it.
pub fn work(
    folder: &Path,
    failpoint: Failpoint,
    seed: u64,
    out: impl Write + Send + 'static,
) -> Result<()> {
    let store = open(folder, Some(failpoint))?;
    for log in LOGS {
        store.create_log_blocking(log)?;
    }
    let out = Mutex::new(out);
    thread::scope(|scope| {
        let writers = LOGS.map(|log| {
            let (store, out) = (&store, &out);
            scope.spawn(move || append(store, log, seed, out))
        });
        let fleeting = scope.spawn(|| come_and_go(&store));
        writers
            .into_iter()
            .chain([fleeting])
            .try_for_each(|thread| thread.join().map_err(|_| "a writer panicked")?)
    })
}

fn append(store: &Store, log: EventlogId, seed: u64, out: &Mutex<impl Write>) -> Result<()> {
    let mut random = Random::named(seed, &log.to_string());
    let producer = ProducerId::from_u64(random.next().max(1));
    let mut number = 0;
    loop {
        let count = 1 + random.below(MOST_BATCH);
        let ids = (number..number + count).map(|n| format!("{log}.{seed}.{n}"));
        let events = ids.map(|id| event(&id)).collect::<Result<Vec<_>>>()?;
        for batch in Batch::pack(&events) {
            let batch = batch.produced_by(producer, number);
            number += u64::from(batch.header().count);
            let appended = store.append_blocking(log, batch.clone(), Durability::Fsync)?;
            let offsets = appended.base_offset..;
            let mut lines = String::new();
            for (offset, (_, event)) in offsets.zip(batch.events()) {
                lines += &format!("ack {log} {offset} {}\n", event.id());
            }
            let mut out = out.lock();
            out.write_all(lines.as_bytes())?;
            out.flush()?;
        }
    }
}

/// Makes and deletes an eventlog, so that folders come and go.
fn come_and_go(store: &Store) -> Result<()> {
    loop {
        match store.create_log_blocking(FLEETING) {
            Ok(()) => {
                let batches = Batch::pack(&[event("fleeting")?]);
                for batch in batches {
                    store.append_blocking(FLEETING, batch, Durability::PageCache)?;
                }
                store.delete_log_blocking(FLEETING)?;
            }
            // Its files go with the next checkpoint.
            Err(vanus_storage::AdminError::BeingDeleted(_)) => thread::yield_now(),
            Err(other) => return Err(other.into()),
        }
    }
}
