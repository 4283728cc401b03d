//! Bytes that change on their own: detected or recovered from, never served.

use vanus_storage::{
    Fs, MemoryFs, OpenError, ReadError, Store, StoreOptions,
    fs::{CrashPolicy, OpenMode, read_file, write_all_at},
};
use vanus_types::{Coded, ErrorCode};

use crate::common::*;

const SEG: &str = "segments/000000000000000A/00000000000000000000.seg";
const IDX: &str = "segments/000000000000000A/00000000000000000000.idx";

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|turn| format!("{turn}.0")).collect()
}

/// A log of `count` small events, in segments or only in the write-ahead log.
fn written(count: usize, checkpoint: bool) -> MemoryFs {
    let fs = MemoryFs::new();
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    for name in expected(count) {
        put(&store, LOG, &batch(&[name], 20));
    }
    if checkpoint {
        store.close().unwrap();
    }
    drop(store);
    fs
}

fn last_wal(fs: &MemoryFs) -> String {
    let names = fs.list_dir("wal").unwrap();
    let last = names
        .iter()
        .rev()
        .find(|entry| entry.name.ends_with(".wal"))
        .unwrap();
    format!("wal/{}", last.name)
}

/// Reads as far as it goes: what is read is a beginning of what was written, and the answer is its length.
fn good_prefix(store: &Store, expected: &[String]) -> Result<usize, ReadError> {
    let mut next = 0;
    loop {
        let chunk = store.read(LOG, next, 500)?;
        if chunk.batches.is_empty() {
            return Ok(next as usize);
        }
        for (offset, event) in chunk.batches.iter().flat_map(|batch| batch.events()) {
            assert_eq!(event.id(), expected[offset as usize]);
        }
        next = chunk.next_offset;
    }
}

#[test]
fn a_flipped_bit_in_the_write_ahead_log_is_detected_or_harmless() {
    let fs = written(6, false);
    let path = last_wal(&fs);
    let expected = expected(6);
    let (mut detected, mut cut) = (0, 0);
    // The header, and of each frame its header and the start of its payload. Bits within a block rotate.
    for frame in 0..8_u64 {
        for byte in 0..160 {
            let damaged = fs.fork();
            damaged
                .flip_bit(&path, frame * 4096 + byte, (byte % 8) as u8)
                .unwrap();
            match try_open(&damaged, StoreOptions::small()) {
                Ok(store) if store.logs().is_empty() => {
                    panic!("frame {frame} byte {byte}: the eventlog is gone");
                }
                Ok(store) => {
                    let read = good_prefix(&store, &expected).unwrap();
                    // Only the last frame can be taken for one that was being written.
                    assert!(
                        read == 6 || (read == 5 && frame == 7),
                        "frame {frame} byte {byte}"
                    );
                    cut += usize::from(read == 5);
                }
                Err(e) => {
                    assert_eq!(
                        e.code(),
                        ErrorCode::CorruptData,
                        "frame {frame} byte {byte}: {e}"
                    );
                    let OpenError::Corrupted(place) = e else {
                        panic!("{e}")
                    };
                    assert_eq!(
                        (place.file.as_str(), place.position),
                        (path.as_str(), frame * 4096)
                    );
                    detected += 1;
                }
            }
        }
    }
    assert!(detected > 6 * 100 && cut > 100, "{detected} {cut}");
}

#[test]
fn a_flipped_bit_in_a_segment_is_never_served() {
    let fs = written(40, true);
    let expected = expected(40);
    let len = read_file(&fs, SEG, 1 << 20).unwrap().unwrap().len() as u64;
    for byte in (0..60).chain((4096..len).step_by(3)) {
        let damaged = fs.fork();
        damaged.flip_bit(SEG, byte, (byte % 8) as u8).unwrap();
        match try_open(&damaged, StoreOptions::small()) {
            Ok(store) => match good_prefix(&store, &expected) {
                Ok(read) => assert!(read == 40 && (40..4096).contains(&byte), "byte {byte}"),
                Err(ReadError::Corrupted {
                    log,
                    offset,
                    source,
                }) => {
                    assert_eq!(log, LOG);
                    assert_eq!(source.file, SEG);
                    assert!(source.position <= byte && offset < 40);
                    // Unless the damage hides where the next batch begins, those after it can be read.
                    match store.read(LOG, 39, 1) {
                        Ok(chunk) => assert_eq!(chunk.next_offset, 40),
                        Err(e) => assert_eq!(e.code(), ErrorCode::CorruptData),
                    }
                }
                Err(e) => panic!("byte {byte}: {e}"),
            },
            Err(e) => {
                assert!(byte < 40, "byte {byte}: {e}");
                assert_eq!(e.code(), ErrorCode::CorruptData);
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_an_index_is_harmless() {
    let fs = written(40, true);
    let expected = expected(40);
    let len = read_file(&fs, IDX, 1 << 20).unwrap().unwrap().len() as u64;
    assert!(len >= 64);
    for byte in 0..len {
        let damaged = fs.fork();
        damaged.flip_bit(IDX, byte, (byte % 8) as u8).unwrap();
        let store = open(&damaged);
        assert_eq!(good_prefix(&store, &expected).unwrap(), 40, "byte {byte}");
        store.close().unwrap();
        let store = open(&damaged);
        assert_eq!(
            good_prefix(&store, &expected).unwrap(),
            40,
            "it was written anew"
        );
    }
}

#[test]
fn a_lost_index_is_made_anew() {
    let fs = written(40, true);
    fs.remove(IDX).unwrap();
    let store = open(&fs);
    assert_eq!(good_prefix(&store, &expected(40)).unwrap(), 40);
    store.close().unwrap();
    assert!(read_file(&fs, IDX, 1 << 20).unwrap().unwrap().len() >= 64);
}

#[test]
fn a_segment_shorter_than_its_index_says_is_an_error() {
    let fs = written(40, true);
    let file = fs.open(SEG, OpenMode::Write).unwrap();
    let len = file.len().unwrap();
    file.set_len(len - 1).unwrap();
    let Err(OpenError::Corrupted(place)) = try_open(&fs, StoreOptions::small()) else {
        panic!("it opened");
    };
    assert_eq!((place.file.as_str(), place.position), (SEG, len - 1));
}

#[test]
fn a_torn_tail_of_a_segment_is_cut_and_written_again_from_the_write_ahead_log() {
    for cut in [1, 30, 63, 64, 65, 120, 300] {
        let fs = written(5, true);
        let store = open(&fs);
        put(&store, LOG, &batch(&["5.0".into(), "6.0".into()], 20));
        // Into the segment, not synced; then the power goes and a part of it is there.
        fs.crash(CrashPolicy::KillProcess, 1);
        drop(store);
        let file = fs.open(SEG, OpenMode::Write).unwrap();
        let len = file.len().unwrap();
        write_all_at(file.as_ref(), &vec![0xEE; cut], len).unwrap();
        let store = open(&fs);
        assert_eq!(
            ids_of(&all(&store, LOG)),
            ["0.0", "1.0", "2.0", "3.0", "4.0", "5.0", "6.0"]
        );
        assert_eq!(put(&store, LOG, &named("after", 1)), 7);
    }
}

#[test]
fn a_frame_of_a_files_earlier_life_is_never_believed() {
    let fs = MemoryFs::new();
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    // Every file is used several times, so whole old frames lie behind the new ones.
    for turn in 0..150 {
        put(&store, LOG, &batch(&[format!("{turn}.0")], 20));
        store.tick().unwrap();
        let fork = fs.fork();
        fork.crash(CrashPolicy::LoseUnsynced, 1);
        let again = open(&fork);
        assert_eq!(good_prefix(&again, &expected(turn + 1)).unwrap(), turn + 1);
        assert_eq!(again.info(LOG).unwrap().end_offset, turn as u64 + 1);
    }
    let files = fs.list_dir("wal").unwrap().len() as u64;
    assert!(
        store.stats().wal_bytes > files * 64 * 1024,
        "files were used again"
    );
}

#[test]
fn a_missing_write_ahead_log_file_is_an_error() {
    let fs = MemoryFs::new();
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    let first = last_wal(&fs);
    for turn in 0..40 {
        put(&store, LOG, &batch(&[format!("{turn}.0")], 20));
    }
    drop(store);
    assert_ne!(last_wal(&fs), first, "several files were needed");
    fs.remove(&first).unwrap();
    assert!(matches!(
        try_open(&fs, StoreOptions::small()),
        Err(OpenError::Corrupted(_))
    ));
}

#[test]
fn missing_files_of_an_eventlog_are_an_error_while_the_write_ahead_log_knows_it() {
    let fs = written(5, true);
    let store = open(&fs);
    put(&store, LOG, &named("5", 1));
    drop(store);
    for path in [SEG, IDX] {
        fs.remove(path).unwrap();
    }
    assert!(matches!(
        try_open(&fs, StoreOptions::small()),
        Err(OpenError::Corrupted(_))
    ));
}
