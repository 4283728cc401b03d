//! What is due in the background, whoever does it.

use std::sync::atomic::Ordering;

use super::{
    health::{Trouble, Worker},
    shared::Shared,
};

impl Shared {
    /// The most bytes of one group: what a frame of one file takes, or the option if that is less.
    pub(crate) fn most_group_bytes(&self) -> usize {
        let frame = self.wal.size().saturating_sub(2 * 4096);
        usize::try_from(frame.min(self.context.options.max_group_bytes)).unwrap_or(usize::MAX)
    }

    /// A write-ahead log file was taken into use: a checkpoint is due when half of them are.
    pub(crate) fn wal_file_started(&self) {
        if self.checkpoint_due() {
            self.signal(
                |state| state.checkpoint_now = true,
                &self.signals.checkpoint,
            );
        }
    }

    fn checkpoint_due(&self) -> bool {
        self.wal.needed() > (self.context.options.max_wal_files as usize).div_ceil(2)
    }

    /// Prepares the next write-ahead log file; says whether there was space.
    pub(crate) fn prepare_wal_file(&self) -> bool {
        if self.health.check().is_err() {
            return true;
        }
        match self.wal.prepare() {
            Ok(()) => {
                self.health.set_full(Worker::Commit, false);
                true
            }
            Err(e) if e.is_full() => {
                self.health.set_full(Worker::Commit, true);
                false
            }
            Err(e) => {
                self.health.poison(&e);
                true
            }
        }
    }

    /// Flushes and checkpoints as far as it is due, on the calling thread.
    pub(crate) fn work_inline(&self) -> Result<(), Trouble> {
        let full = |worker| self.health.is_full(worker);
        if full(Worker::Commit) {
            self.prepare_wal_file();
        }
        let unflushed = self.cache.unflushed_bytes.load(Ordering::Acquire);
        if self.checkpoint_due()
            || full(Worker::Checkpoint)
            || !self.deleting.lock().logs.is_empty()
        {
            self.run_checkpoint()
        } else if unflushed >= self.context.options.flush_bytes || full(Worker::Flush) {
            self.flush_round().map(|_| ())
        } else {
            Ok(())
        }
    }
}
