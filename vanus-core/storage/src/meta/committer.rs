//! The one thread that writes: it takes every batch that waits, merges them into one group,
//! writes and syncs that group once, and answers everybody in it.
//!
//! So the cost of a sync is shared by all who arrived during the one before, which the store
//! under this does not do by itself. What it writes to is a [`Journal`], so that failures can be
//! tried out in tests.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    CommitFuture, MAX_META_BATCH_BYTES, MetaBatch, MetaError, Table, group::Group, store::Answer,
};

/// Most bytes of batches that wait to be written; more wait for room.
pub const MAX_META_PENDING_BYTES: usize = 32 * 1024 * 1024;
/// A group takes in no more batches once it has this many bytes.
const MAX_GROUP_BYTES: usize = 4 * 1024 * 1024;
/// How long after the disk was full, or was found so again, it is tried anew.
const RETRY_FULL: Duration = Duration::from_secs(1);
/// The room in the queue is counted in units of this many bytes.
const ROOM_UNIT: usize = 1024;

const _: () = assert!(MAX_META_BATCH_BYTES <= MAX_META_PENDING_BYTES);

/// What a committer writes to.
pub(super) trait Journal: Send + 'static {
    /// The durable value of a key.
    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError>;

    /// Writes a group atomically and syncs it. After an error the journal is not written to again,
    /// unless the disk was full and [`heal`](Self::heal) made it well.
    fn write(&mut self, group: Group) -> Result<(), WriteError>;

    /// Tries to go on after the disk was full: true when groups are taken again and nothing is left
    /// of the one that failed, false when there is no room yet. An error is final.
    fn heal(&mut self) -> Result<bool, String>;
}

/// Why a group was not written; what of it is stored is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WriteError {
    /// The disk was full.
    Full(String),
    /// It failed.
    Failed(String),
}

/// The queue into the committer thread. Dropping it writes what is queued and joins the thread.
pub(super) struct Committer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the committer, its thread and futures that wait for room have in common.
struct Shared {
    /// Room in the queue, in [`ROOM_UNIT`]s. Closed with the store.
    room: Arc<Semaphore>,
    /// The way into the queue; `None` once the store is closed.
    queue: Mutex<Option<Sender<Request>>>,
    /// What failed first.
    poison: OnceLock<Arc<str>>,
    /// Whether the disk is full and the journal not healed yet.
    full: AtomicBool,
}

/// A batch in the queue.
struct Request {
    batch: MetaBatch,
    answer: oneshot::Sender<Answer>,
    /// Gives the room back when the batch leaves the queue.
    room: OwnedSemaphorePermit,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(journal: impl Journal) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let shared = Arc::new(Shared {
            room: Arc::new(Semaphore::new(MAX_META_PENDING_BYTES / ROOM_UNIT)),
            queue: Mutex::new(Some(sender)),
            poison: OnceLock::new(),
            full: AtomicBool::new(false),
        });
        let run = {
            let shared = Arc::clone(&shared);
            move || run(journal, &receiver, &shared)
        };
        let thread = std::thread::Builder::new()
            .name("vanus-meta".to_owned())
            .spawn(run)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Queues a batch, at once if there is room.
    pub(super) fn commit(&self, batch: MetaBatch) -> CommitFuture {
        if let Err(error) = batch.check() {
            return CommitFuture::known(Err(error));
        }
        if let Some(cause) = self.poison() {
            return CommitFuture::known(Err(MetaError::Poisoned { cause }));
        }
        if self.is_full() {
            return CommitFuture::known(Err(MetaError::Full));
        }
        let Ok(size) = u32::try_from(batch.bytes().div_ceil(ROOM_UNIT).max(1)) else {
            return CommitFuture::known(Err(MetaError::Closed));
        };
        let room = Arc::clone(&self.shared.room);
        if let Ok(room) = Arc::clone(&room).try_acquire_many_owned(size) {
            return match self.shared.enqueue(batch, room) {
                Ok(answer) => CommitFuture::queued(answer),
                Err(error) => CommitFuture::known(Err(error)),
            };
        }
        let shared = Arc::clone(&self.shared);
        CommitFuture::queueing(Box::pin(async move {
            let room = room
                .acquire_many_owned(size)
                .await
                .map_err(|_| MetaError::Closed)?;
            shared.enqueue(batch, room)
        }))
    }

    /// Whether nothing is taken for want of room.
    pub(super) fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Acquire)
    }

    /// What failed first, if anything did.
    pub(super) fn poison(&self) -> Option<Arc<str>> {
        self.shared.poison.get().cloned()
    }
}

impl Shared {
    fn enqueue(
        &self,
        batch: MetaBatch,
        room: OwnedSemaphorePermit,
    ) -> Result<oneshot::Receiver<Answer>, MetaError> {
        let (answer, receiver) = oneshot::channel();
        let request = Request {
            batch,
            answer,
            room,
        };
        let queue = self.queue.lock();
        let sent = queue
            .as_ref()
            .is_some_and(|queue| queue.send(request).is_ok());
        if sent {
            Ok(receiver)
        } else {
            Err(MetaError::Closed)
        }
    }

    /// Why nothing is written, if that is so.
    fn refusal(&self) -> Option<MetaError> {
        let poisoned = self.poison.get().map(|cause| MetaError::Poisoned {
            cause: Arc::clone(cause),
        });
        let full = self.full.load(Ordering::Acquire);
        poisoned.or_else(|| full.then_some(MetaError::Full))
    }

    /// Tries to go on after the disk was full.
    fn heal(&self, journal: &mut impl Journal) {
        match journal.heal() {
            Ok(false) => return,
            Ok(true) => {}
            Err(cause) => drop(self.poison.get_or_init(|| cause.into())),
        }
        self.full.store(false, Ordering::Release);
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.room.close();
        self.shared.queue.lock().take();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has already answered its waiters; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let room = self
            .shared
            .room
            .available_permits()
            .saturating_mul(ROOM_UNIT);
        f.debug_struct("Committer")
            .field(
                "pending_bytes",
                &MAX_META_PENDING_BYTES.saturating_sub(room),
            )
            .field("poison", &self.shared.poison.get())
            .finish()
    }
}

/// Answers groups of requests until the queue is closed and empty.
fn run(mut journal: impl Journal, queue: &Receiver<Request>, shared: &Shared) {
    loop {
        let first = if shared.full.load(Ordering::Acquire) {
            match queue.recv_timeout(RETRY_FULL) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    shared.heal(&mut journal);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        } else {
            match queue.recv() {
                Ok(first) => first,
                Err(_closed) => return,
            }
        };
        let mut pending = Pending::default();
        pending.take(first, &journal, shared);
        while pending.bytes < MAX_GROUP_BYTES
            && let Ok(next) = queue.try_recv()
        {
            pending.take(next, &journal, shared);
        }
        pending.finish(&mut journal, shared);
    }
}

/// A group on its way and those who wait for it.
#[derive(Default)]
struct Pending {
    group: Group,
    bytes: usize,
    /// Waiters with the answer they get when the group is synced. A conflict waits too: it may
    /// be with a batch of this very group, which counts only once it is durable.
    waiting: Vec<(oneshot::Sender<Answer>, Answer)>,
}

impl Pending {
    fn take(&mut self, request: Request, journal: &impl Journal, shared: &Shared) {
        let Request {
            batch,
            answer,
            room,
        } = request;
        drop(room);
        if let Some(refusal) = shared.refusal() {
            let _ = answer.send(Err(refusal));
            return;
        }
        self.bytes = self.bytes.saturating_add(batch.bytes());
        let admitted = self
            .group
            .admit(batch, |table, key| journal.read(table, key));
        self.waiting.push((answer, admitted));
    }

    fn finish(self, journal: &mut impl Journal, shared: &Shared) {
        let mut failed = None;
        if !self.group.changes.is_empty()
            && let Err(error) = journal.write(self.group)
        {
            failed = Some(match error {
                WriteError::Full(cause) => {
                    shared.full.store(true, Ordering::Release);
                    MetaError::Interrupted {
                        cause: cause.into(),
                    }
                }
                WriteError::Failed(cause) => MetaError::Unknown {
                    cause: Arc::clone(shared.poison.get_or_init(|| cause.into())),
                },
            });
        }
        for (waiter, answer) in self.waiting {
            // A waiter that is gone has given up its answer, not its batch.
            let _ = waiter.send(failed.clone().map_or(answer, Err));
        }
    }
}

#[cfg(test)]
mod tests {
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
        assert!(
            matches!(after, Err(MetaError::Poisoned { cause }) if &*cause == "the disk is gone")
        );
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
}
