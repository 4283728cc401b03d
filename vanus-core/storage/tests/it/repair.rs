//! Repair of a data directory: what is mended, what is given up only when it is accepted, and a stop at any call.

use std::{io, sync::Arc};

use vanus_storage::{
    Fs, MemoryFs, ReadError, Store, StoreOptions,
    check::{Mend, RepairOptions, Repaired, Report, Severity, inspect, plan, repair, verify},
    fs::{Action, CrashPolicy, Fault, FaultyFs, OpKind, OpenMode, read_file},
};
use vanus_types::{Clock, Durability, Entropy, SeededEntropy};

use crate::common::*;

const DIR: &str = "segments/000000000000000A";

fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 16 * 1024,
        cache_bytes: 0,
        ..StoreOptions::small()
    }
}

fn segment(base: u64) -> String {
    format!("{DIR}/{base:020}.seg")
}

fn index(base: u64) -> String {
    format!("{DIR}/{base:020}.idx")
}

/// 60 events of 1000 bytes in segments of 16 KiB, closed.
fn written() -> (MemoryFs, Vec<u64>) {
    let fs = MemoryFs::new();
    let store = try_open(&fs, options()).unwrap();
    store.create_log_blocking(LOG).unwrap();
    for turn in 0..60 {
        let batch = produced(&turn.to_string(), 1, 7, turn);
        let large = crate::common::batch(&ids(&turn.to_string(), 1), 1000);
        let batch = if turn < 20 { batch } else { large };
        put(&store, LOG, &batch);
        store.tick().unwrap();
    }
    let bases = store.segments(LOG).unwrap();
    let bases = bases.iter().map(|segment| segment.base_offset).collect();
    store.close().unwrap();
    (fs, bases)
}

fn check(fs: &MemoryFs) -> Report {
    verify(fs, &mut |_| {}).unwrap()
}

fn try_mend(
    fs: &Arc<dyn Fs>,
    accept_loss: bool,
) -> Result<Vec<Repaired>, vanus_storage::OpenError> {
    let report = verify(fs.as_ref(), &mut |_| {})?;
    let clock: Arc<dyn Clock> = clock();
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(77));
    let quarantine = (fs.clone(), "quarantine".to_owned());
    let options = RepairOptions {
        accept_loss,
        quarantine,
    };
    repair(fs, &clock, &entropy, &report, &options)
}

fn mend(fs: &MemoryFs, accept_loss: bool) -> Vec<Repaired> {
    try_mend(&(Arc::new(fs.clone()) as Arc<dyn Fs>), accept_loss).unwrap()
}

/// Everything that can be read: the events, and the offsets that are refused.
fn read(store: &Store) -> (Vec<(u64, String)>, Vec<u64>) {
    let info = store.info(LOG).unwrap();
    let (mut events, mut refused) = (Vec::new(), Vec::new());
    let mut next = info.start_offset;
    while next < info.end_offset {
        match store.read(LOG, next, 1) {
            Ok(chunk) => {
                let read = chunk.batches.iter().flat_map(|batch| batch.events());
                events.extend(read.map(|(offset, event)| (offset, event.id().to_owned())));
                next = chunk.next_offset;
            }
            Err(ReadError::Corrupted { offset, .. }) => {
                assert_eq!(offset, next);
                refused.push(next);
                next += 1;
            }
            Err(e) => panic!("{e}"),
        }
    }
    (events, refused)
}

/// Every event that is read is what was appended at its offset, and everything else is refused.
fn assert_read(fs: &MemoryFs, lost: &[u64]) {
    let store = try_open(fs, options()).unwrap();
    let (events, refused) = read(&store);
    assert_eq!(refused, lost);
    let expected: Vec<(u64, String)> = (0..60)
        .filter(|offset| !lost.contains(offset))
        .map(|offset| (offset, format!("{offset}.0")))
        .collect();
    assert_eq!(events, expected);
    assert_eq!(
        put(&store, LOG, &named("next", 1)),
        60,
        "no offset is given again"
    );
    assert!(store.offset_at(LOG, 0).is_ok());
}

#[test]
fn what_is_held_twice_or_can_be_made_anew_is_mended_and_nothing_is_lost() {
    let (fs, bases) = written();
    assert!(check(&fs).is_clean(), "{:?}", check(&fs).problems);
    let cases: [(&str, u64, Mend); 5] = [
        ("superblock", 4096 + 20, Mend::Superblock),
        ("wal/checkpoint", 17, Mend::Checkpoint),
        (&index(bases[1]), 3, Mend::Index(LOG, bases[1])),
        (&segment(bases[1]), 20, Mend::Index(LOG, bases[1])),
        (&format!("{DIR}/producers.snap"), 40, Mend::Producers(LOG)),
    ];
    let all = fs.fork();
    for (path, position, expected) in cases {
        let fs = fs.fork();
        for fs in [&fs, &all] {
            fs.flip_bit(path, position, 2).unwrap();
        }
        let report = check(&fs);
        assert_eq!(plan(&report), [expected], "{path}");
        assert!(!report.is_clean());
        assert_eq!(mend(&fs, false).len(), 1, "{path}");
        assert_eq!(check(&fs).problems, [], "{path}");
        assert_read(&fs, &[]);
    }
    mend(&all, false);
    assert_eq!(check(&all).problems, []);
    let store = try_open(&all, options()).unwrap();
    let again = produced("3", 1, 7, 3);
    let again = store.append_blocking(LOG, again, Durability::Fsync);
    assert!(again.unwrap().duplicate, "its producer is remembered");
}

#[test]
fn a_missing_or_wrong_index_is_made_anew() {
    let (fs, bases) = written();
    let last = *bases.last().unwrap();
    for base in [bases[0], last] {
        let fs = fs.fork();
        fs.remove(&index(base)).unwrap();
        assert_eq!(plan(&check(&fs)), [Mend::Index(LOG, base)]);
        mend(&fs, false);
        assert_eq!(check(&fs).problems, []);
        assert_read(&fs, &[]);
    }
}

#[test]
fn a_damaged_batch_is_given_up_only_when_that_is_accepted_and_leaves_a_hole() {
    let (fs, bases) = written();
    let last = *bases.last().unwrap();
    for base in [bases[1], last] {
        // In the header of a batch, and in the body of one.
        for (at, bit) in [(4096, 5), (4096 + 10, 0), (4096 + 100, 1)] {
            let fs = fs.fork();
            let before = read_file(&fs, &segment(base), 1 << 20).unwrap();
            fs.flip_bit(&segment(base), at, bit).unwrap();
            let damaged = read_file(&fs, &segment(base), 1 << 20).unwrap();
            let report = check(&fs);
            assert_eq!(plan(&report), [Mend::Hole(LOG, base)]);
            assert_eq!(report.problems[0].severity, Severity::Damage);
            assert!(!report.problems[0].loss.is_empty());
            let same = fs.fork();
            assert_eq!(mend(&fs, false), [], "it has to be asked for");
            assert_eq!(read_file(&fs, &segment(base), 1 << 20).unwrap(), damaged);
            assert_eq!(inspect(&fs).unwrap(), inspect(&same).unwrap());
            let done = mend(&fs, true);
            assert_eq!(done.len(), 1);
            let copy = read_file(&fs, &done[0].copies[0], 1 << 20).unwrap();
            assert_eq!(copy, damaged, "the damaged bytes are kept aside");
            let after = check(&fs);
            assert!(after.is_clean(), "{:?}", after.problems);
            assert_eq!(after.problems.len(), 1, "the hole is told of");
            assert_read(&fs, &[base]);
            // A hole stays one hole, whatever comes later.
            let store = try_open(&fs, options()).unwrap();
            let message = store.read(LOG, base, 1).unwrap_err().to_string();
            assert!(message.contains("gave the events here up"), "{message}");
            store.close().unwrap();
            assert!(check(&fs).is_clean());
            assert_ne!(before, copy);
        }
    }
}

#[test]
fn a_segment_that_was_cut_short_is_given_up_behind_the_cut() {
    let (fs, bases) = written();
    let file = fs.open(&segment(bases[1]), OpenMode::Write).unwrap();
    let len = file.len().unwrap();
    file.set_len(len - 100).unwrap();
    assert!(try_open(&fs.fork(), options()).is_err());
    assert_eq!(plan(&check(&fs)), [Mend::Hole(LOG, bases[1])]);
    mend(&fs, true);
    assert!(check(&fs).is_clean(), "{:?}", check(&fs).problems);
    assert_read(&fs, &[bases[2] - 1]);
}

/// A store killed with everything in the write-ahead log only, one event a frame.
fn killed() -> MemoryFs {
    let fs = MemoryFs::new();
    let store = try_open(&fs, options()).unwrap();
    store.create_log_blocking(LOG).unwrap();
    for turn in 0..6 {
        put(&store, LOG, &named(&turn.to_string(), 1));
    }
    drop(store);
    fs.crash(CrashPolicy::KillProcess, 1);
    fs
}

#[test]
fn a_damaged_frame_is_given_up_only_when_that_is_accepted_and_what_follows_is_kept() {
    let fs = killed();
    let wal = "wal/00000000000000000001.wal";
    // The third event: a header block, the frame of the eventlog, two of events.
    fs.flip_bit(wal, 4 * 4096 + 60, 0).unwrap();
    assert!(try_open(&fs.fork(), options()).is_err());
    let report = check(&fs);
    assert_eq!(plan(&report), [Mend::Salvage], "{:?}", report.problems);
    assert_eq!(mend(&fs, false), []);
    assert!(try_open(&fs.fork(), options()).is_err(), "nothing was done");
    let done = mend(&fs, true);
    assert!(!done[0].copies.is_empty());
    assert!(check(&fs).is_clean(), "{:?}", check(&fs).problems);
    let store = try_open(&fs, options()).unwrap();
    let (events, refused) = read(&store);
    assert_eq!(refused, [2]);
    let ids: Vec<&str> = ids_of(&events);
    assert_eq!(ids, ["0.0", "1.0", "3.0", "4.0", "5.0"]);
    assert_eq!(put(&store, LOG, &named("next", 1)), 6);
    store.close().unwrap();
    assert!(check(&fs).is_clean());
}

#[test]
fn what_lies_behind_a_hole_at_the_start_expires_all_the_same() {
    let fs = killed();
    // The first event: a header block, the frame of the eventlog.
    fs.flip_bit("wal/00000000000000000001.wal", 2 * 4096 + 60, 0)
        .unwrap();
    mend(&fs, true);
    for _ in 0..2 {
        let store = try_open(&fs, options()).unwrap();
        let (events, refused) = read(&store);
        assert_eq!((refused, events.len()), (vec![0], 5));
        store.close().unwrap();
    }
    let store = try_open(&fs, options()).unwrap();
    store.expire(LOG, i64::MAX).unwrap();
    assert_eq!(store.info(LOG).unwrap().start_offset, 6);
}

#[test]
fn verify_and_inspect_call_nothing_that_writes() {
    let (fs, _) = written();
    fs.flip_bit("superblock", 20, 1).unwrap();
    for fs in [fs, killed()] {
        let faulty = FaultyFs::new(Arc::new(fs));
        let writes = [
            OpKind::Write,
            OpKind::Sync,
            OpKind::SetLen,
            OpKind::Allocate,
            OpKind::Rename,
            OpKind::Remove,
            OpKind::CreateDir,
            OpKind::SyncDir,
        ];
        for op in writes {
            faulty.plan(Fault::always(op, "", Action::Error(io::ErrorKind::Other)));
        }
        verify(&faulty, &mut |_| {}).unwrap();
        inspect(&faulty).unwrap();
        assert_eq!(faulty.hits(), 0);
    }
}

#[test]
fn a_stop_at_any_call_of_a_repair_leaves_what_a_repair_mends() {
    let (whole, bases) = written();
    whole.flip_bit("superblock", 20, 0).unwrap();
    whole.flip_bit("wal/checkpoint", 17, 0).unwrap();
    whole.flip_bit(&index(bases[0]), 3, 0).unwrap();
    whole.flip_bit(&segment(bases[1]), 4096 + 100, 0).unwrap();
    let damaged_wal = killed();
    damaged_wal
        .flip_bit("wal/00000000000000000001.wal", 4 * 4096 + 60, 0)
        .unwrap();
    let ops = [
        OpKind::Open,
        OpKind::Write,
        OpKind::Sync,
        OpKind::SetLen,
        OpKind::Rename,
        OpKind::CreateDir,
        OpKind::SyncDir,
    ];
    for (fs, lost) in [(&whole, bases[1]), (&damaged_wal, 2)] {
        let mut stops = 0;
        for op in ops {
            for call in 0.. {
                let fs = fs.fork();
                let faulty = FaultyFs::new(Arc::new(fs.clone()));
                faulty.plan(Fault::once(op, "", Action::Crash(100)).after(call));
                let done = try_mend(&(Arc::new(faulty.clone()) as Arc<dyn Fs>), true);
                if !faulty.crashed() {
                    done.unwrap();
                    break;
                }
                stops += 1;
                for policy in [CrashPolicy::KillProcess, CrashPolicy::LoseUnsynced] {
                    let fs = fs.fork();
                    fs.crash(policy, call);
                    let case = format!("{op:?} {call} {policy:?}");
                    mend(&fs, true);
                    let again = check(&fs);
                    assert!(again.is_clean(), "{case}: {:?}", again.problems);
                    let store = try_open(&fs, options()).unwrap();
                    let (events, refused) = read(&store);
                    assert_eq!(refused, [lost], "{case}");
                    for (offset, id) in events {
                        assert_eq!(id, format!("{offset}.0"), "{case}");
                    }
                }
            }
        }
        assert!(stops > 20, "{stops}");
    }
}
