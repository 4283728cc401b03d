//! A segment whose index is lost, so that all of it is read back.

use std::sync::LazyLock;

use vanus_storage::{Fs, MemoryFs, fs::read_file};

use super::{Target, mend, store};

/// The target.
pub const TARGET: Target = Target {
    name: "segment",
    seeds,
    mend: |input| {
        mend::over(input, 8, 12, 40);
        mend::batches(input.get_mut(4096..).unwrap_or_default());
    },
    run,
    memory: store::memory,
    evaluation: None,
};

static EMPTY: LazyLock<Option<MemoryFs>> = LazyLock::new(|| {
    let fs = store::filled(0, true, |_| {})?;
    for path in [store::SEGMENT, store::INDEX] {
        fs.remove(path).ok()?;
    }
    Some(fs)
});

fn seeds() -> Vec<Vec<u8>> {
    let file = |batches: usize| -> Option<Vec<u8>> {
        let fs = store::filled(batches, true, |_| {})?;
        read_file(&fs, store::SEGMENT, 1 << 20).ok()?
    };
    [1, 2, 6].into_iter().filter_map(file).collect()
}

fn run(input: &[u8]) -> Result<bool, String> {
    let fs = EMPTY.as_ref().ok_or("no empty store")?.fork();
    store::put(&fs, store::SEGMENT, input, 0).ok_or("the file was not made")?;
    let contents = store::twice(&fs)?;
    Ok(contents.is_some_and(|contents| contents.values().any(|events| !events.is_empty())))
}
