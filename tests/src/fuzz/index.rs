//! An index beside a good segment: whatever it says, what is served is what was appended at that offset.

use std::sync::LazyLock;

use vanus_storage::{MemoryFs, Store, fs::read_file};
use vanus_types::checksum::crc32c_of;

use super::{Target, mend, store};

/// The target.
pub const TARGET: Target = Target {
    name: "index",
    seeds,
    mend,
    run,
    memory: store::memory,
    evaluation: None,
};

const ENTRY_LEN: usize = 32;
const BATCHES: usize = 12;

static FILLED: LazyLock<Option<(MemoryFs, store::Contents)>> = LazyLock::new(|| {
    let fs = store::filled(BATCHES, true, |_| {})?;
    let contents = store::contents(&store::open(&fs.fork(), 2)?).ok()?;
    Some((fs, contents))
});

fn seeds() -> Vec<Vec<u8>> {
    let checkpoint = |store: &Store| drop(store.checkpoint());
    let files = [
        store::filled(BATCHES, true, |_| {}),
        store::filled(BATCHES, true, checkpoint),
    ];
    let index = |fs: MemoryFs| read_file(&fs, store::INDEX, 1 << 20).ok()?;
    files.into_iter().flatten().filter_map(index).collect()
}

fn mend(input: &mut [u8]) {
    let (log, base) = (store::LOG.get().to_le_bytes(), 0_u64.to_le_bytes());
    for entry in input.chunks_exact_mut(ENTRY_LEN) {
        let crc = crc32c_of([&log[..], &base, entry.get(..28).unwrap_or_default()]);
        mend::put(entry, 28, crc);
    }
}

fn run(input: &[u8]) -> Result<bool, String> {
    let (fs, expected) = FILLED.as_ref().ok_or("no filled store")?;
    let fs = fs.fork();
    store::put(&fs, store::INDEX, input, 0).ok_or("the file was not made")?;
    let Some(opened) = store::open(&fs, 2) else {
        return Ok(false);
    };
    let found = store::contents(&opened)?;
    for (log, events) in &found {
        let appended = expected.get(log).ok_or("an eventlog out of nothing")?;
        for (offset, record) in events {
            if appended.get(offset) != Some(record) {
                return Err(format!("{log}/{offset} is not what was appended there"));
            }
        }
    }
    opened.close().map_err(|e| format!("closing: {e}"))?;
    Ok(true)
}
