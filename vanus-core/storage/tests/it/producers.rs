//! Idempotent producers: what is sent again is stored once, whatever happened in between.

use vanus_storage::{AppendError, MemoryFs, Store, StoreOptions, fs::CrashPolicy};
use vanus_types::{Batch, Durability, ProducerId};

use crate::common::*;

fn send(store: &Store, batch: Batch) -> Result<(u64, bool), AppendError> {
    let appended = store.append_blocking(LOG, batch, Durability::Fsync)?;
    Ok((appended.base_offset, appended.duplicate))
}

#[test]
fn a_batch_sent_again_is_stored_once_and_answered_with_its_offset() {
    let fs = MemoryFs::new();
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    assert_eq!(send(&store, produced("a", 3, 7, 100)), Ok((0, false)));
    assert_eq!(send(&store, produced("other", 1, 8, 0)), Ok((3, false)));
    assert_eq!(send(&store, produced("b", 2, 7, 103)), Ok((4, false)));
    for _ in 0..2 {
        assert_eq!(send(&store, produced("a", 3, 7, 100)), Ok((0, true)));
        assert_eq!(send(&store, produced("b", 2, 7, 103)), Ok((4, true)));
    }
    let producer = ProducerId::from_u64(7);
    assert_eq!(
        send(&store, produced("gap", 1, 7, 106)),
        Err(AppendError::OutOfSequence {
            producer,
            expected: 105,
            got: 106
        })
    );
    assert_eq!(
        send(&store, produced("overlap", 2, 7, 104)),
        Err(AppendError::OutOfSequence {
            producer,
            expected: 105,
            got: 104
        })
    );
    assert_eq!(all(&store, LOG).len(), 6);
    assert_eq!(store.stats().duplicates, 4);
}

#[test]
fn duplicates_within_one_group_are_stored_once() {
    let fs = MemoryFs::new();
    let options = StoreOptions {
        threads: vanus_storage::Threads::Background,
        ..StoreOptions::small()
    };
    let store = try_open(&fs, options).unwrap();
    store.create_log_blocking(LOG).unwrap();
    let (answers, heard) = std::sync::mpsc::channel();
    for turn in 0..50 {
        let answers = answers.clone();
        let batch = produced(&format!("{}", turn / 2), 1, 7, turn / 2);
        let tell = move |answer| answers.send(answer).unwrap();
        store
            .append_with(LOG, batch, Durability::Fsync, tell)
            .unwrap();
    }
    for turn in 0..50 {
        let appended = heard.recv().unwrap().unwrap();
        assert_eq!(
            (appended.base_offset, appended.duplicate),
            (turn / 2, turn % 2 == 1)
        );
    }
    assert_eq!(all(&store, LOG).len(), 25);
}

#[test]
fn producers_are_remembered_through_every_kind_of_stop() {
    let policies = [
        None,
        Some(CrashPolicy::KillProcess),
        Some(CrashPolicy::LoseUnsynced),
    ];
    for policy in policies {
        for checkpoint_at in [None, Some(5), Some(19)] {
            let fs = MemoryFs::new();
            let store = open(&fs);
            store.create_log_blocking(LOG).unwrap();
            for turn in 0..20 {
                assert_eq!(
                    send(&store, produced("x", 2, 7, turn * 2)),
                    Ok((turn * 3, false))
                );
                assert_eq!(
                    send(&store, produced("y", 1, 8, turn)),
                    Ok((turn * 3 + 2, false))
                );
                if checkpoint_at == Some(turn) {
                    store.checkpoint().unwrap();
                }
            }
            match policy {
                None => store.close().unwrap(),
                Some(policy) => fs.crash(policy, 1),
            }
            let store = open(&fs);
            assert_eq!(
                send(&store, produced("x", 2, 7, 38)),
                Ok((57, true)),
                "{policy:?}"
            );
            assert_eq!(send(&store, produced("y", 1, 8, 19)), Ok((59, true)));
            assert_eq!(send(&store, produced("y", 1, 8, 20)), Ok((60, false)));
            assert_eq!(
                send(&store, produced("x", 2, 7, 0)),
                Err(AppendError::DuplicateForgotten {
                    producer: ProducerId::from_u64(7),
                    sequence: 0
                })
            );
        }
    }
}

#[test]
fn a_damaged_snapshot_is_made_anew_from_the_segments() {
    let fs = MemoryFs::new();
    let store = open(&fs);
    store.create_log_blocking(LOG).unwrap();
    for turn in 0..100 {
        let ids = ids(&format!("{turn}"), 1);
        let batch = batch(&ids, 2_000).produced_by(ProducerId::from_u64(7), turn);
        send(&store, batch).unwrap();
    }
    store.close().unwrap();
    fs.flip_bit("segments/000000000000000A/producers.snap", 40, 3)
        .unwrap();
    let store = open(&fs);
    let again = named("late", 1).produced_by(ProducerId::from_u64(7), 99);
    assert_eq!(send(&store, again), Ok((99, true)));
    store.close().unwrap();
    let store = open(&fs);
    let next = named("next", 1).produced_by(ProducerId::from_u64(7), 100);
    assert_eq!(send(&store, next), Ok((100, false)));
}
