//! Reading an eventlog: from memory where possible, else from its segments.

use std::sync::Arc;

use super::{FileContext, Log};
use crate::{
    segment::{Segment, SegmentError},
    store::{ReadChunk, ReadError},
};

/// How often a reader looks again when retention takes a segment away under its hands.
const TRIES: usize = 8;

impl Log {
    /// Reads from memory only; `None` when the disk has to be asked. Never waits for the disk.
    pub(crate) fn try_read_tail(
        &self,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Option<ReadChunk>, ReadError> {
        let tail = self.tail.lock();
        if self.is_deleted() {
            return Err(ReadError::UnknownLog(self.id()));
        }
        tail.check(offset)?;
        Ok(tail.read(offset, max_bytes))
    }

    /// Reads from memory or disk.
    pub(crate) fn read(
        &self,
        context: &FileContext,
        offset: u64,
        max_bytes: usize,
    ) -> Result<(ReadChunk, bool), ReadError> {
        for _ in 0..TRIES {
            if let Some(chunk) = self.try_read_tail(offset, max_bytes)? {
                return Ok((chunk, false));
            }
            // What is neither before the start nor in memory is in a segment, unless that was deleted just now.
            let Some(segment) = self.segment_of(offset) else {
                continue;
            };
            match segment.read(context.fs.as_ref(), &context.handles, offset, max_bytes) {
                Ok(batches) => {
                    let next_offset = batches.last().map_or(offset, |b| b.header().next_offset());
                    let end_offset = self.tail.lock().end();
                    return Ok((
                        ReadChunk {
                            batches,
                            next_offset,
                            end_offset,
                        },
                        true,
                    ));
                }
                Err(e) => self.still_there(&segment, e)?,
            }
        }
        Err(ReadError::Underflow {
            start: self.tail.lock().start(),
        })
    }

    /// The first offset appended at `time_ms` or later.
    pub(crate) fn offset_at(&self, context: &FileContext, time_ms: i64) -> Result<u64, ReadError> {
        for _ in 0..TRIES {
            if self.is_deleted() {
                return Err(ReadError::UnknownLog(self.id()));
            }
            if let Some(offset) = self.tail.lock().offset_at(time_ms) {
                return Ok(offset);
            }
            let segment = {
                let chain = self.chain.read();
                let reaches = |segment: &&Arc<Segment>| {
                    segment.last_time().is_some_and(|last| last >= time_ms)
                };
                chain.iter().find(reaches).cloned()
            };
            let Some(segment) = segment else {
                // Only batches in memory are that late, and they are the first of them.
                let tail = self.tail.lock();
                let offset = tail
                    .unflushed(1)
                    .first()
                    .map_or(tail.end(), |b| b.header().base_offset);
                return Ok(offset);
            };
            match segment.offset_at(context.fs.as_ref(), &context.handles, time_ms) {
                Ok(offset) => return Ok(offset),
                Err(e) => self.still_there(&segment, e)?,
            }
        }
        Ok(self.tail.lock().start())
    }

    fn segment_of(&self, offset: u64) -> Option<Arc<Segment>> {
        let chain = self.chain.read();
        let after = chain.partition_point(|segment| segment.base() <= offset);
        let segment = chain.get(after.checked_sub(1)?)?;
        (offset < segment.end()).then(|| segment.clone())
    }

    /// An error of a segment that was deleted meanwhile says nothing; any other is the reader's.
    fn still_there(&self, segment: &Arc<Segment>, error: SegmentError) -> Result<(), ReadError> {
        let there = self
            .chain
            .read()
            .iter()
            .any(|other| Arc::ptr_eq(other, segment));
        if self.is_deleted() {
            return Err(ReadError::UnknownLog(self.id()));
        }
        match error {
            _ if !there => Ok(()),
            SegmentError::Disk(e) => Err(e.into()),
            SegmentError::Corrupted { offset, source } => Err(ReadError::Corrupted {
                log: self.id(),
                offset,
                source,
            }),
        }
    }
}
