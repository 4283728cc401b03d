//! The committer over a journal that waits to be told its outcome.

use std::{
    collections::BTreeMap,
    sync::mpsc::{SyncSender, sync_channel},
};

use super::*;
use crate::meta::store::MetaStore;

const T: Table = Table::Cursors;

type Entries = BTreeMap<(Table, Bytes), Bytes>;

/// A journal that reports each write, waits to be told its outcome, and keeps it.
struct Slow {
    entries: Arc<Mutex<Entries>>,
    begun: SyncSender<usize>,
    outcome: Receiver<Result<(), WriteError>>,
    healed: Arc<AtomicBool>,
}

impl Journal for Slow {
    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError> {
        Ok(self
            .entries
            .lock()
            .get(&(table, Bytes::copy_from_slice(key)))
            .cloned())
    }

    fn heal(&mut self) -> Result<bool, String> {
        Ok(self.healed.load(Ordering::SeqCst))
    }

    fn write(&mut self, group: Group) -> Result<(), WriteError> {
        self.begun.send(group.changes.len()).unwrap();
        self.outcome.recv().unwrap()?;
        let mut entries = self.entries.lock();
        for (slot, value) in group.changes {
            value.map(|value| entries.insert(slot, value));
        }
        Ok(())
    }
}

struct Rig {
    committer: Committer,
    entries: Arc<Mutex<Entries>>,
    begun: Receiver<usize>,
    outcome: SyncSender<Result<(), WriteError>>,
    healed: Arc<AtomicBool>,
}

fn rig() -> Rig {
    let (begun_in, begun) = sync_channel(64);
    let (outcome, outcome_out) = sync_channel(64);
    let entries = Arc::new(Mutex::new(Entries::new()));
    let healed = Arc::new(AtomicBool::new(false));
    let slow = Slow {
        entries: Arc::clone(&entries),
        begun: begun_in,
        outcome: outcome_out,
        healed: Arc::clone(&healed),
    };
    Rig {
        committer: Committer::start(slow).unwrap(),
        entries,
        begun,
        outcome,
        healed,
    }
}

fn put(key: &str) -> MetaBatch {
    MetaBatch::new().put(T, key, "v")
}

fn wait(commit: CommitFuture) -> Answer {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(commit)
}

#[test]
fn all_who_arrive_during_a_sync_share_the_next_one() {
    let rig = rig();
    let first = rig.committer.commit(put("first"));
    assert_eq!(rig.begun.recv(), Ok(1));
    let others: Vec<_> = (0..100)
        .map(|n| rig.committer.commit(put(&format!("{n}"))))
        .collect();
    rig.outcome.send(Ok(())).unwrap();
    assert_eq!(rig.begun.recv(), Ok(100));
    rig.outcome.send(Ok(())).unwrap();
    wait(first).unwrap();
    others.into_iter().for_each(|other| wait(other).unwrap());
}

#[test]
fn nothing_is_acknowledged_before_its_sync() {
    let rig = rig();
    let mut commit = rig.committer.commit(put("k"));
    rig.begun.recv().unwrap();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(std::pin::Pin::new(&mut commit).poll(&mut cx).is_pending());
    rig.outcome.send(Ok(())).unwrap();
    wait(commit).unwrap();
}

#[test]
fn a_failed_sync_answers_unknown_to_its_group_and_poisoned_to_everyone_after() {
    let rig = rig();
    let first = rig.committer.commit(put("first"));
    rig.begun.recv().unwrap();
    let create = || MetaBatch::new().require_absent(T, "k").put(T, "k", "v");
    let (won, lost) = (
        rig.committer.commit(create()),
        rig.committer.commit(create()),
    );
    rig.outcome.send(Ok(())).unwrap();
    assert_eq!(rig.begun.recv(), Ok(1));
    let late = rig.committer.commit(put("late"));
    rig.outcome
        .send(Err(WriteError::Failed("the disk is gone".to_owned())))
        .unwrap();
    wait(first).unwrap();
    assert!(matches!(wait(won), Err(MetaError::Unknown { .. })));
    // It lost against a batch that may not be stored, so that is unknown too.
    assert!(matches!(wait(lost), Err(MetaError::Unknown { .. })));
    assert!(matches!(wait(late), Err(MetaError::Poisoned { .. })));
    let after = wait(rig.committer.commit(put("after")));
    assert!(matches!(after, Err(MetaError::Poisoned { cause }) if &*cause == "the disk is gone"));
    assert_eq!(rig.entries.lock().len(), 1);
    assert!(
        rig.begun.try_recv().is_err(),
        "a poisoned journal is not written to again"
    );
}

#[test]
fn a_full_disk_refuses_until_the_journal_is_healed() {
    let rig = rig();
    let first = rig.committer.commit(put("first"));
    rig.begun.recv().unwrap();
    let second = rig.committer.commit(put("second"));
    rig.outcome
        .send(Err(WriteError::Full("no space".to_owned())))
        .unwrap();
    assert!(matches!(wait(first), Err(MetaError::Interrupted { .. })));
    assert!(matches!(wait(second), Err(MetaError::Full)));
    assert!(rig.committer.is_full());
    assert!(matches!(
        wait(rig.committer.commit(put("third"))),
        Err(MetaError::Full)
    ));
    rig.healed.store(true, Ordering::SeqCst);
    while rig.committer.is_full() {
        std::thread::sleep(Duration::from_millis(10));
    }
    rig.outcome.send(Ok(())).unwrap();
    wait(rig.committer.commit(put("fourth"))).unwrap();
    let entries = rig.entries.lock();
    assert_eq!(
        entries.keys().map(|(_, key)| key).collect::<Vec<_>>(),
        ["fourth"]
    );
}

#[test]
fn a_full_queue_makes_wait_in_turn_and_an_unqueued_batch_can_be_given_up() {
    let rig = rig();
    let big = |key: &str| {
        (0..7).fold(MetaBatch::new(), |b, n| {
            b.put(T, format!("{key}{n}"), vec![0; 1024 * 1024])
        })
    };
    let first = rig.committer.commit(put("first"));
    rig.begun.recv().unwrap();
    let queued: Vec<_> = (0..4)
        .map(|n| rig.committer.commit(big(&n.to_string())))
        .collect();
    let given_up = rig.committer.commit(big("x"));
    let waits = rig.committer.commit(big("y"));
    assert_eq!(
        format!("{given_up:?} {waits:?}"),
        "CommitFuture(queueing) CommitFuture(queueing)"
    );
    drop(given_up);
    (0..6).for_each(|_| rig.outcome.send(Ok(())).unwrap());
    wait(first).unwrap();
    queued.into_iter().for_each(|queued| wait(queued).unwrap());
    wait(waits).unwrap();
    assert_eq!(rig.entries.lock().len(), 1 + 5 * 7);
    assert!(rig.entries.lock().keys().all(|(_, key)| key[0] != b'x'));
}

#[test]
fn a_closed_queue_writes_what_it_holds_and_refuses_who_waited_for_room() {
    let Rig {
        committer,
        entries,
        begun,
        outcome,
        ..
    } = rig();
    (0..6).for_each(|_| outcome.send(Ok(())).unwrap());
    let held: Vec<_> = (0..5)
        .map(|n| committer.commit(put(&n.to_string())))
        .collect();
    let room = Arc::clone(&committer.shared.room);
    let all = u32::try_from(room.available_permits()).unwrap();
    let taken = room.try_acquire_many_owned(all).unwrap();
    let waits = committer.commit(put("waits"));
    drop(committer);
    drop((taken, begun));
    held.into_iter().for_each(|held| wait(held).unwrap());
    assert!(matches!(wait(waits), Err(MetaError::Closed)));
    assert_eq!(entries.lock().len(), 5);
}

#[test]
fn a_committer_that_dies_leaves_nobody_waiting() {
    struct Dies;
    impl Journal for Dies {
        fn read(&self, _: Table, _: &[u8]) -> Result<Option<Bytes>, MetaError> {
            Ok(None)
        }
        fn heal(&mut self) -> Result<bool, String> {
            Ok(true)
        }
        fn write(&mut self, _: Group) -> Result<(), WriteError> {
            panic!("the journal died")
        }
    }
    let committer = Committer::start(Dies).unwrap();
    assert!(matches!(
        wait(committer.commit(put("k"))),
        Err(MetaError::Unknown { .. })
    ));
    let after = wait(committer.commit(put("l")));
    assert!(
        matches!(after, Err(MetaError::Unknown { .. } | MetaError::Closed)),
        "{after:?}"
    );
}

#[test]
fn blocking_commits_wake_up() {
    let store = crate::meta::MemoryMeta::new();
    store.commit_blocking(put("k")).unwrap();
}
