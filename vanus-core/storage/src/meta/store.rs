//! The contract of a metadata store.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{MetaBatch, MetaError, Scan, ScanPage, Table};

/// Ordered byte keys in named tables.
///
/// The law, which every implementation is tested against:
///
/// * A batch is atomic across tables: no reader and no restart ever sees part of it.
/// * A batch is durable before its future resolves to `Ok`, and readable from then on.
/// * Batches take effect in one total order. Batches of one thread whose [`commit`] is called in
///   order take effect in that order, as long as the store has room (see [`CommitFuture`]).
/// * Requirements are judged against the state just before the batch, which no other batch can
///   change in between.
/// * After a failed write or sync nothing is acknowledged until the store is reopened; reads go
///   on serving what was acknowledged. Where the disk was full, the store reopens itself when
///   there is room, and takes back what may have been half-way: it is there for no reader.
/// * Readers never wait for a sync, but for that reopening, and never see a batch that is not yet
///   durable.
///
/// [`commit`]: Self::commit
pub trait MetaStore: Send + Sync + fmt::Debug {
    /// The value of `key`.
    ///
    /// # Errors
    ///
    /// [`MetaError::Read`] when the disk fails, [`MetaError::Damaged`] when the data is damaged.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError>;

    /// One page of entries, as of one moment.
    ///
    /// # Errors
    ///
    /// [`MetaError::Read`] when the disk fails, [`MetaError::Damaged`] when the data is damaged.
    fn scan(&self, table: Table, scan: &Scan) -> Result<ScanPage, MetaError>;

    /// Stores a batch; it is queued before this returns, if there is room.
    ///
    /// The future answers with [`MetaError::EmptyKey`] or [`MetaError::TooLarge`] for a batch that
    /// breaks a limit, [`MetaError::Conflict`] when a requirement does not hold,
    /// [`MetaError::Full`], [`MetaError::Poisoned`] and [`MetaError::Closed`] (in all of which
    /// nothing was stored), [`MetaError::Interrupted`], or [`MetaError::Unknown`].
    fn commit(&self, batch: MetaBatch) -> CommitFuture;

    /// Whether batches are accepted.
    fn health(&self) -> MetaHealth;

    /// [`commit`](Self::commit) for threads that may block; never call it on an async runtime's
    /// own threads.
    ///
    /// # Errors
    ///
    /// Those of [`commit`](Self::commit).
    fn commit_blocking(&self, batch: MetaBatch) -> Result<(), MetaError> {
        block_on(self.commit(batch))
    }

    /// Visits every entry whose key begins with `prefix`, in order, page by page: entries changed
    /// meanwhile may be seen before or after their change.
    ///
    /// # Errors
    ///
    /// Those of [`scan`](Self::scan), and the first one of `visit`, which ends the visit.
    fn for_each(
        &self,
        table: Table,
        prefix: &[u8],
        visit: &mut dyn FnMut(Bytes, Bytes) -> Result<(), MetaError>,
    ) -> Result<(), MetaError> {
        let mut scan = Scan::prefix(prefix);
        loop {
            let page = self.scan(table, &scan)?;
            let Some((last, _)) = page.entries.last() else {
                return Ok(());
            };
            let next = scan.start_after(last);
            for (key, value) in page.entries {
                visit(key, value)?;
            }
            if !page.more {
                return Ok(());
            }
            scan = next;
        }
    }
}

/// Whether a store accepts batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetaHealth {
    /// It does.
    Ready,
    /// It refuses them because the disk is full; it goes on by itself when there is room.
    Full,
    /// It refuses them until it is reopened, because of what failed.
    Poisoned(Arc<str>),
}

/// The outcome of a batch, once it is known.
///
/// When the store's queue had room, the batch is already queued and is stored whether or not
/// this future is polled or dropped. When it had none, the batch waits in this future and is
/// queued while it is polled, in turn; dropped before that, it was never queued.
#[must_use = "the outcome of a commit is not known before the future resolves"]
pub struct CommitFuture(State);

/// A batch on its way into a full queue.
pub(super) type Queueing =
    Pin<Box<dyn Future<Output = Result<oneshot::Receiver<Answer>, MetaError>> + Send>>;

/// What the committer answers.
pub(super) type Answer = Result<(), MetaError>;

enum State {
    Known(Answer),
    Queueing(Queueing),
    Queued(oneshot::Receiver<Answer>),
}

impl CommitFuture {
    /// A future whose answer is known.
    pub(super) fn known(answer: Answer) -> Self {
        Self(State::Known(answer))
    }

    /// A future for a batch that has been queued.
    pub(super) fn queued(answer: oneshot::Receiver<Answer>) -> Self {
        Self(State::Queued(answer))
    }

    /// A future for a batch that waits for room.
    pub(super) fn queueing(queueing: Queueing) -> Self {
        Self(State::Queueing(queueing))
    }
}

impl Future for CommitFuture {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        loop {
            match &mut self.0 {
                State::Known(answer) => return Poll::Ready(answer.clone()),
                State::Queueing(queueing) => match queueing.as_mut().poll(cx) {
                    Poll::Ready(Ok(answer)) => self.0 = State::Queued(answer),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                },
                State::Queued(answer) => {
                    // Without an answer the committer died holding the batch.
                    let died = |_| {
                        Err(MetaError::Unknown {
                            cause: "the committer died".into(),
                        })
                    };
                    return Pin::new(answer)
                        .poll(cx)
                        .map(|answer| answer.unwrap_or_else(died));
                }
            }
        }
    }
}

impl fmt::Debug for CommitFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Known(_) => "CommitFuture(known)",
            State::Queueing(_) => "CommitFuture(queueing)",
            State::Queued(_) => "CommitFuture(queued)",
        })
    }
}

/// Runs a future on this thread, which sleeps while it waits.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
