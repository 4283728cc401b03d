//! What survives which crash.

use super::{CrashPolicy, MemoryFs};
use crate::fs::{Fs, OpenMode, contract, read_file, write_all_at};

#[test]
fn memory_keeps_the_contract() {
    contract::run(&|_| Box::new(MemoryFs::new()));
}

fn put(fs: &MemoryFs, path: &str, bytes: &[u8]) -> std::sync::Arc<dyn crate::fs::File> {
    let file = fs.open(path, OpenMode::OpenOrCreate).unwrap();
    write_all_at(file.as_ref(), bytes, 0).unwrap();
    file
}

#[test]
fn a_killed_process_loses_nothing_but_the_power_still_can() {
    let fs = MemoryFs::new();
    put(&fs, "f", b"bytes");
    fs.crash(CrashPolicy::KillProcess, 1);
    assert_eq!(read_file(&fs, "f", 10).unwrap().unwrap(), b"bytes");
    fs.crash(CrashPolicy::LoseUnsynced, 1);
    assert!(!fs.exists("f").unwrap());
}

#[test]
fn bytes_and_names_each_need_their_own_sync() {
    let fs = MemoryFs::new();
    put(&fs, "named", b"bytes");
    put(&fs, "synced", b"bytes").sync_data().unwrap();
    fs.crash(CrashPolicy::LoseUnsynced, 1);
    assert!(!fs.exists("synced").unwrap(), "its folder was not synced");
    put(&fs, "both", b"bytes").sync_data().unwrap();
    put(&fs, "named", b"bytes");
    fs.sync_dir("").unwrap();
    put(&fs, "both", b"later");
    fs.crash(CrashPolicy::LoseUnsynced, 1);
    assert_eq!(read_file(&fs, "both", 10).unwrap().unwrap(), b"bytes");
    assert_eq!(read_file(&fs, "named", 10).unwrap().unwrap(), b"");
}

#[test]
fn a_folder_that_was_not_synced_takes_its_files_along() {
    let fs = MemoryFs::new();
    fs.create_dir_all("a/b").unwrap();
    put(&fs, "a/b/f", b"x").sync_data().unwrap();
    fs.sync_dir("a/b").unwrap();
    fs.sync_dir("").unwrap();
    fs.crash(CrashPolicy::LoseUnsynced, 1);
    assert!(fs.exists("a").unwrap());
    assert!(!fs.exists("a/b").unwrap());
    assert!(!fs.exists("a/b/f").unwrap());
}

#[test]
fn what_was_in_a_removed_folder_does_not_come_back_in_a_new_one() {
    for seed in 0..20 {
        let fs = MemoryFs::new();
        fs.create_dir_all("d").unwrap();
        put(&fs, "d/old", b"x").sync_data().unwrap();
        fs.sync_dir("d").unwrap();
        put(&fs, "d/newer", b"x");
        fs.sync_dir("").unwrap();
        fs.remove("d/old").unwrap();
        fs.remove("d/newer").unwrap();
        fs.remove_dir("d").unwrap();
        fs.sync_dir("").unwrap();
        fs.create_dir_all("d").unwrap();
        fs.sync_dir("").unwrap();
        fs.crash(CrashPolicy::Random, seed);
        assert!(fs.list_dir("d").unwrap().is_empty());
    }
}

#[test]
fn an_unsynced_rename_or_removal_is_undone() {
    let fs = MemoryFs::new();
    put(&fs, "a", b"a").sync_data().unwrap();
    put(&fs, "b", b"b").sync_data().unwrap();
    put(&fs, "c", b"c").sync_data().unwrap();
    fs.sync_dir("").unwrap();
    fs.rename("a", "b").unwrap();
    fs.remove("c").unwrap();
    fs.crash(CrashPolicy::LoseUnsynced, 1);
    for name in ["a", "b", "c"] {
        assert_eq!(read_file(&fs, name, 10).unwrap().unwrap(), name.as_bytes());
    }
}

#[test]
fn a_random_crash_keeps_loses_and_tears_sectors_and_repeats_itself() {
    let run = |seed| {
        let fs = MemoryFs::new();
        let file = put(&fs, "f", &[1; 64 * 512]);
        file.sync_data().unwrap();
        fs.sync_dir("").unwrap();
        put(&fs, "f", &[2; 64 * 512]);
        fs.crash(CrashPolicy::Random, seed);
        read_file(&fs, "f", 1 << 20).unwrap().unwrap()
    };
    let bytes = run(7);
    assert_eq!(bytes, run(7));
    let sectors: Vec<&[u8]> = bytes.chunks(512).collect();
    assert!(sectors.contains(&&[1; 512][..]), "some are lost");
    assert!(sectors.contains(&&[2; 512][..]), "some are kept");
    let torn = sectors.iter().any(|s| s.contains(&1) && s.contains(&2));
    assert!(torn, "some are torn");
}

#[test]
fn synced_bytes_survive_every_crash() {
    for seed in 0..50 {
        let fs = MemoryFs::new();
        put(&fs, "f", &[3; 5000]).sync_data().unwrap();
        fs.sync_dir("").unwrap();
        fs.crash(CrashPolicy::Random, seed);
        fs.crash(CrashPolicy::Random, seed);
        assert_eq!(read_file(&fs, "f", 1 << 20).unwrap().unwrap(), [3; 5000]);
    }
}

#[test]
fn handles_and_locks_end_with_a_crash() {
    let fs = MemoryFs::new();
    let lock = fs.lock("LOCK").unwrap();
    let file = put(&fs, "f", b"x");
    fs.crash(CrashPolicy::KillProcess, 1);
    assert!(file.len().is_err());
    let again = fs.lock("LOCK").unwrap();
    drop(lock);
    assert!(
        fs.lock("LOCK").is_err(),
        "the old guard does not release the new lock"
    );
    drop(again);
}

#[test]
fn a_full_disk_refuses_and_has_room_again_after_a_removal() {
    let fs = MemoryFs::with_capacity(10_000);
    put(&fs, "a", &[1; 9_000]);
    let file = fs.open("b", OpenMode::CreateNew).unwrap();
    let full = write_all_at(file.as_ref(), &[1; 2_000], 0).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(
        file.allocate(2_000).unwrap_err().kind(),
        std::io::ErrorKind::StorageFull
    );
    fs.remove("a").unwrap();
    write_all_at(file.as_ref(), &[1; 2_000], 0).unwrap();
    assert_eq!(fs.space().unwrap().free, 8_000);
}

#[test]
fn a_fork_shares_nothing() {
    let fs = MemoryFs::new();
    put(&fs, "f", b"x").sync_data().unwrap();
    fs.sync_dir("").unwrap();
    let fork = fs.fork();
    put(&fs, "f", b"y");
    fork.flip_bit("f", 0, 0).unwrap();
    assert_eq!(read_file(&fs, "f", 10).unwrap().unwrap(), b"y");
    assert_eq!(
        read_file(&fork, "f", 10).unwrap().unwrap(),
        b"y",
        "x with its lowest bit set"
    );
    fork.crash(CrashPolicy::LoseUnsynced, 0);
    assert_eq!(read_file(&fork, "f", 10).unwrap().unwrap(), b"y");
    fs.crash(CrashPolicy::LoseUnsynced, 0);
    assert_eq!(read_file(&fs, "f", 10).unwrap().unwrap(), b"x");
}
