//! Dead letters of a subscription: read them, send them again.

use vanus_storage::meta::MetaBatch;
use vanus_types::{
    SubscriptionId,
    control::StoredEvent,
    limits::{MAX_DEAD_LETTERS, MAX_READ_LEN},
};

use super::{control::Control, error::ControlError};
use crate::{
    eventlog::{LogError, stored_events},
    trigger::{self, Retry, is_dead_letter_of},
};

/// Most bytes of dead letters looked at by one call.
const MAX_LOOKED_AT: usize = 8 * MAX_READ_LEN;

/// Some dead letters of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// The letters, oldest first, with their marks.
    pub letters: Vec<StoredEvent>,
    /// Where to go on: an offset of the dead letter eventlog.
    pub next_offset: u64,
    /// Where the dead letter eventlog ends; there is no more when `next_offset` is here.
    pub end_offset: u64,
}

/// What sending dead letters again did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resent {
    /// How many letters are on their way.
    pub count: u64,
    /// Where to go on, if the range is not done.
    pub next_offset: u64,
    /// Whether the whole range is done.
    pub done: bool,
}

impl Control {
    /// Reads dead letters of a subscription from an offset of the dead letter eventlog on, or
    /// from the first that was not sent again.
    pub(crate) async fn dead_letters(
        &self,
        id: SubscriptionId,
        from: Option<u64>,
        limit: usize,
    ) -> Result<DeadLetters, ControlError> {
        if !(1..=MAX_DEAD_LETTERS).contains(&limit) {
            let (value, most) = (limit as u64, MAX_DEAD_LETTERS as u64);
            return Err(ControlError::Range {
                field: "number",
                value,
                most,
            });
        }
        self.collect_letters(id, from, u64::MAX, limit).await
    }

    /// Sends the dead letters between two offsets of the dead letter eventlog, both included,
    /// once more, with all their attempts. At most [`MAX_DEAD_LETTERS`] in one call.
    pub(crate) async fn resend_dead_letters(
        &self,
        id: SubscriptionId,
        from: Option<u64>,
        to: Option<u64>,
    ) -> Result<Resent, ControlError> {
        let _turn = self.change().await?;
        let record = self.subscription(id)?;
        let bus = self.bus_by_id(record.eventbus_id)?;
        let route = self.route(&bus)?;
        let last = to.unwrap_or(u64::MAX);
        let found = self
            .collect_letters(id, from, last, MAX_DEAD_LETTERS)
            .await?;
        // Its worker must not write while its retries are added.
        self.triggers.stop(id).await;
        if let Err(error) = self.triggers.settle(id).await {
            self.triggers.start(&record, route).await?;
            return Err(error.into());
        }
        let now_ms = self.clock.now_ms();
        let mut batch = MetaBatch::new();
        for letter in &found.letters {
            let retry = Retry {
                due_ms: now_ms,
                ..Retry::default()
            };
            batch = trigger::put_retry(batch, id, route.dead_letters, letter.id.offset, &retry);
        }
        batch = trigger::put_cursor(batch, id, route.dead_letters, found.next_offset);
        let stored = self.commit(batch).await;
        self.triggers.start(&record, route).await?;
        stored?;
        let done = found.next_offset > last || found.next_offset >= found.end_offset;
        let count = found.letters.len() as u64;
        Ok(Resent {
            count,
            next_offset: found.next_offset,
            done,
        })
    }

    async fn collect_letters(
        &self,
        id: SubscriptionId,
        from: Option<u64>,
        last: u64,
        limit: usize,
    ) -> Result<DeadLetters, ControlError> {
        let record = self.subscription(id)?;
        let bus = self.bus_by_id(record.eventbus_id)?;
        let eventlog = self.route(&bus)?.dead_letters;
        let meta = std::sync::Arc::clone(&self.meta);
        let loading = tokio::task::spawn_blocking(move || trigger::load(&meta, id, eventlog));
        let progress = loading.await.map_err(|_| ControlError::Closing)??;
        let first_kept = self.start_offset(eventlog, vanus_types::control::StartFrom::Earliest);
        let start = from.or(progress.cursor).unwrap_or(0).max(first_kept.await?);
        let mut found = DeadLetters {
            letters: Vec::new(),
            next_offset: start,
            end_offset: start,
        };
        let mut looked_at = 0;
        while looked_at < MAX_LOOKED_AT && found.next_offset <= last {
            let read = self
                .logs
                .read(eventlog, found.next_offset, MAX_READ_LEN)
                .await;
            let chunk = match read {
                Ok(chunk) => chunk,
                // The eventlog is shorter than the caller believes: there is nothing to find.
                Err(LogError::Read(vanus_storage::ReadError::Overflow { end })) => {
                    found.end_offset = end;
                    found.next_offset = end;
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            found.end_offset = chunk.end_offset;
            if chunk.batches.is_empty() {
                break;
            }
            looked_at += chunk
                .batches
                .iter()
                .map(vanus_types::Batch::len)
                .sum::<usize>();
            for letter in stored_events(&chunk.batches, found.next_offset) {
                if letter.id.offset > last || found.letters.len() == limit {
                    return Ok(found);
                }
                found.next_offset = letter.id.offset + 1;
                if is_dead_letter_of(&letter.event, id) {
                    found.letters.push(letter);
                }
            }
        }
        Ok(found)
    }
}
