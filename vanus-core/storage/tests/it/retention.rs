//! Deleting what is old.

use std::{io::ErrorKind, sync::Arc};

use vanus_storage::{
    AdminError, Health, MemoryFs, ReadError, StoreOptions,
    fs::{Action, CrashPolicy, Fault, FaultyFs, OpKind},
};
use vanus_types::{Durability, ManualClock, ProducerId};

use crate::common::*;

fn fill(store: &vanus_storage::Store, clock: &ManualClock, count: usize) {
    for turn in 0..count {
        store
            .append_blocking(
                LOG,
                batch(&ids(&format!("{turn}"), 1), 1_000),
                Durability::Fsync,
            )
            .unwrap();
        clock.advance_ms(10);
        store.tick().unwrap();
    }
}

#[test]
fn whole_segments_go_when_their_last_event_is_old_enough() {
    let (fs, clock) = (MemoryFs::new(), clock());
    let store = open_at(&fs, StoreOptions::small(), &clock).unwrap();
    assert!(matches!(
        store.expire(LOG, 0),
        Err(AdminError::UnknownLog(LOG))
    ));
    store.create_log_blocking(LOG).unwrap();
    assert_eq!(store.expire(LOG, i64::MAX).unwrap(), 0, "there is nothing");
    fill(&store, &clock, 300);
    let before = store.info(LOG).unwrap();
    assert_eq!(store.expire(LOG, 1_000_000).unwrap(), 0);
    let removed = store.expire(LOG, 1_001_500).unwrap();
    assert!(removed >= 1, "{before:?}");
    let info = store.info(LOG).unwrap();
    assert_eq!(info.segments as u64 + removed, before.segments as u64);
    assert!(
        info.start_offset > 0 && info.start_offset <= 150,
        "{info:?}"
    );
    assert_eq!(info.end_offset, 300);
    let start = info.start_offset;
    assert!(
        matches!(store.read(LOG, start - 1, 1), Err(ReadError::Underflow { start: s }) if s == start)
    );
    let events = all(&store, LOG);
    assert_eq!(events[0].0, start);
    assert_dense(&events);
    assert_eq!(store.offset_at(LOG, 0).unwrap(), start);
    for policy in [CrashPolicy::KillProcess, CrashPolicy::LoseUnsynced] {
        let fork = fs.fork();
        fork.crash(policy, 1);
        let store = open(&fork);
        let again = store.info(LOG).unwrap();
        assert_eq!((again.start_offset, again.end_offset), (start, 300));
        assert_eq!(all(&store, LOG), events);
    }
}

#[test]
fn an_idle_log_empties_completely_and_goes_on_at_the_next_offset() {
    let (fs, clock) = (MemoryFs::new(), clock());
    let store = open_at(&fs, StoreOptions::small(), &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    fill(&store, &clock, 100);
    let last = store.info(LOG).unwrap().last_time_ms.unwrap();
    store.checkpoint().unwrap();
    assert!(store.expire(LOG, last + 1).unwrap() > 0);
    let info = store.info(LOG).unwrap();
    assert_eq!(
        (info.start_offset, info.end_offset, info.segments),
        (100, 100, 1)
    );
    assert_eq!(info.first_time_ms, None);
    assert_eq!(
        store.expire(LOG, i64::MAX).unwrap(),
        0,
        "an empty segment stays"
    );
    fs.crash(CrashPolicy::LoseUnsynced, 1);
    let store = open_at(&fs, StoreOptions::small(), &ManualClock::new(5).into()).unwrap();
    assert!(all(&store, LOG).is_empty());
    let appended = store
        .append_blocking(LOG, named("new", 1), Durability::Fsync)
        .unwrap();
    assert_eq!(appended.base_offset, 100, "offsets are never used again");
    assert_eq!(appended.append_time_ms, last, "nor does time go back");
    assert_eq!(ids_of(&all(&store, LOG)), ["new.0"]);
}

#[test]
fn expiring_leaves_producers_known() {
    let (fs, clock) = (MemoryFs::new(), clock());
    let store = open_at(&fs, StoreOptions::small(), &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    for turn in 0..100 {
        store
            .append_blocking(LOG, produced("a", 1, 7, turn), Durability::Fsync)
            .unwrap();
    }
    store.checkpoint().unwrap();
    clock.advance_ms(1_000);
    assert!(store.expire(LOG, i64::MAX).unwrap() > 0);
    store.close().unwrap();
    let store = open(&fs);
    let again = store
        .append_blocking(LOG, produced("a", 1, 7, 99), Durability::Fsync)
        .unwrap();
    assert_eq!((again.base_offset, again.duplicate), (99, true));
}

#[test]
fn what_a_reader_has_not_passed_is_kept_and_told() {
    let (fs, clock) = (MemoryFs::new(), clock());
    let store = open_at(&fs, StoreOptions::small(), &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    fill(&store, &clock, 300);
    store.checkpoint().unwrap();
    let segments = store.segments(LOG).unwrap();
    let (first, second) = (&segments[0], &segments[1]);
    // The reader is in the midst of the second segment.
    let reader = second.base_offset + 1;
    let expired = store.expire_below(LOG, i64::MAX, reader).unwrap();
    assert_eq!(expired.segments, 1);
    let kept: u64 = segments[1..].iter().map(|segment| segment.bytes).sum();
    assert_eq!(expired.held_bytes, kept);
    assert_eq!(store.info(LOG).unwrap().start_offset, first.end_offset);
    // Young segments are held by nobody.
    let young = store.expire_below(LOG, 0, reader).unwrap();
    assert_eq!((young.segments, young.held_bytes), (0, 0));
    // At the end of the second segment it lets go of that, and the last one is never sealed for it.
    let expired = store
        .expire_below(LOG, i64::MAX, second.end_offset)
        .unwrap();
    assert_eq!(expired.segments, 1);
    assert_eq!(all(&store, LOG)[0].0, second.end_offset);
    assert!(!store.segments(LOG).unwrap().last().unwrap().sealed);
}

#[test]
fn on_a_full_disk_sealed_segments_still_go() {
    let (memory, clock) = (MemoryFs::new(), clock());
    let fs = FaultyFs::new(Arc::new(memory.clone()));
    let store = open_at(&fs, StoreOptions::small(), &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    store.create_log_blocking(OTHER).unwrap();
    fill(&store, &clock, 300);
    store.checkpoint().unwrap();
    // Both eventlogs have something that is not in their index yet, and a producer to be saved.
    for log in [LOG, OTHER] {
        let last = batch(&ids("last", 1), 40_000);
        let last = last.produced_by(ProducerId::from_u64(7), 1);
        store.append_blocking(log, last, Durability::Fsync).unwrap();
        store.tick().unwrap();
    }
    clock.advance_ms(1_000);
    let before = store.segments(LOG).unwrap();
    let sealed = before.iter().filter(|segment| segment.sealed).count();
    assert!(sealed >= 2, "{before:?}");
    let full = Action::Error(ErrorKind::StorageFull);
    for op in [OpKind::Write, OpKind::SetLen, OpKind::Allocate] {
        fs.plan(Fault::always(op, "", full.clone()));
    }
    let refused = store.expire(LOG, i64::MAX);
    assert!(refused.is_err(), "the last ones need a write: {refused:?}");
    assert!(fs.hits() > 0);
    let left = store.segments(LOG).unwrap();
    assert_eq!(left[0].base_offset, before[sealed - 1].base_offset);
    assert_eq!(store.health(), Health::Ok);
    let events = all(&store, LOG);
    for policy in [CrashPolicy::KillProcess, CrashPolicy::LoseUnsynced] {
        let fork = memory.fork();
        fork.crash(policy, 1);
        assert_eq!(all(&open(&fork), LOG), events, "{policy:?}");
    }
    // With room again everything else goes too, whatever another eventlog meets.
    fs.clear();
    let other = format!("{OTHER}/");
    fs.plan(Fault::always(OpKind::Write, &other, full));
    assert!(store.expire(LOG, i64::MAX).unwrap() > 0);
    let info = store.info(LOG).unwrap();
    assert_eq!((info.start_offset, info.end_offset), (301, 301));
}
