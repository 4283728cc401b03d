//! The handle through which the engine reads and appends.

use std::{future::Future, time::Duration};

use vanus_storage::{AppendError, Appended, ReadChunk, ReadError, Store};
use vanus_types::{
    Batch, Durability, EventId, EventlogId, control::StoredEvent, limits::MAX_READ_LEN,
};

use super::error::LogError;

/// Batches that lie in a row. The first may begin before the offset asked for.
#[derive(Debug, Clone)]
pub(crate) struct ReadBatches {
    pub(crate) batches: Vec<Batch>,
    /// Where to read on.
    pub(crate) next_offset: u64,
    /// The offset the next event gets.
    pub(crate) end_offset: u64,
}

impl From<ReadChunk> for ReadBatches {
    fn from(chunk: ReadChunk) -> Self {
        let ReadChunk {
            batches,
            next_offset,
            end_offset,
        } = chunk;
        Self {
            batches,
            next_offset,
            end_offset,
        }
    }
}

/// Reads and appends eventlogs. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    store: Store,
}

impl Logs {
    pub(crate) const fn new(store: Store) -> Self {
        Self { store }
    }

    /// The store below.
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Appends a batch and waits for its acknowledgement.
    ///
    /// Dropping the future does not take the batch back.
    pub(crate) async fn append(
        &self,
        eventlog: EventlogId,
        batch: Batch,
        durability: Durability,
    ) -> Result<Appended, LogError> {
        Ok(self.submit(eventlog, batch, durability).await?.await?)
    }

    /// Puts a batch in line; its place is fixed when this answers. The future answered is the
    /// acknowledgement.
    pub(crate) async fn submit(
        &self,
        eventlog: EventlogId,
        batch: Batch,
        durability: Durability,
    ) -> Result<impl Future<Output = Result<Appended, AppendError>> + Send + use<>, LogError> {
        Ok(self
            .store
            .submit_in_order(eventlog, batch, durability)
            .await?)
    }

    /// Reads from `offset` on what is there now; empty at the end.
    pub(crate) async fn read(
        &self,
        eventlog: EventlogId,
        offset: u64,
        max_bytes: usize,
    ) -> Result<ReadBatches, LogError> {
        let max_bytes = max_bytes.min(MAX_READ_LEN);
        let told = |error: ReadError| match error {
            ReadError::Underflow { start } => LogError::Underflow { offset, start },
            other => LogError::Read(other),
        };
        if let Some(chunk) = self
            .store
            .try_read_tail(eventlog, offset, max_bytes)
            .map_err(told)?
        {
            return Ok(chunk.into());
        }
        let store = self.store.clone();
        let reading =
            tokio::task::spawn_blocking(move || store.read(eventlog, offset, max_bytes)).await;
        match reading {
            Ok(read) => Ok(read.map_err(told)?.into()),
            Err(_cut_off) => Err(LogError::Closing),
        }
    }

    /// Reads from `offset` on, waiting as long as there is nothing.
    pub(crate) async fn read_when_there(
        &self,
        eventlog: EventlogId,
        offset: u64,
        max_bytes: usize,
    ) -> Result<ReadBatches, LogError> {
        self.store
            .wait_for(eventlog, offset)
            .await
            .map_err(LogError::Read)?;
        self.read(eventlog, offset, max_bytes).await
    }

    /// Reads from `offset` on, waiting at most `wait` if there is nothing; empty after that.
    pub(crate) async fn read_within(
        &self,
        eventlog: EventlogId,
        offset: u64,
        max_bytes: usize,
        wait: Duration,
    ) -> Result<ReadBatches, LogError> {
        let now = self.read(eventlog, offset, max_bytes).await?;
        if !now.batches.is_empty() || wait.is_zero() {
            return Ok(now);
        }
        let later = self.read_when_there(eventlog, offset, max_bytes);
        tokio::time::timeout(wait, later).await.unwrap_or(Ok(now))
    }

    /// Reads one event.
    pub(crate) async fn read_event(&self, id: EventId) -> Result<StoredEvent, LogError> {
        let chunk = match self.read(id.eventlog, id.offset, 1).await {
            Ok(chunk) => chunk,
            Err(LogError::Read(ReadError::Overflow { end })) => {
                return Err(LogError::NoEvent { id, end });
            }
            Err(error) => return Err(error),
        };
        let found = stored_events(&chunk.batches, id.offset).next();
        found.ok_or(LogError::NoEvent {
            id,
            end: chunk.end_offset,
        })
    }

    /// The first offset appended at `time_ms` or later; the end, if there is none.
    pub(crate) async fn offset_at(
        &self,
        eventlog: EventlogId,
        time_ms: i64,
    ) -> Result<u64, LogError> {
        let store = self.store.clone();
        let looking = tokio::task::spawn_blocking(move || store.offset_at(eventlog, time_ms));
        match looking.await {
            Ok(offset) => offset.map_err(LogError::Read),
            Err(_cut_off) => Err(LogError::Closing),
        }
    }
}

/// The events of `batches` from `from` on, with their places.
pub(crate) fn stored_events(
    batches: &[Batch],
    from: u64,
) -> impl Iterator<Item = StoredEvent> + '_ {
    batches.iter().flat_map(move |batch| {
        let header = batch.header();
        let (eventlog, append_time_ms) = (header.eventlog, header.append_time_ms);
        batch
            .events()
            .filter(move |(offset, _)| *offset >= from)
            .map(move |(offset, event)| StoredEvent {
                id: EventId { eventlog, offset },
                append_time_ms,
                event,
            })
    })
}
