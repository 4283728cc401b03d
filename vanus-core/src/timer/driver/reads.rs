//! Reading events of timers from the eventlog of the shard: ahead of their time where there is room, in the order of offsets.

use bytes::Bytes;
use futures_util::FutureExt;
use vanus_storage::ReadError;
use vanus_types::{Event, EventlogId};

use super::Driver;
use crate::{
    eventlog::{LogError, Logs, stored_events},
    timer::{
        TimerError,
        shard::{Entry, decode},
    },
};

/// Events that are read ahead at once.
const AT_ONCE: usize = 4_096;

/// Bytes that one read asks for where many events lie close together.
const DENSE_READ: usize = 256 * 1024;

/// So many events within [`NEAR`] offsets are close together.
const DENSE: usize = 8;

/// See [`DENSE`].
const NEAR: u64 = 256;

/// Events that were read ahead.
#[derive(Debug)]
pub(super) struct ReadAhead(Vec<(u64, Bytes)>);

impl Driver {
    /// Brings what is due soon into the list of it, and remembers which events are to be read.
    pub(super) fn approach(&mut self, now_ms: i64) {
        for timer in self.shard.approach(now_ms) {
            if !self.payloads.has(timer.at) {
                self.wanted_ahead.push(timer.at);
            }
        }
    }

    /// Reads events ahead, if some are wanted and nothing is being read.
    pub(super) fn begin_reading(&mut self) {
        if self.reading.is_some() || self.wanted_ahead.is_empty() {
            return;
        }
        // Those that come first are wanted first.
        let count = self.wanted_ahead.len().min(AT_ONCE);
        let mut wanted: Vec<u64> = self.wanted_ahead.drain(..count).collect();
        wanted.retain(|at| !self.payloads.has(*at));
        wanted.sort_unstable();
        let (logs, eventlog) = (self.common.logs.clone(), self.eventlog);
        let reading = async move {
            let read = read_records(&logs, eventlog, &wanted).await;
            // What cannot be read ahead is read, and its error told, when it is due.
            ReadAhead(read.unwrap_or_default())
        };
        self.reading = Some(reading.boxed());
    }

    pub(super) fn read_ahead(&mut self, ReadAhead(records): ReadAhead) {
        // Of timers that were cancelled or have fired meanwhile nothing is kept.
        let waiting: std::collections::HashSet<u64> =
            self.shard.next().map(|timer| timer.at).collect();
        for (at, record) in records {
            if waiting.contains(&at) && !self.payloads.keep(at, &record) {
                self.wanted_ahead.clear();
                return;
            }
        }
    }
}

/// Reads the records of the events at these offsets, which are in order. Events that are damaged are left out.
pub(super) async fn read_records(
    logs: &Logs,
    eventlog: EventlogId,
    wanted: &[u64],
) -> Result<Vec<(u64, Bytes)>, LogError> {
    let mut records = Vec::with_capacity(wanted.len());
    let mut rest = wanted;
    while let Some((first, after)) = rest.split_first() {
        let close = after.get(DENSE).is_some_and(|at| at - first < NEAR);
        let most = if close { DENSE_READ } else { 1 };
        let chunk = match logs.read(eventlog, *first, most).await {
            Ok(chunk) => chunk,
            Err(LogError::Read(error @ ReadError::Corrupted { .. })) => {
                tracing::error!(%eventlog, offset = *first, %error, "the event of a timer is damaged");
                rest = after;
                continue;
            }
            Err(error) => return Err(error),
        };
        for stored in stored_events(&chunk.batches, *first) {
            while rest.first().is_some_and(|at| *at < stored.id.offset) {
                rest = rest.split_first().map_or(&[][..], |(_, after)| after);
            }
            if rest.first() == Some(&stored.id.offset) {
                rest = rest.split_first().map_or(&[][..], |(_, after)| after);
                match decode(&stored.event) {
                    Ok(read) if matches!(read.entry, Entry::Set(_)) => {
                        records.push((stored.id.offset, read.record));
                    }
                    _ => {
                        let offset = stored.id.offset;
                        tracing::error!(%eventlog, offset, "there is no timer where one was set");
                    }
                }
            }
        }
        if rest.first() == Some(first) {
            // Nothing was there.
            rest = after;
        }
    }
    Ok(records)
}

/// Reads the event of one timer.
pub(in crate::timer) async fn read_record(
    logs: &Logs,
    eventlog: EventlogId,
    at: u64,
) -> Result<Event, TimerError> {
    let stored = logs
        .read_event(vanus_types::EventId {
            eventlog,
            offset: at,
        })
        .await?;
    match decode(&stored.event) {
        Ok(read) => Ok(read.event()),
        Err(error) => Err(TimerError::Damaged {
            offset: at,
            detail: error.to_string(),
        }),
    }
}
