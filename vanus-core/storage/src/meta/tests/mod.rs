//! What holds for every metadata store, and what only the one on disk can show.
#![expect(
    clippy::disallowed_methods,
    reason = "tests copy and damage real files"
)]

mod contract;
mod crash;
mod damage;

use std::path::Path;

use super::{FjallMeta, FjallOptions, MetaBatch, MetaError, MetaStore, Scan, Table};

fn open(dir: &Path) -> Result<FjallMeta, MetaError> {
    FjallMeta::open(&FjallOptions {
        workers: 1,
        ..FjallOptions::new(dir)
    })
}

/// Stores batch number `n`: the same number under the same key of two tables.
fn put_pair(store: &dyn MetaStore, n: u32) {
    let (key, value) = (format!("{n:04}"), n.to_string());
    let batch = MetaBatch::new()
        .put(Table::Cursors, &key, value.clone())
        .put(Table::Retries, &key, value);
    store.commit_blocking(batch).unwrap();
}

/// How many pairs there are. Fails unless they are whole, right and the first ones.
fn pairs(store: &dyn MetaStore) -> Result<u32, MetaError> {
    let cursors = store.scan(Table::Cursors, &Scan::all())?.entries;
    let retries = store.scan(Table::Retries, &Scan::all())?.entries;
    assert_eq!(cursors, retries, "a batch was torn");
    for (n, (key, value)) in cursors.iter().enumerate() {
        assert_eq!(*key, format!("{n:04}"), "a batch is missing before another");
        assert_eq!(*value, n.to_string());
    }
    Ok(u32::try_from(cursors.len()).unwrap())
}

/// Copies a directory as it is on disk now, which is what kill -9 now would leave.
fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a directory.
fn files_below(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found)
        } else {
            found.push(path)
        }
    }
    found.sort();
}
