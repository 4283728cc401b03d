//! Files of a later format: refused with a code of their own, and left exactly as they are.

use vanus_storage::{
    Fs, MemoryFs, StoreOptions,
    check::verify,
    fs::{OpenMode, read_file, write_all_at},
};
use vanus_types::{Coded, ErrorCode, checksum::crc32c};

use crate::common::*;

const DIR: &str = "segments/000000000000000A";

fn options() -> StoreOptions {
    StoreOptions {
        checkpoint_interval_ms: u64::MAX / 2,
        flush_bytes: 1,
        ..StoreOptions::small()
    }
}

/// Everything on the disk, by path.
fn contents(fs: &MemoryFs, dir: &str, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs.list_dir(dir).unwrap() {
        let path = format!("{dir}/{}", entry.name);
        let path = path.trim_start_matches('/').to_owned();
        if entry.is_dir {
            contents(fs, &path, into);
        } else {
            let bytes = read_file(fs, &path, 1 << 24).unwrap().unwrap();
            into.push((path, bytes));
        }
    }
}

fn all_of(fs: &MemoryFs) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    contents(fs, "", &mut all);
    all
}

/// A store with a checkpoint, a snapshot of producers, and a batch behind the last index entry.
fn written() -> MemoryFs {
    let fs = MemoryFs::new();
    let store = try_open(&fs, options()).unwrap();
    store.create_log_blocking(LOG).unwrap();
    put(&store, LOG, &produced("a", 1, 5, 0));
    store.checkpoint().unwrap();
    put(&store, LOG, &named("b", 1));
    store.tick().unwrap();
    drop(store);
    fs
}

/// Sets a field of the record at `at` and mends the checksum, which covers `covered`.
fn set(
    fs: &MemoryFs,
    path: &str,
    (field, value): (usize, u8),
    crc: usize,
    covered: (usize, usize),
) {
    let mut bytes = read_file(fs, path, 1 << 24).unwrap().unwrap();
    bytes[field] = value;
    let (from, to) = (covered.0, covered.1.min(bytes.len()));
    let sum = crc32c(&bytes[from..to]).to_le_bytes();
    bytes[crc..crc + 4].copy_from_slice(&sum);
    let file = fs.open(path, OpenMode::Write).unwrap();
    write_all_at(file.as_ref(), &bytes, 0).unwrap();
    file.sync_all().unwrap();
}

#[test]
fn a_later_format_of_any_file_is_refused_and_nothing_is_changed() {
    let segment = format!("{DIR}/{:020}.seg", 0);
    let snapshot = format!("{DIR}/producers.snap");
    let whole = written();
    // The second batch of the segment, behind the last entry of the index.
    let bytes = read_file(&whole, &segment, 1 << 20).unwrap().unwrap();
    let magic = |at: &usize| bytes[*at..].starts_with(b"VBAT");
    let second = (4097..bytes.len() - 4).find(magic).unwrap();
    type Case<'a> = (&'a str, Vec<(usize, usize, (usize, usize))>);
    let cases: Vec<Case<'_>> = vec![
        (
            "superblock",
            vec![(12, 8, (12, 32)), (4108, 4104, (4108, 4128))],
        ),
        (
            "wal/checkpoint",
            vec![(12, 8, (12, 24)), (4108, 4104, (4108, 4120))],
        ),
        ("wal/00000000000000000001.wal", vec![(12, 8, (12, 40))]),
        (&segment, vec![(12, 8, (12, 40))]),
        (
            &segment,
            vec![(second + 44, second + 4, (second + 8, second + 64))],
        ),
        (&snapshot, vec![(12, 8, (12, usize::MAX))]),
    ];
    for (path, records) in cases {
        let fs = whole.fork();
        for (field, crc, covered) in records {
            set(&fs, path, (field, 2), crc, covered);
        }
        let before = all_of(&fs);
        let refused = try_open(&fs, options()).unwrap_err();
        assert_eq!(
            refused.code(),
            ErrorCode::UnknownFormat,
            "{path}: {refused}"
        );
        assert!(refused.to_string().contains(path), "{refused}");
        let verified = verify(&fs, &mut |_| {}).unwrap_err();
        assert_eq!(
            verified.code(),
            ErrorCode::UnknownFormat,
            "{path}: {verified}"
        );
        let after = all_of(&fs);
        for ((path, before), (_, after)) in before.iter().zip(&after) {
            assert!(before == after, "{path} was changed");
        }
        assert_eq!(before.len(), after.len(), "{path}");
    }
}
