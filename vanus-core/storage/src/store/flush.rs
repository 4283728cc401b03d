//! Flushing: batches go from memory to segment files, in large blocks, off the path of acknowledgements; and the
//! memory behind them is let go when the cache is full.

use std::sync::{Arc, atomic::Ordering};

use vanus_types::Batch;

use super::{
    health::{Trouble, Worker},
    shared::{Shared, count},
};
use crate::log::Log;

impl Shared {
    /// Makes a committed batch visible.
    pub(crate) fn show(&self, log: &Arc<Log>, batch: Batch) {
        let (len, events, end) = (
            batch.len() as u64,
            batch.header().count,
            batch.header().next_offset(),
        );
        self.cache.bytes.fetch_add(len, Ordering::AcqRel);
        let unflushed = self.cache.unflushed_bytes.fetch_add(len, Ordering::AcqRel) + len;
        count(&self.counters.batches_appended, 1);
        count(&self.counters.events_appended, u64::from(events));
        count(&self.counters.bytes_appended, len);
        let first = log.tail.lock().push(batch);
        self.cache.order.lock().push_back((log.clone(), end));
        if first {
            self.queue_flush(log.clone());
        }
        let much = self.context.options.flush_bytes;
        if unflushed >= much && unflushed - len < much {
            self.signal(|state| state.flush_now = true, &self.signals.flush);
        }
    }

    /// Bytes that are not in segments yet.
    pub(crate) fn unflushed_bytes(&self) -> u64 {
        self.cache.unflushed_bytes.load(Ordering::Acquire)
    }

    /// Whether a group of that many bytes may be held in memory.
    pub(crate) fn has_memory_for(&self, bytes: u64) -> bool {
        let unflushed = self.cache.unflushed_bytes.load(Ordering::Acquire);
        unflushed == 0 || unflushed + bytes <= self.context.options.max_unflushed_bytes
    }

    /// Flushes everything that is visible now; answers up to which frame everything is in segments.
    pub(crate) fn flush_round(&self) -> Result<u64, Trouble> {
        let result = self.flush_all();
        if result.is_ok() {
            self.evict();
            self.look_at_space();
        }
        // Whoever waits has to hear of a failure too.
        self.progressed();
        result
    }

    fn flush_all(&self) -> Result<u64, Trouble> {
        let mut flushed = self.flushed.lock();
        self.health.check()?;
        // Read before the list is taken: what was visible by then is on the list, or was flushed.
        let lsn = self.published.load(Ordering::Acquire);
        let logs = std::mem::take(&mut *self.unflushed.lock());
        let mut left = logs.into_iter();
        while let Some(log) = left.next() {
            if let Err(trouble) = self.flush_log(&log) {
                // It is flushed again from where it stands, and so are those not reached.
                let mut list = self.unflushed.lock();
                log.tail.lock().queue();
                list.push(log);
                list.extend(left);
                drop(list);
                self.health
                    .set_full(Worker::Flush, trouble == Trouble::Full);
                return Err(trouble);
            }
        }
        self.health.set_full(Worker::Flush, false);
        *flushed = lsn;
        Ok(lsn)
    }

    fn flush_log(&self, log: &Arc<Log>) -> Result<(), Trouble> {
        match log.flush(&self.context, &|batches: &[Batch]| self.flushed(batches)) {
            Ok(false) => Ok(()),
            Ok(true) => self.note_dirty(log),
            Err(e) if e.is_full() => Err(Trouble::Full),
            Err(e) => Err(self.health.poison(&e)),
        }
    }

    fn flushed(&self, batches: &[Batch]) {
        let bytes = batches.iter().map(|batch| batch.len() as u64).sum();
        self.cache
            .unflushed_bytes
            .fetch_sub(bytes, Ordering::AcqRel);
        count(&self.counters.segment_bytes, bytes);
        self.progressed();
    }

    /// Lets go of the oldest batches that are in segments, until the cache is within its bound.
    pub(crate) fn evict(&self) {
        let most = self.context.options.cache_bytes;
        let mut order = self.cache.order.lock();
        while self.cache.bytes.load(Ordering::Acquire) > most {
            let Some((log, end)) = order.front() else {
                return;
            };
            let end = *end;
            let log = log.clone();
            let mut tail = log.tail.lock();
            let freed = tail.evict(end);
            drop(tail);
            match freed {
                Some(len) => {
                    self.cache.bytes.fetch_sub(len as u64, Ordering::AcqRel);
                }
                // A deleted eventlog has let go of everything already; any other has not flushed this one yet.
                None if log.is_deleted() => {}
                None => return,
            }
            order.pop_front();
        }
    }

    /// The eventlog is deleted: it can not be found any more, and its files go with the next checkpoint.
    pub(crate) fn forget(&self, log: Arc<Log>) {
        self.logs.write().remove(&log.id());
        let (unflushed, all) = log.set_deleted();
        self.cache
            .unflushed_bytes
            .fetch_sub(unflushed, Ordering::AcqRel);
        self.cache.bytes.fetch_sub(all, Ordering::AcqRel);
        let mut deleting = self.deleting.lock();
        deleting.ids.insert(log.id());
        deleting.logs.push(log);
        drop(deleting);
        self.signal(
            |state| state.checkpoint_now = true,
            &self.signals.checkpoint,
        );
    }

    /// Waits for the flusher to make room in memory.
    pub(crate) fn wait_for_flush(&self) -> Result<(), Trouble> {
        if self.is_inline() {
            return self.flush_round().map(|_| ());
        }
        self.wait(Worker::Flush)
    }

    /// Waits for a checkpoint to free a write-ahead log file.
    pub(crate) fn wait_for_checkpoint(&self) -> Result<(), Trouble> {
        if self.is_inline() {
            return self.run_checkpoint();
        }
        self.wait(Worker::Checkpoint)
    }

    fn wait(&self, worker: Worker) -> Result<(), Trouble> {
        let mut state = self.signals.state.lock();
        // Without space nothing will come of waiting; who asked is told, and the worker tries again by itself.
        if self.health.is_full(Worker::Flush) || self.health.is_full(worker) {
            return Err(Trouble::Full);
        }
        match worker {
            Worker::Checkpoint => {
                state.checkpoint_now = true;
                self.signals.checkpoint.notify_one();
            }
            Worker::Commit | Worker::Flush => {
                state.flush_now = true;
                self.signals.flush.notify_one();
            }
        }
        let round = state.rounds;
        while state.rounds == round && !state.stop {
            self.signals.progress.wait(&mut state);
        }
        if state.stop {
            drop(state);
            return Err(self
                .health
                .poison(&"the store was closed while a write waited for room"));
        }
        Ok(())
    }
}
