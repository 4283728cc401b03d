//! Appending through the handle: into the queue, or waiting for room in it.

use std::{future::Future, sync::Arc};

use tokio::sync::oneshot;
use vanus_types::{Batch, Durability, EventlogId};

use super::{
    AdminError, AppendError, Appended, Store,
    block::block_on,
    queue::{AppendDone, Done, Request},
};
use crate::{log::Log, wal::largest_batch};

impl Store {
    /// Appends a batch to an eventlog. The batch gets the next offsets and an append time which never goes back.
    ///
    /// The batch enters the queue during the call where there is room, so calls made one after the other are committed
    /// in that order; otherwise when the future has waited for room. The answer comes when the promise of `durability`
    /// holds.
    ///
    /// Dropping the future does not undo the append: once in the queue the batch is committed, and the answer is lost.
    ///
    /// # Errors
    /// [`AppendError`], but never [`AppendError::Overloaded`].
    pub fn append(
        &self,
        log: EventlogId,
        batch: Batch,
        durability: Durability,
    ) -> impl Future<Output = Result<Appended, AppendError>> + Send + use<> {
        let (done, answer) = oneshot::channel();
        let waits = self
            .submit(log, batch, durability, Done::Channel(done))
            .map_err(Box::new);
        let store = self.clone();
        async move {
            if let Err(waiting) = waits {
                store.wait_for_room(*waiting).await?;
            }
            // Until the answer comes the handle keeps the store running.
            let answer = answer.await.unwrap_or(Err(AppendError::Closed));
            drop(store);
            answer
        }
    }

    /// As [`Store::append`] in two steps: resolves when the batch has its place in the queue, to the future of its
    /// acknowledgement. So a caller keeps an order without waiting for each acknowledgement.
    ///
    /// # Errors
    /// As [`Store::append`], in either step.
    pub async fn submit_in_order(
        &self,
        log: EventlogId,
        batch: Batch,
        durability: Durability,
    ) -> Result<impl Future<Output = Result<Appended, AppendError>> + Send + use<>, AppendError>
    {
        let (done, answer) = oneshot::channel();
        let waits = self
            .submit(log, batch, durability, Done::Channel(done))
            .map_err(Box::new);
        if let Err(waiting) = waits {
            self.wait_for_room(*waiting).await?;
        }
        let store = self.clone();
        Ok(async move {
            let answer = answer.await.unwrap_or(Err(AppendError::Closed));
            drop(store);
            answer
        })
    }

    /// As [`Store::append`], blocking the thread. Without threads of its own ([`Inline`](super::Threads::Inline)) the store writes and
    /// syncs during the call.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn append_blocking(
        &self,
        log: EventlogId,
        batch: Batch,
        durability: Durability,
    ) -> Result<Appended, AppendError> {
        block_on(self.append(log, batch, durability))
    }

    /// Appends a batch and calls `done` with the answer, on the committing thread, so it must not block; errors that are
    /// known at once are handed to it during the call. Batches are committed in the order of the calls.
    ///
    /// # Errors
    /// [`AppendError::Overloaded`] when there is no room; then `done` is not called.
    pub fn append_with(
        &self,
        log: EventlogId,
        batch: Batch,
        durability: Durability,
        done: impl FnOnce(Result<Appended, AppendError>) + Send + 'static,
    ) -> Result<(), AppendError> {
        let bytes = self.shared().queue.capacity();
        self.submit(log, batch, durability, Done::Callback(Box::new(done)))
            .map_err(|_| AppendError::Overloaded { bytes })
    }

    /// Puts a batch into the queue, or refuses it; gives it back when there is no room.
    fn submit(
        &self,
        log: EventlogId,
        batch: Batch,
        durability: Durability,
        done: AppendDone,
    ) -> Result<(), Waiting> {
        let shared = self.shared();
        let (len, max) = (batch.len() as u64, largest_batch(shared.wal.size()));
        if len > max {
            done.answer(Err(AppendError::TooLarge { len, max }));
            return Ok(());
        }
        if let Err(trouble) = shared.health.check() {
            done.answer(Err(trouble.into()));
            return Ok(());
        }
        if shared.is_closed() {
            done.answer(Err(AppendError::Closed));
            return Ok(());
        }
        if let Some(refusal) = shared.space.refusal() {
            done.answer(Err(refusal));
            return Ok(());
        }
        let Some(log) = shared.log(log) else {
            done.answer(Err(AppendError::UnknownLog(log)));
            return Ok(());
        };
        let cost = shared.queue.cost(&batch);
        if !shared.queue.try_reserve(cost) {
            return Err(Waiting {
                log,
                batch,
                durability,
                done,
                cost,
            });
        }
        self.enter(log, batch, durability, done);
        Ok(())
    }

    fn enter(&self, log: Arc<Log>, batch: Batch, durability: Durability, done: AppendDone) {
        let request = Request::Append {
            log,
            batch,
            durability,
            done,
        };
        let Err(request) = self.commit_here(request) else {
            return;
        };
        match self.shared().queue.push(request) {
            Ok(()) => self.commit_inline(),
            Err(refused) => refused.refuse(AppendError::Closed, AdminError::Closed),
        }
    }

    /// Commits a small batch that nobody wants synced on the caller's thread, where that means a copy into the page
    /// cache and no waiting; gives it back otherwise. It saves the way to the committing thread and back, which takes
    /// longer than the copy.
    fn commit_here(&self, request: Request) -> Result<(), Request> {
        let shared = self.shared();
        let len = match &request {
            Request::Append {
                batch,
                durability: Durability::PageCache,
                ..
            } => batch.len(),
            _ => return Err(request),
        };
        if shared.is_inline() || !shared.queue.try_claim() {
            return Err(request);
        }
        let committed = match shared.committer.try_lock() {
            Some(mut committer) if committer.is_ready_for(shared, len) => {
                committer.commit(shared, vec![request]);
                Ok(())
            }
            _ => Err(request),
        };
        shared.queue.release();
        committed
    }

    async fn wait_for_room(&self, waiting: Waiting) -> Result<(), AppendError> {
        let room = self.shared().queue.room();
        let Ok(permit) = room.acquire_many(waiting.cost).await else {
            return Err(AppendError::Closed);
        };
        permit.forget();
        self.enter(waiting.log, waiting.batch, waiting.durability, waiting.done);
        Ok(())
    }

    /// Without threads, whoever adds a request commits what waits.
    pub(super) fn commit_inline(&self) {
        let shared = self.shared();
        if !shared.is_inline() {
            return;
        }
        // A callback that appends again finds the committer taken; the loop that called it commits that too.
        let Some(mut committer) = shared.committer.try_lock() else {
            return;
        };
        loop {
            let requests = shared.queue.take_now(shared.most_group_bytes());
            if requests.is_empty() {
                return;
            }
            committer.commit(shared, requests);
        }
    }
}

/// A batch that found no room.
#[derive(Debug)]
struct Waiting {
    log: Arc<Log>,
    batch: Batch,
    durability: Durability,
    done: AppendDone,
    cost: u32,
}
