//! Appending, reading, waiting; and the same after every kind of stop.

use std::sync::Arc;

use vanus_storage::{
    AdminError, AppendError, Fs, Health, MemoryFs, OpenError, ReadError, Store, StoreOptions,
    fs::CrashPolicy,
};
use vanus_types::{Durability, EventlogId, OsEntropy, SystemClock};

use crate::common::*;

#[test]
fn what_is_appended_is_read_back_from_memory_and_from_disk() {
    let fs = MemoryFs::new();
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    let mut expected = Vec::new();
    for turn in 0..200 {
        let ids = ids(&format!("e{turn}"), turn % 7 + 1);
        let base = put(&store, LOG, &batch(&ids, turn * 5));
        assert_eq!(base, expected.len() as u64);
        expected.extend(ids);
        store.tick().unwrap();
    }
    let events = all(&store, LOG);
    assert_eq!(ids_of(&events), expected);
    assert_dense(&events);
    let info = store.info(LOG).unwrap();
    assert!(info.segments > 1, "several segments were needed: {info:?}");
    let stats = store.stats();
    assert!(
        stats.batches_read_disk > 0 && stats.batches_read_memory > 0,
        "{stats:?}"
    );
    assert!(stats.cached_bytes <= 32 * 1024 + stats.unflushed_bytes);
    // Any offset can be the start, whatever the size asked for.
    for start in (0..expected.len()).step_by(13) {
        for max in [1, 700, 100_000] {
            let events = from(&store, LOG, start as u64, max);
            assert_eq!(ids_of(&events), expected[start..]);
        }
    }
}

#[test]
fn everything_acknowledged_is_there_after_a_close_a_kill_and_a_loss_of_power() {
    for policy in [
        None,
        Some(CrashPolicy::KillProcess),
        Some(CrashPolicy::LoseUnsynced),
    ] {
        let fs = MemoryFs::new();
        let mut expected = Vec::new();
        for life in 0..4 {
            let store = open(&fs);
            store.create_log_blocking(LOG).unwrap();
            assert_eq!(ids_of(&all(&store, LOG)), expected);
            for turn in 0..60 {
                let ids = ids(&format!("{life}.{turn}"), 3);
                put(&store, LOG, &batch(&ids, 300));
                expected.extend(ids);
                store.tick().unwrap();
            }
            match policy {
                None => store.close().unwrap(),
                Some(policy) => fs.crash(policy, life),
            }
        }
        let store = open(&fs);
        assert_eq!(ids_of(&all(&store, LOG)), expected);
        assert_eq!(store.health(), Health::Ok);
    }
}

#[test]
fn reads_outside_the_log_say_where_it_is() {
    let store = open(&MemoryFs::new());
    assert!(matches!(
        store.read(LOG, 0, 1),
        Err(ReadError::UnknownLog(LOG))
    ));
    store.create_log_blocking(LOG).unwrap();
    assert!(store.read(LOG, 0, 1).unwrap().batches.is_empty());
    put(&store, LOG, &named("a", 2));
    assert!(matches!(
        store.read(LOG, 3, 1),
        Err(ReadError::Overflow { end: 2 })
    ));
    let chunk = store.read(LOG, 1, 1).unwrap();
    assert_eq!(
        chunk.batches[0].header().base_offset,
        0,
        "the batch that holds the offset"
    );
    assert_eq!((chunk.next_offset, chunk.end_offset), (2, 2));
    assert!(
        store
            .try_read_tail(LOG, 2, 1)
            .unwrap()
            .unwrap()
            .batches
            .is_empty()
    );
}

#[test]
fn appending_to_no_log_and_too_much_at_once_is_refused() {
    let store = open(&MemoryFs::new());
    let append = |batch| store.append_blocking(LOG, batch, Durability::Fsync);
    assert_eq!(append(named("a", 1)), Err(AppendError::UnknownLog(LOG)));
    store.create_log_blocking(LOG).unwrap();
    let large = batch(&ids("large", 1), 60_000);
    assert!(matches!(append(large), Err(AppendError::TooLarge { .. })));
    let largest = batch(&ids("largest", 1), 56_000);
    assert_eq!(append(largest).unwrap().base_offset, 0);
    put(&store, LOG, &batch(&ids("again", 1), 56_000));
    store.checkpoint().unwrap();
    assert_eq!(all(&store, LOG).len(), 2);
}

#[test]
fn a_second_store_on_the_same_directory_is_refused_until_the_first_is_closed() {
    let fs = MemoryFs::new();
    let store = open(&fs);
    assert!(matches!(
        try_open(&fs, StoreOptions::small()),
        Err(OpenError::Locked(_))
    ));
    store.close().unwrap();
    let second = open(&fs);
    drop(second);
    open(&fs);
}

#[test]
fn a_closed_store_refuses_everything() {
    let store = open(&MemoryFs::new());
    store.create_log_blocking(LOG).unwrap();
    put(&store, LOG, &named("a", 1));
    let other = store.clone();
    store.close().unwrap();
    store.close().unwrap();
    let refused = other.append_blocking(LOG, named("b", 1), Durability::Fsync);
    assert_eq!(refused, Err(AppendError::Closed));
    assert!(matches!(other.read(LOG, 0, 1), Err(ReadError::Closed)));
    assert!(matches!(
        other.create_log_blocking(OTHER),
        Err(AdminError::Closed)
    ));
    assert!(matches!(other.checkpoint(), Err(AdminError::Closed)));
    assert!(matches!(other.expire(LOG, 0), Err(AdminError::Closed)));
}

#[test]
fn logs_come_and_go_and_stay_gone() {
    let fs = MemoryFs::new();
    let store = open(&fs);
    for log in [OTHER, LOG, LOG] {
        store.create_log_blocking(log).unwrap();
    }
    assert_eq!(store.logs(), [LOG, OTHER]);
    put(&store, LOG, &named("a", 1));
    store.checkpoint().unwrap();
    put(&store, LOG, &named("b", 1));
    store.delete_log_blocking(LOG).unwrap();
    store.delete_log_blocking(LOG).unwrap();
    assert_eq!(store.logs(), [OTHER]);
    assert!(matches!(
        store.read(LOG, 0, 1),
        Err(ReadError::UnknownLog(_))
    ));
    assert!(matches!(
        store.create_log_blocking(LOG),
        Err(AdminError::BeingDeleted(LOG))
    ));
    // The write-ahead log still has its batches and its deletion.
    fs.crash(CrashPolicy::LoseUnsynced, 1);
    let store = open(&fs);
    assert_eq!(store.logs(), [OTHER]);
    assert!(!fs.exists("segments/000000000000000A").unwrap());
    store.create_log_blocking(LOG).unwrap();
    assert_eq!(
        put(&store, LOG, &named("new", 1)),
        0,
        "a new life starts at 0"
    );
    fs.crash(CrashPolicy::KillProcess, 1);
    assert_eq!(ids_of(&all(&open(&fs), LOG)), ["new.0"]);
}

#[test]
fn the_number_of_logs_is_bounded() {
    let options = StoreOptions {
        max_logs: 2,
        ..StoreOptions::small()
    };
    let store = try_open(&MemoryFs::new(), options).unwrap();
    for id in 1..3 {
        store.create_log_blocking(EventlogId::from_u64(id)).unwrap();
    }
    let third = store.create_log_blocking(EventlogId::from_u64(3));
    assert!(matches!(third, Err(AdminError::TooManyLogs(2))));
    store.create_log_blocking(EventlogId::from_u64(2)).unwrap();
}

#[test]
fn append_times_never_go_back_and_lead_to_offsets() {
    let (fs, clock) = (MemoryFs::new(), clock());
    let store = open_at(&fs, StoreOptions::small(), &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let mut times = Vec::new();
    for turn in 0..300_i64 {
        // The clock goes back at every tenth step.
        clock.jump_to_ms(1_000_000 + turn / 3 * 10 - if turn % 10 == 0 { 500 } else { 0 });
        let appended = store.append_blocking(LOG, batch(&ids("x", 2), 300), Durability::Fsync);
        times.push(appended.unwrap().append_time_ms);
    }
    assert!(times.is_sorted());
    let check = |store: &Store| {
        for time in (999_400..1_001_100).step_by(7) {
            let expected = times.iter().position(|&t| t >= time).unwrap_or(times.len()) * 2;
            assert_eq!(
                store.offset_at(LOG, time).unwrap(),
                expected as u64,
                "at {time}"
            );
        }
    };
    check(&store);
    store.checkpoint().unwrap();
    check(&store);
    store.close().unwrap();
    clock.jump_to_ms(0);
    let store = open_at(&fs, StoreOptions::small(), &clock).unwrap();
    check(&store);
    let info = store.info(LOG).unwrap();
    assert_eq!(info.first_time_ms, times.first().copied());
    assert_eq!(info.last_time_ms, times.last().copied());
    let appended = store
        .append_blocking(LOG, named("late", 1), Durability::Fsync)
        .unwrap();
    assert_eq!(
        Some(appended.append_time_ms),
        info.last_time_ms,
        "not before the last life's"
    );
}

#[test]
fn a_page_cache_acknowledgement_survives_a_kill_and_is_synced_in_time() {
    let (fs, clock) = (MemoryFs::new(), clock());
    let weak = |store: &Store, name: &str| {
        let appended = store
            .append_blocking(LOG, named(name, 1), Durability::PageCache)
            .unwrap();
        assert_eq!(appended.durability, Durability::PageCache);
        assert_eq!(
            all(store, LOG).last().unwrap().1,
            format!("{name}.0"),
            "it can be read"
        );
    };
    let store = open_at(&fs, StoreOptions::small(), &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let syncs = store.stats().wal_syncs;
    weak(&store, "killed");
    assert_eq!(store.stats().wal_syncs, syncs, "no sync for the page cache");
    fs.crash(CrashPolicy::KillProcess, 1);
    let store = open_at(&fs, StoreOptions::small(), &clock).unwrap();
    assert_eq!(ids_of(&all(&store, LOG)), ["killed.0"]);
    weak(&store, "synced");
    clock.advance_ms(1_000);
    store.tick().unwrap();
    assert!(store.stats().wal_syncs > 0);
    weak(&store, "lost");
    fs.crash(CrashPolicy::LoseUnsynced, 1);
    let store = open_at(&fs, StoreOptions::small(), &clock).unwrap();
    assert_eq!(ids_of(&all(&store, LOG)), ["killed.0", "synced.0"]);
}

#[test]
fn a_store_on_the_real_disk_works_with_threads() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let fs = Arc::new(vanus_storage::DiskFs::open(dir.path()).unwrap());
        let options = StoreOptions {
            wal_file_bytes: 64 * 1024,
            threads: vanus_storage::Threads::Background,
            ..StoreOptions::small()
        };
        Store::open(
            fs,
            Arc::new(SystemClock::new()),
            Arc::new(OsEntropy),
            options,
        )
        .unwrap()
    };
    let store = open();
    let id = store.id();
    store.create_log_blocking(LOG).unwrap();
    for turn in 0..100 {
        put(&store, LOG, &batch(&ids(&format!("{turn}"), 2), 1_500));
    }
    assert_eq!(all(&store, LOG).len(), 200);
    drop(store);
    let store = open();
    assert_eq!(store.id(), id);
    let events = all(&store, LOG);
    assert_eq!((events.len(), events[199].1.as_str()), (200, "99.1"));
    assert_dense(&events);
    store.close().unwrap();
}

#[test]
fn write_ahead_log_files_are_used_again() {
    let fs = MemoryFs::new();
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    for turn in 0..500 {
        put(&store, LOG, &batch(&ids(&format!("{turn}"), 1), 2_000));
        assert!(store.stats().wal_files <= 4);
    }
    let files = fs.list_dir("wal").unwrap().len();
    assert!(files <= 8, "{files} files for 500 frames of 4 KiB");
    assert!(store.stats().wal_bytes > 30 * 64 * 1024);
    fs.crash(CrashPolicy::LoseUnsynced, 1);
    assert_eq!(all(&open(&fs), LOG).len(), 500);
}

#[tokio::test]
async fn waiting_ends_with_the_event_the_deletion_or_the_close() {
    let store = open(&MemoryFs::new());
    store.create_log(LOG).await.unwrap();
    store.create_log(OTHER).await.unwrap();
    let wait = |log, offset| {
        let store = store.clone();
        tokio::spawn(async move { store.wait_for(log, offset).await })
    };
    let (first, second, deleted, closed) =
        (wait(LOG, 0), wait(LOG, 3), wait(OTHER, 0), wait(LOG, 9));
    tokio::task::yield_now().await;
    store
        .append(LOG, named("a", 2), Durability::Fsync)
        .await
        .unwrap();
    assert!(first.await.unwrap().unwrap() >= 2);
    assert_eq!(*store.committed(LOG).unwrap().borrow(), 2);
    store
        .append(LOG, named("b", 2), Durability::Fsync)
        .await
        .unwrap();
    assert_eq!(second.await.unwrap().unwrap(), 4);
    store.delete_log(OTHER).await.unwrap();
    assert!(matches!(
        deleted.await.unwrap(),
        Err(ReadError::UnknownLog(OTHER))
    ));
    store.close().unwrap();
    assert!(matches!(closed.await.unwrap(), Err(ReadError::Closed)));
}
