//! Restarts, kills and cut-short beginnings, on real directories.

use super::*;

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let store = open(dir.path()).unwrap();
        assert_eq!(pairs(&store).unwrap(), round * 10);
        (round * 10..round * 10 + 10).for_each(|n| put_pair(&store, n));
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    (0..20).for_each(|n| put_pair(&store, n));
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    let survivor = open(copy.path()).unwrap();
    assert_eq!(pairs(&survivor).unwrap(), 20);
    put_pair(&survivor, 20);
    drop(survivor);
    assert_eq!(pairs(&open(copy.path()).unwrap()).unwrap(), 21);
}

#[test]
fn what_is_queued_is_stored_when_the_store_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    for n in 0..500 {
        drop(store.commit(MetaBatch::new().put(Table::Garbage, format!("{n}"), "v")));
    }
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(
        store
            .scan(Table::Garbage, &Scan::all())
            .unwrap()
            .entries
            .len(),
        500
    );
}

#[test]
fn a_second_opening_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(MetaError::Locked { .. })));
    put_pair(&store, 0);
    drop(store);
    assert_eq!(pairs(&open(dir.path()).unwrap()).unwrap(), 1);
}

#[test]
fn a_creation_that_was_cut_short_starts_over() {
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("db.new");
    std::fs::create_dir_all(new.join("keyspaces")).unwrap();
    std::fs::write(new.join("0.jnl"), b"half").unwrap();
    let store = open(dir.path()).unwrap();
    put_pair(&store, 0);
    assert!(!new.exists());
}

#[test]
fn more_than_a_memtable_survives() {
    let dir = tempfile::tempdir().unwrap();
    let options = FjallOptions {
        memtable_bytes: 1024 * 1024,
        ..FjallOptions::new(dir.path())
    };
    let store = FjallMeta::open(&options).unwrap();
    let value = |n: u32| vec![n.to_le_bytes()[0]; 200 * 1024];
    for n in 0..40 {
        let batch = MetaBatch::new().put(Table::Subscriptions, format!("{n:04}"), value(n));
        store.commit_blocking(batch).unwrap();
    }
    drop(store);
    let store = FjallMeta::open(&options).unwrap();
    let mut found = 0;
    store
        .for_each(Table::Subscriptions, b"", &mut |key, data| {
            assert_eq!(key, format!("{found:04}"));
            assert_eq!(data, value(found));
            found += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(found, 40);
}

#[test]
fn after_a_failed_sync_every_file_is_written_anew_before_it_is_trusted() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    (0..5).for_each(|n| put_pair(&store, n));
    drop(store);
    let inodes = || {
        let mut files = Vec::new();
        files_below(&dir.path().join("db"), &mut files);
        let inode = |path: &Path| std::fs::metadata(path).unwrap().ino();
        files
            .into_iter()
            .map(|path| (inode(&path), path))
            .collect::<Vec<_>>()
    };
    let before = inodes();
    assert_eq!(pairs(&open(dir.path()).unwrap()).unwrap(), 5);
    assert_eq!(inodes(), before, "a sound store is not rewritten");
    crate::meta::fjall::mark_poisoned(dir.path());
    assert_eq!(pairs(&open(dir.path()).unwrap()).unwrap(), 5);
    let after = inodes();
    for ((old, path), (new, same)) in before.iter().zip(&after) {
        assert_eq!(path, same);
        assert_ne!(old, new, "{} is as it was", path.display());
    }
    drop(open(dir.path()).unwrap());
    assert_eq!(inodes(), after, "rewritten once, it is sound again");
}
