//! Reading events: a page at a time, or as they come.

use std::{collections::VecDeque, time::Duration};

use vanus_types::{
    EventlogId,
    control::StoredEvent,
    limits::{MAX_POLL_WAIT_MS, MAX_READ_EVENTS, MAX_READ_LEN},
};

use crate::{
    error::Error,
    eventlog::{Logs, stored_events},
};

/// Bytes a tail reads at a time.
const TAIL_READ_LEN: usize = 256 * 1024;

/// How much to read, and how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOptions {
    /// Most events; more than [`MAX_READ_EVENTS`] counts as that.
    pub max_events: usize,
    /// Most bytes of batches; the first batch always fits.
    pub max_bytes: usize,
    /// How long to wait if there is nothing; longer than [`MAX_POLL_WAIT_MS`] counts as that.
    pub wait: Duration,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            max_events: 100,
            max_bytes: MAX_READ_LEN,
            wait: Duration::ZERO,
        }
    }
}

/// Events that lie in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPage {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// Where to read on.
    pub next_offset: u64,
    /// The offset the next event gets.
    pub end_offset: u64,
}

impl ReadPage {
    pub(super) async fn read(
        logs: &Logs,
        eventlog: EventlogId,
        offset: u64,
        options: ReadOptions,
    ) -> Result<Self, Error> {
        let wait = options.wait.min(Duration::from_millis(MAX_POLL_WAIT_MS));
        let chunk = logs
            .read_within(eventlog, offset, options.max_bytes, wait)
            .await?;
        let limit = options.max_events.clamp(1, MAX_READ_EVENTS);
        let events: Vec<_> = stored_events(&chunk.batches, offset).take(limit).collect();
        let next_offset = events.last().map_or(offset, |event| event.id.offset + 1);
        Ok(Self {
            events,
            next_offset,
            end_offset: chunk.end_offset,
        })
    }
}

/// Follows an eventlog.
#[derive(Debug)]
pub struct Tail {
    logs: Logs,
    eventlog: EventlogId,
    offset: u64,
    ready: VecDeque<StoredEvent>,
}

impl Tail {
    pub(super) const fn new(logs: Logs, eventlog: EventlogId, offset: u64) -> Self {
        Self {
            logs,
            eventlog,
            offset,
            ready: VecDeque::new(),
        }
    }

    /// The next event; waits until there is one. Cancel safe: no event is lost when the future is
    /// dropped.
    ///
    /// # Errors
    /// When the offset has expired, stored bytes are damaged, or the eventlog was deleted.
    pub async fn next(&mut self) -> Result<StoredEvent, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.offset = event.id.offset + 1;
                return Ok(event);
            }
            let read = self
                .logs
                .read_when_there(self.eventlog, self.offset, TAIL_READ_LEN);
            let chunk = read.await?;
            self.ready
                .extend(stored_events(&chunk.batches, self.offset));
        }
    }

    /// The offset of the next event.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}
