//! Many tasks at once on a store with threads.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use vanus_storage::{
    AppendError, Appended, Health, MemoryFs, Store, StoreOptions, Threads,
    fs::{Action, CrashPolicy, Fault, FaultyFs, OpKind},
};
use vanus_types::{Durability, EventlogId};

use crate::common::*;

fn threaded() -> StoreOptions {
    StoreOptions {
        threads: Threads::Background,
        ..StoreOptions::small()
    }
}

/// Syncs behind the commits after 20 ms.
fn eager() -> StoreOptions {
    StoreOptions {
        sync_interval_ms: 20,
        ..threaded()
    }
}

const WRITERS: u64 = 16;
const BATCHES: usize = 60;
const EVENTS_EACH: u64 = WRITERS / 2 * BATCHES as u64 * 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_and_readers_agree_on_one_history() {
    let store = try_open(&MemoryFs::new(), threaded()).unwrap();
    let logs = [LOG, OTHER];
    for log in logs {
        store.create_log(log).await.unwrap();
    }
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(store.clone(), logs[writer as usize % 2], writer)))
        .collect();
    let readers: Vec<_> = logs
        .iter()
        .map(|&log| tokio::spawn(follow(store.clone(), log)))
        .collect();
    let mut acked = Vec::new();
    for writer in writers {
        acked.push(writer.await.unwrap());
    }
    for (reader, log) in readers.into_iter().zip(logs) {
        let events = reader.await.unwrap();
        assert_dense(&events);
        let of_log = acked
            .iter()
            .filter(|(of, _)| *of == log)
            .flat_map(|(_, acked)| acked);
        for (base, ids) in of_log {
            for (at, id) in ids.iter().enumerate() {
                assert_eq!(&events[*base as usize + at].1, id);
            }
        }
        assert_eq!(events, all(&store, log), "memory and disk tell the same");
    }
    let stats = store.stats();
    assert!(
        stats.wal_frames < stats.batches_appended,
        "groups were formed: {stats:?}"
    );
    store.close().unwrap();
}

/// Appends one batch after the other; answers what was acknowledged.
async fn write(
    store: Store,
    log: EventlogId,
    writer: u64,
) -> (EventlogId, Vec<(u64, Vec<String>)>) {
    let durability = if writer % 4 < 2 {
        Durability::Fsync
    } else {
        Durability::PageCache
    };
    let mut acked = Vec::new();
    for turn in 0..BATCHES {
        let ids = ids(&format!("{writer}.{turn}"), 2);
        let appended = store
            .append(log, batch(&ids, 400), durability)
            .await
            .unwrap();
        // Who is acknowledged reads it.
        let end = *store.committed(log).unwrap().borrow();
        assert!(end >= appended.base_offset + 2);
        acked.push((appended.base_offset, ids));
    }
    (log, acked)
}

/// Reads along until everything was seen.
async fn follow(store: Store, log: EventlogId) -> Vec<(u64, String)> {
    let mut events = Vec::new();
    while (events.len() as u64) < EVENTS_EACH {
        let next = events.len() as u64;
        store.wait_for(log, next).await.unwrap();
        let chunk = match store.try_read_tail(log, next, 3_000).unwrap() {
            Some(chunk) => chunk,
            None => store.read(log, next, 3_000).unwrap(),
        };
        let read = chunk.batches.iter().flat_map(|batch| batch.events());
        let new = read.filter(|(offset, _)| *offset >= next);
        events.extend(new.map(|(offset, event)| (offset, event.id().to_owned())));
    }
    events
}

#[test]
fn one_sync_serves_all_who_wait() {
    let fs = FaultyFs::new(Arc::new(MemoryFs::new()));
    let store = try_open(&fs, threaded()).unwrap();
    store.create_log_blocking(LOG).unwrap();
    // The first sync waits until all the others are in the queue.
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let hook = Action::Hook(Arc::new(move || gate.lock().unwrap().recv().unwrap()));
    fs.plan(Fault::once(OpKind::Sync, "wal", hook));
    let (answers, heard) = std::sync::mpsc::channel();
    let before = store.stats();
    for turn in 0..21 {
        let answers = answers.clone();
        let tell = move |answer: Result<_, AppendError>| drop(answers.send(answer));
        store
            .append_with(LOG, named(&turn.to_string(), 1), Durability::Fsync, tell)
            .unwrap();
        if turn == 0 {
            // Wait until the first is written, so that it is alone in its group.
            while store.stats().wal_frames == before.wal_frames {
                std::thread::yield_now();
            }
        }
    }
    assert_eq!(
        *store.committed(LOG).unwrap().borrow(),
        0,
        "nothing is visible before the sync"
    );
    assert!(heard.try_recv().is_err());
    go.send(()).unwrap();
    for turn in 0..21 {
        assert_eq!(heard.recv().unwrap().unwrap().base_offset, turn);
    }
    let after = store.stats();
    assert_eq!(after.wal_frames - before.wal_frames, 2);
    assert_eq!(after.wal_syncs - before.wal_syncs, 2);
}

#[test]
fn a_full_queue_refuses_who_does_not_wait_and_lets_the_others_wait() {
    let fs = FaultyFs::new(Arc::new(MemoryFs::new()));
    let options = StoreOptions {
        max_queue_batches: 4,
        ..threaded()
    };
    let store = try_open(&fs, options).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let hook = Action::Hook(Arc::new(move || gate.lock().unwrap().recv().unwrap()));
    fs.plan(Fault::once(OpKind::Sync, "wal", hook));
    let answered = Arc::new(AtomicU64::new(0));
    let append = || {
        let answered = answered.clone();
        let tell = move |answer: Result<_, AppendError>| {
            answer.unwrap();
            answered.fetch_add(1, Ordering::SeqCst);
        };
        store.append_with(LOG, named("x", 1), Durability::Fsync, tell)
    };
    for _ in 0..4 {
        append().unwrap();
    }
    assert!(matches!(append(), Err(AppendError::Overloaded { .. })));
    let waiting = {
        let store = store.clone();
        std::thread::spawn(move || store.append_blocking(LOG, named("y", 1), Durability::Fsync))
    };
    go.send(()).unwrap();
    assert_eq!(waiting.join().unwrap().unwrap().base_offset, 4);
    assert_eq!(answered.load(Ordering::SeqCst), 4);
    append().unwrap();
}

#[test]
fn a_page_cache_writer_of_another_log_does_not_wait_for_the_sync() {
    let fs = FaultyFs::new(Arc::new(MemoryFs::new()));
    let store = try_open(&fs, threaded()).unwrap();
    store.create_log_blocking(LOG).unwrap();
    store.create_log_blocking(OTHER).unwrap();
    let gates: Vec<_> = (0..2)
        .map(|_| {
            let (go, gate) = std::sync::mpsc::channel::<()>();
            let gate = std::sync::Mutex::new(gate);
            let hook = Action::Hook(Arc::new(move || gate.lock().unwrap().recv().unwrap()));
            fs.plan(Fault::once(OpKind::Sync, "wal", hook));
            go
        })
        .collect();
    let (answers, heard) = std::sync::mpsc::channel();
    let append = |log: EventlogId, durability| {
        let answers = answers.clone();
        let tell =
            move |answer: Result<_, AppendError>| drop(answers.send((log, durability, answer)));
        store
            .append_with(log, named("x", 1), durability, tell)
            .unwrap();
    };
    let frames = store.stats().wal_frames;
    append(LOG, Durability::Fsync);
    while store.stats().wal_frames == frames {
        std::thread::yield_now();
    }
    // These three form the next group.
    append(OTHER, Durability::PageCache);
    append(LOG, Durability::PageCache);
    append(LOG, Durability::Fsync);
    gates[0].send(()).unwrap();
    assert_eq!(heard.recv().unwrap().1, Durability::Fsync);
    let (log, durability, _) = heard.recv().unwrap();
    assert_eq!((log, durability), (OTHER, Durability::PageCache));
    assert!(
        heard.try_recv().is_err(),
        "who shares an eventlog with a sync waits for it"
    );
    assert_eq!(store.info(LOG).unwrap().end_offset, 1);
    gates[1].send(()).unwrap();
    let rest: HashSet<u64> = (0..2)
        .map(|_| heard.recv().unwrap().2.unwrap().base_offset)
        .collect();
    assert_eq!(rest, HashSet::from([1, 2]));
}

#[test]
fn a_small_page_cache_batch_is_committed_where_it_is_appended_and_in_its_turn() {
    let fs = FaultyFs::new(Arc::new(MemoryFs::new()));
    let store = try_open(&fs, threaded()).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let here = std::thread::current().id();
    let (wrote, writers) = std::sync::mpsc::channel();
    let wrote = std::sync::Mutex::new(wrote);
    let append = |name: &str, durability| {
        let wrote = wrote.lock().unwrap().clone();
        let tell = move |answer: Result<Appended, AppendError>| {
            let base = answer.unwrap().base_offset;
            wrote
                .send((base, std::thread::current().id() == here))
                .unwrap();
        };
        store
            .append_with(LOG, named(name, 1), durability, tell)
            .unwrap();
    };
    // Nothing waits: the caller commits, and is answered before the call returns; unless the thread that syncs looks
    // at the committer at that very moment.
    let mut alone = 0;
    loop {
        append("alone", Durability::PageCache);
        let (base, by_caller) = writers.recv().unwrap();
        assert_eq!(base, alone);
        alone += 1;
        if by_caller {
            break;
        }
        assert!(alone < 1_000, "never by the caller");
    }
    // Behind one that waits for its sync it takes its turn.
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let hook = Action::Hook(Arc::new(move || gate.lock().unwrap().recv().unwrap()));
    fs.plan(Fault::once(OpKind::Sync, "wal", hook));
    append("synced", Durability::Fsync);
    append("behind", Durability::PageCache);
    assert!(writers.try_recv().is_err());
    go.send(()).unwrap();
    assert_eq!(writers.recv().unwrap(), (alone, false));
    assert_eq!(writers.recv().unwrap(), (alone + 1, false));
    assert_eq!(
        ids_of(&from(&store, LOG, alone - 1, 5_000)),
        ["alone.0", "synced.0", "behind.0"]
    );
    store.close().unwrap();
}

#[test]
fn what_the_page_cache_acknowledged_is_synced_beside_the_commits() {
    let memory = MemoryFs::new();
    let fs = FaultyFs::new(Arc::new(memory.clone()));
    let clock = clock();
    let store = open_at(&fs, eager(), &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new((gate, begun));
    let hook = Action::Hook(Arc::new(move || {
        let gate = gate.lock().unwrap();
        gate.1.send(()).unwrap();
        gate.0.recv().unwrap();
    }));
    fs.plan(Fault::once(OpKind::Sync, "wal", hook));
    let weak = |name: &str| {
        store
            .append_blocking(LOG, named(name, 1), Durability::PageCache)
            .unwrap();
    };
    weak("old");
    // The clock stood still until now, so nothing was due.
    clock.advance_ms(20);
    weak("nudge");
    begins.recv().unwrap();
    weak("while it syncs");
    let syncs = store.stats().wal_syncs;
    go.send(()).unwrap();
    while store.stats().wal_syncs == syncs {
        std::thread::yield_now();
    }
    let image = memory.fork();
    image.crash(CrashPolicy::LoseUnsynced, 1);
    let after = try_open(&image, StoreOptions::small()).unwrap();
    let kept = all(&after, LOG);
    assert_eq!(ids_of(&kept)[..2], ["old.0", "nudge.0"]);
}

#[test]
fn a_failed_sync_behind_the_commits_poisons_whoever_syncs_next() {
    let fs = FaultyFs::new(Arc::new(MemoryFs::new()));
    let clock = clock();
    let store = open_at(&fs, eager(), &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let error = std::io::ErrorKind::Other;
    fs.plan(Fault::once(OpKind::Sync, "wal", Action::Error(error)));
    store
        .append_blocking(LOG, named("x", 1), Durability::PageCache)
        .unwrap();
    clock.advance_ms(20);
    while store.health() == Health::Ok {
        std::thread::yield_now();
    }
    let later = store.append_blocking(LOG, named("y", 1), Durability::Fsync);
    assert!(matches!(later, Err(AppendError::Poisoned { .. })));
}

#[tokio::test]
async fn dropping_the_future_does_not_undo_the_append() {
    let store = try_open(&MemoryFs::new(), threaded()).unwrap();
    store.create_log(LOG).await.unwrap();
    drop(store.append(LOG, named("dropped", 1), Durability::Fsync));
    store
        .append(LOG, named("kept", 1), Durability::Fsync)
        .await
        .unwrap();
    assert_eq!(ids_of(&all(&store, LOG)), ["dropped.0", "kept.0"]);
}

#[test]
fn the_last_handle_may_go_in_a_callback() {
    let store = try_open(&MemoryFs::new(), threaded()).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let (done, waiting) = std::sync::mpsc::channel();
    let held: Store = store.clone();
    let tell = move |answer: Result<_, AppendError>| {
        answer.unwrap();
        drop(held);
        done.send(()).unwrap();
    };
    store
        .append_with(LOG, named("x", 1), Durability::Fsync, tell)
        .unwrap();
    drop(store);
    waiting.recv().unwrap();
}
