//! The recent batches of an eventlog in memory: those not yet in a segment file, and as many behind them as the
//! cache has room for.

use std::collections::VecDeque;

use vanus_types::Batch;

use crate::store::{ReadChunk, ReadError};

/// The committed end of an eventlog. Held for moments only, never across a call to the disk.
#[derive(Debug)]
pub(crate) struct Tail {
    batches: VecDeque<Batch>,
    start: u64,
    end: u64,
    /// Everything below is in segment files.
    flushed: u64,
    /// Whether the flusher was told of this eventlog.
    queued: bool,
    last_time: Option<i64>,
}

impl Tail {
    pub(crate) fn new(start: u64, end: u64, last_time: Option<i64>) -> Tail {
        Tail {
            batches: VecDeque::new(),
            start,
            end,
            flushed: end,
            queued: false,
            last_time,
        }
    }

    /// The first offset kept.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// The next offset to be written; everything below is committed.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Append time of the last batch.
    pub(crate) fn last_time(&self) -> Option<i64> {
        self.last_time
    }

    /// Whether everything is in segment files.
    pub(crate) fn all_flushed(&self) -> bool {
        self.flushed == self.end
    }

    /// Makes a committed batch visible; says whether the flusher has to be told.
    pub(crate) fn push(&mut self, batch: Batch) -> bool {
        self.end = batch.header().next_offset();
        self.last_time = Some(batch.header().append_time_ms);
        self.batches.push_back(batch);
        !std::mem::replace(&mut self.queued, true)
    }

    /// The flusher was told of an eventlog without batches.
    pub(crate) fn queue(&mut self) {
        self.queued = true;
    }

    /// The flusher begins; it has to be told of what comes later.
    pub(crate) fn unqueue(&mut self) {
        self.queued = false;
    }

    /// The next batches that are not in segment files, about `max_bytes`.
    pub(crate) fn unflushed(&self, max_bytes: usize) -> Vec<Batch> {
        let mut bytes = 0;
        self.batches
            .iter()
            .skip(self.index_of(self.flushed))
            .take_while(|batch| {
                let more = bytes < max_bytes;
                bytes += batch.len();
                more
            })
            .cloned()
            .collect()
    }

    /// Bytes that are not in segment files.
    pub(crate) fn unflushed_bytes(&self) -> u64 {
        self.batches
            .iter()
            .skip(self.index_of(self.flushed))
            .map(|batch| batch.len() as u64)
            .sum()
    }

    /// Everything below `offset` is in segment files now.
    pub(crate) fn set_flushed(&mut self, offset: u64) {
        self.flushed = offset;
    }

    /// Drops the oldest batch if it ends at or before `offset` and is in a segment file; answers its length.
    pub(crate) fn evict(&mut self, offset: u64) -> Option<usize> {
        let next = self.batches.front()?.header().next_offset();
        if next > self.flushed || next > offset {
            return None;
        }
        self.batches.pop_front().map(|batch| batch.len())
    }

    /// Events below `start` are gone.
    pub(crate) fn set_start(&mut self, start: u64) {
        self.start = start;
    }

    /// Drops everything; answers the bytes not flushed and all bytes.
    pub(crate) fn clear(&mut self) -> (u64, u64) {
        let unflushed = self.unflushed_bytes();
        let all = self.batches.drain(..).map(|batch| batch.len() as u64).sum();
        self.flushed = self.end;
        (unflushed, all)
    }

    /// Checks that `offset` can be read at all.
    pub(crate) fn check(&self, offset: u64) -> Result<(), ReadError> {
        if offset < self.start {
            Err(ReadError::Underflow { start: self.start })
        } else if offset > self.end {
            Err(ReadError::Overflow { end: self.end })
        } else {
            Ok(())
        }
    }

    /// Batches from the one that holds `offset` on; `None` when it is not in memory.
    pub(crate) fn read(&self, offset: u64, max_bytes: usize) -> Option<ReadChunk> {
        let end_offset = self.end;
        if offset == self.end {
            return Some(ReadChunk {
                batches: Vec::new(),
                next_offset: offset,
                end_offset,
            });
        }
        if self.batches.front()?.header().base_offset > offset {
            return None;
        }
        let mut bytes = 0;
        let batches: Vec<Batch> = self
            .batches
            .iter()
            .skip(self.index_of(offset))
            .take_while(|batch| {
                let more = bytes == 0 || bytes + batch.len() <= max_bytes;
                bytes += batch.len();
                more
            })
            .cloned()
            .collect();
        let next_offset = batches.last()?.header().next_offset();
        Some(ReadChunk {
            batches,
            next_offset,
            end_offset,
        })
    }

    /// The first offset in memory appended at `time_ms` or later, the end if there is none; `None` when it may be
    /// in a segment file.
    pub(crate) fn offset_at(&self, time_ms: i64) -> Option<u64> {
        if self.last_time.is_none_or(|last| last < time_ms) {
            return Some(self.end);
        }
        let first = self.batches.front()?.header();
        if first.append_time_ms >= time_ms && first.base_offset > self.start {
            return None;
        }
        let at = self
            .batches
            .partition_point(|batch| batch.header().append_time_ms < time_ms);
        Some(self.batches.get(at)?.header().base_offset.max(self.start))
    }

    /// Append time of the first batch in memory.
    pub(crate) fn first_time(&self) -> Option<i64> {
        self.batches
            .front()
            .map(|batch| batch.header().append_time_ms)
    }

    /// The index of the batch that holds `offset`.
    fn index_of(&self, offset: u64) -> usize {
        self.batches
            .partition_point(|batch| batch.header().next_offset() <= offset)
    }
}

#[cfg(test)]
mod tests {
    use vanus_types::EventlogId;

    use super::*;
    use crate::testing::batch_of;

    fn tail() -> Tail {
        let mut tail = Tail::new(0, 10, Some(5));
        for at in 0..3_u64 {
            let batch = batch_of(&[b"a", b"b"]);
            let first = tail.push(batch.assigned(
                EventlogId::from_u64(1),
                10 + 2 * at,
                100 * at as i64 + 100,
            ));
            assert_eq!(first, at == 0, "the flusher is told once");
        }
        tail
    }

    #[test]
    fn reads_start_at_the_batch_that_holds_the_offset() {
        let tail = tail();
        assert!(tail.read(9, 1000).is_none(), "it is not in memory");
        let chunk = tail.read(13, 1).unwrap();
        assert_eq!(chunk.batches[0].header().base_offset, 12);
        assert_eq!(
            (chunk.batches.len(), chunk.next_offset, chunk.end_offset),
            (1, 14, 16)
        );
        assert_eq!(tail.read(10, usize::MAX).unwrap().batches.len(), 3);
        assert!(tail.read(16, 1000).unwrap().batches.is_empty());
        assert!(matches!(
            tail.check(17),
            Err(ReadError::Overflow { end: 16 })
        ));
    }

    #[test]
    fn only_what_is_flushed_is_evicted() {
        let mut tail = tail();
        assert!(tail.evict(100).is_none());
        assert_eq!(tail.unflushed(1).len(), 1);
        tail.set_flushed(14);
        assert!(!tail.all_flushed());
        assert_eq!(tail.unflushed(usize::MAX).len(), 1);
        assert!(tail.evict(11).is_none(), "the cache has room for it");
        assert!(tail.evict(12).is_some());
        assert!(tail.evict(100).is_some());
        assert!(tail.evict(100).is_none());
        assert_eq!(tail.unflushed_bytes(), tail.unflushed(1)[0].len() as u64);
    }

    #[test]
    fn a_time_is_found_in_memory_or_left_to_the_segments() {
        let tail = tail();
        assert_eq!(tail.offset_at(301), Some(16));
        assert_eq!(tail.offset_at(300), Some(14));
        assert_eq!(tail.offset_at(101), Some(12));
        assert_eq!(
            tail.offset_at(100),
            None,
            "the same time may have begun in a segment"
        );
        assert_eq!(tail.offset_at(1), None);
    }
}
