//! Disks that fail and fill up.

use std::{io::ErrorKind, sync::Arc};

use vanus_storage::{
    AdminError, AppendError, Health, MemoryFs, Store, StoreOptions, Threads,
    fs::{Action, CrashPolicy, Fault, FaultyFs, Fs, OpKind},
};
use vanus_types::{Coded, Durability, ErrorCode, ProducerId};

use crate::common::*;

fn faulty(memory: &MemoryFs) -> FaultyFs {
    FaultyFs::new(Arc::new(memory.clone()))
}

fn append(store: &Store, name: &str) -> Result<u64, AppendError> {
    let appended = store.append_blocking(LOG, named(name, 1), Durability::Fsync)?;
    Ok(appended.base_offset)
}

#[test]
fn a_failed_sync_of_a_deleted_eventlog_stops_the_store_too() {
    let memory = MemoryFs::new();
    let fs = faulty(&memory);
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    put(&store, LOG, &batch(&ids("large", 2), 20_000));
    store.tick().unwrap();
    store.delete_log_blocking(LOG).unwrap();
    fs.plan(Fault::once(
        OpKind::Sync,
        ".seg",
        Action::Error(ErrorKind::Other),
    ));
    let told = store.checkpoint();
    assert!(matches!(told, Err(AdminError::Poisoned { .. })), "{told:?}");
}

#[test]
fn without_handles_past_the_page_cache_everything_works() {
    let memory = MemoryFs::new();
    let fs = faulty(&memory);
    // A file is opened for its first bytes, and once more to write past the page cache: that fails.
    for path in ["new.tmp", ".seg"] {
        let too_many = Action::Error(ErrorKind::Other);
        fs.plan(Fault::always(OpKind::Open, path, too_many).after(1));
    }
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    put(&store, LOG, &batch(&ids("large", 3), 5_000));
    store.checkpoint().unwrap();
    assert!(fs.hits() >= 2, "both were tried");
    assert!(matches!(store.health(), Health::Ok));
    drop(store);
    fs.clear();
    memory.crash(CrashPolicy::LoseUnsynced, 1);
    let events = all(&open(&fs), LOG);
    assert_eq!(ids_of(&events), ["large.0", "large.1", "large.2"]);
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_the_store_is_opened_again() {
    for fault in [
        Fault::once(OpKind::Sync, "wal/0", Action::Error(ErrorKind::Other)),
        Fault::once(OpKind::Write, "wal/0", Action::Error(ErrorKind::Other)),
        Fault::once(
            OpKind::Write,
            "wal/0",
            Action::Error(ErrorKind::StorageFull),
        ),
    ] {
        let memory = MemoryFs::new();
        let fs = faulty(&memory);
        let store = open(&fs);
        store.create_log_blocking(LOG).unwrap();
        append(&store, "good").unwrap();
        fs.plan(fault);
        let failed = append(&store, "unknown").unwrap_err();
        assert!(matches!(failed, AppendError::Poisoned { .. }));
        assert_eq!(failed.code(), ErrorCode::StorePoisoned);
        // The disk is fine again, but nobody can know what it kept.
        for _ in 0..3 {
            assert!(matches!(
                append(&store, "refused"),
                Err(AppendError::Poisoned { .. })
            ));
        }
        assert!(matches!(store.health(), Health::Poisoned { .. }));
        assert!(matches!(
            store.checkpoint(),
            Err(AdminError::Poisoned { .. })
        ));
        assert!(matches!(
            store.create_log_blocking(OTHER),
            Err(AdminError::Poisoned { .. })
        ));
        assert_eq!(
            ids_of(&all(&store, LOG)),
            ["good.0"],
            "what is committed can be read"
        );
        assert!(store.close().is_err());
        drop(store);
        memory.crash(CrashPolicy::LoseUnsynced, 1);
        let store = open(&faulty(&memory));
        assert_eq!(ids_of(&all(&store, LOG)), ["good.0"]);
        assert_eq!(append(&store, "after"), Ok(1));
    }
}

#[test]
fn a_failed_sync_of_a_segment_poisons_too() {
    for (op, path) in [
        (OpKind::Sync, ".seg"),
        (OpKind::Sync, ".idx"),
        (OpKind::SyncDir, "segments"),
        (OpKind::Write, ".seg"),
        (OpKind::Sync, "checkpoint.tmp"),
        (OpKind::Rename, "checkpoint"),
    ] {
        let memory = MemoryFs::new();
        let fs = faulty(&memory);
        let store = open(&fs);
        store.create_log_blocking(LOG).unwrap();
        append(&store, "good").unwrap();
        fs.plan(Fault::once(op, path, Action::Error(ErrorKind::Other)));
        assert!(
            matches!(store.checkpoint(), Err(AdminError::Poisoned { .. })),
            "{op:?} {path}"
        );
        assert!(matches!(
            append(&store, "refused"),
            Err(AppendError::Poisoned { .. })
        ));
        drop(store);
        memory.crash(CrashPolicy::LoseUnsynced, 1);
        assert_eq!(
            ids_of(&all(&open(&faulty(&memory)), LOG)),
            ["good.0"],
            "{op:?} {path}"
        );
    }
}

#[test]
fn short_writes_are_completed() {
    let memory = MemoryFs::new();
    let fs = faulty(&memory);
    fs.plan(Fault::always(OpKind::Write, "", Action::Short(1_111)));
    fs.plan(Fault::always(OpKind::Read, "", Action::Short(777)));
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    for turn in 0..50 {
        put(&store, LOG, &batch(&ids(&turn.to_string(), 2), 2_000));
    }
    store.close().unwrap();
    let store = open(&fs);
    assert_eq!(all(&store, LOG).len(), 100);
}

#[test]
fn without_space_for_the_write_ahead_log_appends_are_refused_and_pass_later() {
    let memory = MemoryFs::new();
    let fs = faulty(&memory);
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    let full = || Action::Error(ErrorKind::StorageFull);
    for op in [OpKind::Write, OpKind::Allocate] {
        fs.plan(Fault::always(op, "wal/new.tmp", full()));
    }
    let mut stored = 0;
    let refused = loop {
        match append(&store, &format!("{stored}")) {
            Ok(offset) => assert_eq!(offset, stored),
            Err(e) => break e,
        }
        stored += 1;
        assert!(stored < 1000);
    };
    assert_eq!(refused, AppendError::Full);
    assert_eq!(store.health(), Health::Full);
    assert_eq!(append(&store, "again"), Err(AppendError::Full));
    assert_eq!(all(&store, LOG).len() as u64, stored);
    fs.clear();
    store.tick().unwrap();
    assert_eq!(store.health(), Health::Ok);
    assert_eq!(
        append(&store, "after"),
        Ok(stored),
        "no offset was used by what was refused"
    );
    memory.crash(CrashPolicy::LoseUnsynced, 1);
    assert_eq!(all(&open(&faulty(&memory)), LOG).len() as u64, stored + 1);
}

#[test]
fn without_space_for_segments_appends_go_on_until_the_write_ahead_log_is_full() {
    let memory = MemoryFs::new();
    let fs = faulty(&memory);
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    append(&store, "first").unwrap();
    store.checkpoint().unwrap();
    let full = || Action::Error(ErrorKind::StorageFull);
    for path in [".seg", ".idx"] {
        fs.plan(Fault::always(OpKind::Write, path, full()));
    }
    assert!(
        matches!(store.checkpoint(), Ok(())),
        "there is nothing to write"
    );
    append(&store, "second").unwrap();
    assert!(matches!(store.checkpoint(), Err(AdminError::Full)));
    assert_eq!(store.health(), Health::Full);
    let mut stored = 2;
    while let Ok(offset) = append(&store, &format!("{stored}")) {
        assert_eq!(offset, stored);
        stored += 1;
        assert!(stored < 1000);
    }
    assert!(stored > 20, "the write-ahead log held {stored}");
    assert_eq!(append(&store, "refused"), Err(AppendError::Full));
    assert_eq!(
        all(&store, LOG).len() as u64,
        stored,
        "everything can be read"
    );
    let fork = memory.fork();
    fork.crash(CrashPolicy::LoseUnsynced, 1);
    assert_eq!(
        all(&open(&fork), LOG).len() as u64,
        stored,
        "and is durable"
    );
    fs.clear();
    store.tick().unwrap();
    assert_eq!(append(&store, "after"), Ok(stored));
    assert_eq!(store.health(), Health::Ok);
}

#[test]
fn what_a_flush_wrote_before_the_disk_was_full_is_not_written_again() {
    for calls in 0..8 {
        let memory = MemoryFs::new();
        let fs = faulty(&memory);
        let store = open(&fs);
        store.create_log_blocking(LOG).unwrap();
        for turn in 0..40 {
            put(&store, LOG, &batch(&ids(&turn.to_string(), 1), 3_000));
        }
        // Three segments are needed: at some of these calls a part of what is flushed is in one of them.
        let full = Fault::once(OpKind::Write, ".seg", Action::Error(ErrorKind::StorageFull));
        fs.plan(full.after(calls));
        assert!(matches!(store.checkpoint(), Err(AdminError::Full)));
        store.checkpoint().unwrap();
        let stored = all(&store, LOG);
        assert_eq!(stored.len(), 40, "{calls}");
        drop(store);
        // Without its indexes the store reads the segments from their beginnings.
        let dir = "segments/000000000000000A";
        for entry in memory.list_dir(dir).unwrap() {
            if entry.name.ends_with(".idx") {
                memory.remove(&format!("{dir}/{}", entry.name)).unwrap();
            }
        }
        memory.crash(CrashPolicy::KillProcess, 1);
        assert_eq!(all(&open(&faulty(&memory)), LOG), stored, "{calls}");
    }
}

#[test]
fn a_first_segment_that_a_loss_of_power_took_is_written_again() {
    let large = |turn: u64| {
        batch(&ids(&turn.to_string(), 1), 3_000).produced_by(ProducerId::from_u64(7), turn)
    };
    let memory = MemoryFs::new();
    let fs = faulty(&memory);
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    for turn in 0..40 {
        put(&store, LOG, &large(turn));
    }
    let stored = all(&store, LOG);
    // Three segments are written, and none of their names is safe.
    fs.plan(Fault::once(
        OpKind::Sync,
        ".seg",
        Action::Error(ErrorKind::Other),
    ));
    assert!(store.checkpoint().is_err());
    drop(store);
    for seed in 0..60 {
        let fork = memory.fork();
        fork.crash(CrashPolicy::Random, seed);
        let store = open(&fork);
        assert_eq!(all(&store, LOG), stored, "{seed}");
        let again = store.append_blocking(LOG, large(0), Durability::Fsync);
        assert!(again.unwrap().duplicate, "{seed}");
    }
}

#[test]
fn a_small_disk_fills_up_and_serves_again_after_retention() {
    let memory = MemoryFs::with_capacity(700_000);
    let clock = clock();
    let store = open_at(&memory, StoreOptions::small(), &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let large = |name: u64| batch(&ids(&name.to_string(), 1), 3_000);
    let mut stored = 0;
    loop {
        match store.append_blocking(LOG, large(stored), Durability::Fsync) {
            Ok(_) => stored += 1,
            Err(e) => {
                assert_eq!(e, AppendError::Full);
                break;
            }
        }
        clock.advance_ms(1);
        assert!(stored < 1000);
    }
    assert_eq!(all(&store, LOG).len() as u64, stored);
    let half = 1_000_000 + stored as i64 / 2;
    assert!(store.expire(LOG, half).unwrap() > 0);
    assert_eq!(
        store
            .append_blocking(LOG, large(stored), Durability::Fsync)
            .unwrap()
            .base_offset,
        stored
    );
    assert_eq!(store.health(), Health::Ok);
}

#[test]
fn with_threads_a_full_disk_heals_by_itself() {
    let memory = MemoryFs::new();
    let fs = faulty(&memory);
    let options = StoreOptions {
        threads: Threads::Background,
        ..StoreOptions::small()
    };
    let store = try_open(&fs, options).unwrap();
    store.create_log_blocking(LOG).unwrap();
    fs.plan(Fault::always(
        OpKind::Write,
        ".seg",
        Action::Error(ErrorKind::StorageFull),
    ));
    let mut stored = 0;
    while append(&store, &format!("{stored}")).is_ok() {
        stored += 1;
        assert!(stored < 1000);
    }
    assert_eq!(store.health(), Health::Full);
    fs.clear();
    // A checkpoint asked for by hand does what the threads would do within a second.
    store.checkpoint().unwrap();
    assert_eq!(append(&store, "after"), Ok(stored));
    assert_eq!(store.health(), Health::Ok);
    store.close().unwrap();
}

#[test]
fn below_the_reserve_appends_are_refused_and_everything_else_goes_on() {
    let memory = MemoryFs::with_capacity(2_000_000);
    let clock = clock();
    let options = StoreOptions {
        disk_reserve: Some(400_000),
        ..StoreOptions::small()
    };
    let store = open_at(&memory, options, &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let large = |name: u64| batch(&ids(&name.to_string(), 1), 3_000);
    let mut stored = 0;
    let refused = loop {
        match store.append_blocking(LOG, large(stored), Durability::Fsync) {
            Ok(_) => stored += 1,
            Err(refused) => break refused,
        }
        store.tick().unwrap();
        clock.advance_ms(1);
        assert!(stored < 1000);
    };
    assert_eq!(refused.code(), ErrorCode::DiskReserve);
    assert!(matches!(refused, AppendError::LowSpace { free, reserve: 400_000 } if free < 500_000));
    assert!(matches!(store.health(), Health::LowSpace { .. }));
    // What was acknowledged still finds its place, and the reserve is not used up by it.
    store.checkpoint().unwrap();
    assert!(memory.space().unwrap().free > 200_000);
    assert_eq!(all(&store, LOG).len() as u64, stored);
    store.create_log_blocking(OTHER).unwrap();
    store.delete_log_blocking(OTHER).unwrap();
    let half = 1_000_000 + stored as i64 / 2;
    assert!(store.expire(LOG, half).unwrap() > 0);
    store.tick().unwrap();
    let after = store.append_blocking(LOG, large(stored), Durability::Fsync);
    assert_eq!(after.unwrap().base_offset, stored);
    assert_eq!(store.health(), Health::Ok);
}

#[test]
fn with_threads_a_disk_that_gets_room_again_is_noticed() {
    let memory = MemoryFs::with_capacity(4_000_000);
    let options = StoreOptions {
        threads: Threads::Background,
        disk_reserve: Some(500_000),
        ..StoreOptions::small()
    };
    let store = try_open(&memory, options).unwrap();
    store.create_log_blocking(LOG).unwrap();
    append(&store, "before").unwrap();
    let wait_for = |low: bool| {
        for _ in 0..1000 {
            if matches!(store.health(), Health::LowSpace { .. }) == low {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{:?} all the time", store.health());
    };
    memory.set_capacity(memory.used() + 400_000);
    wait_for(true);
    assert!(matches!(
        append(&store, "refused"),
        Err(AppendError::LowSpace { .. })
    ));
    assert_eq!(ids_of(&all(&store, LOG)), ["before.0"]);
    memory.set_capacity(4_000_000);
    wait_for(false);
    assert_eq!(append(&store, "after"), Ok(1));
    store.close().unwrap();
}

#[test]
fn a_disk_that_does_not_tell_how_much_is_free_changes_nothing() {
    let memory = MemoryFs::with_capacity(2_000_000);
    let fs = faulty(&memory);
    let options = StoreOptions {
        disk_reserve: Some(1_000_000),
        ..StoreOptions::small()
    };
    fs.plan(Fault::always(
        OpKind::Space,
        "",
        Action::Error(ErrorKind::Other),
    ));
    let store = try_open(&fs, options).unwrap();
    store.create_log_blocking(LOG).unwrap();
    memory.set_capacity(memory.used());
    store.tick().unwrap();
    assert_eq!(append(&store, "fits"), Ok(0));
    fs.clear();
    store.tick().unwrap();
    assert!(matches!(
        append(&store, "refused"),
        Err(AppendError::LowSpace { .. })
    ));
}

#[test]
fn with_threads_a_write_ahead_log_without_room_is_well_again_without_another_append() {
    let memory = MemoryFs::new();
    let fs = faulty(&memory);
    let options = StoreOptions {
        threads: Threads::Background,
        ..StoreOptions::small()
    };
    let store = try_open(&fs, options).unwrap();
    store.create_log_blocking(LOG).unwrap();
    fs.plan(Fault::always(
        OpKind::Allocate,
        "wal/",
        Action::Error(ErrorKind::StorageFull),
    ));
    let mut stored = 0;
    let large = |name: u64| batch(&ids(&name.to_string(), 1), 20_000);
    while store
        .append_blocking(LOG, large(stored), Durability::Fsync)
        .is_ok()
    {
        stored += 1;
        assert!(stored < 1000);
    }
    assert_eq!(store.health(), Health::Full);
    fs.clear();
    for _ in 0..1000 {
        if store.health() == Health::Ok {
            return store.close().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it is full all the time");
}
