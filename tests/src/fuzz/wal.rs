//! A file of the write-ahead log, replayed into a store.

use std::sync::LazyLock;

use vanus_storage::{Fs, MemoryFs, fs::read_file};

use super::{Target, mend, store};

/// The target.
pub const TARGET: Target = Target {
    name: "wal",
    seeds,
    mend: mend::wal,
    run,
    memory: store::memory,
    evaluation: None,
};

const PATH: &str = "wal/00000000000000000001.wal";
const LEN: u64 = 64 * 1024;

/// A data directory in which nothing happened yet.
static EMPTY: LazyLock<Option<MemoryFs>> = LazyLock::new(|| {
    let fs = MemoryFs::new();
    drop(store::open(&fs, 1)?);
    for entry in fs.list_dir("wal").ok()? {
        fs.remove(&format!("wal/{}", entry.name)).ok()?;
    }
    Some(fs)
});

fn seeds() -> Vec<Vec<u8>> {
    let file = |batches: usize| -> Option<Vec<u8>> {
        let fs = store::filled(batches, false, |_| {})?;
        let mut bytes = read_file(&fs, PATH, LEN).ok()??;
        // The zeros at the end are put back when it is run.
        let used = bytes.iter().rposition(|&byte| byte != 0)? + 1;
        bytes.truncate(used);
        Some(bytes)
    };
    [0, 1, 4].into_iter().filter_map(file).collect()
}

fn run(input: &[u8]) -> Result<bool, String> {
    let fs = EMPTY.as_ref().ok_or("no empty store")?.fork();
    store::put(&fs, PATH, input, LEN).ok_or("the file was not made")?;
    let contents = store::twice(&fs)?;
    Ok(contents.is_some_and(|contents| contents.values().any(|events| !events.is_empty())))
}
