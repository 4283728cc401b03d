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
mod tests;
