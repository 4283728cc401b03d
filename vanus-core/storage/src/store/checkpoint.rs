//! The checkpoint: makes durable what is in segments, so that write-ahead log files can be used again; and removes
//! what was deleted or has expired.

use std::sync::{Arc, atomic::Ordering};

use vanus_types::EventlogId;

use super::{
    AdminError, DiskError, Expired,
    health::{Trouble, Worker},
    shared::{Shared, count},
};
use crate::{
    fs::{Fs, remove_if_there},
    log::Log,
    segment::{SEGMENTS_DIR, Segment},
    wal::write_checkpoint,
};

impl Shared {
    /// Flushes and syncs everything visible now, and frees the write-ahead log files that are not needed any more.
    pub(crate) fn run_checkpoint(&self) -> Result<(), Trouble> {
        let mut reached = self.checkpoint.lock();
        let result = self.checkpoint_to(&mut reached);
        let result = result.map_err(|trouble| self.note(trouble));
        if result.is_ok() {
            self.health.set_full(Worker::Checkpoint, false);
            count(&self.counters.checkpoints, 1);
        }
        self.progressed();
        result
    }

    fn note(&self, trouble: Trouble) -> Trouble {
        if trouble == Trouble::Full {
            self.health.set_full(Worker::Checkpoint, true);
        }
        trouble
    }

    fn checkpoint_to(&self, reached: &mut u64) -> Result<(), Trouble> {
        let lsn = self.flush_round()?;
        // Taken after the frame number was read: whatever a frame up to it deleted is among them.
        let deleted = self.deleting.lock().logs.clone();
        self.sync_dirty()?;
        let fs = self.context.fs.as_ref();
        for log in &deleted {
            log.writer.lock().close();
            // Batches that were in memory keep the eventlog itself for a while.
            log.chain.read().iter().for_each(|segment| segment.close());
            remove_files(fs, log.dir()).map_err(|e| self.trouble(&e, false))?;
        }
        if lsn > *reached {
            write_checkpoint(fs, lsn).map_err(|e| self.trouble(&e, false))?;
            *reached = lsn;
        }
        self.wal.release(lsn).map_err(|e| self.trouble(&e, false))?;
        let mut deleting = self.deleting.lock();
        for log in &deleted {
            deleting.ids.remove(&log.id());
        }
        deleting
            .logs
            .retain(|log| !deleted.iter().any(|done| Arc::ptr_eq(done, log)));
        Ok(())
    }

    /// Notes an eventlog whose segments are to be synced. When there are as many as files may be open, they are
    /// synced at once.
    pub(crate) fn note_dirty(&self, log: &Arc<Log>) -> Result<(), Trouble> {
        let many = {
            let mut dirty = self.dirty.lock();
            dirty.insert(log.id(), log.clone());
            dirty.len() >= self.context.options.max_open_segments
        };
        if many { self.sync_dirty() } else { Ok(()) }
    }

    /// Makes the segments of all dirty eventlogs durable.
    pub(crate) fn sync_dirty(&self) -> Result<(), Trouble> {
        // One at a time: who comes second has to know that what the first took is synced.
        let _one_at_a_time = self.syncing.lock();
        let dirty = std::mem::take(&mut *self.dirty.lock());
        self.sync_new_dirs()?;
        let mut left = dirty.into_iter();
        while let Some((id, log)) = left.next() {
            if let Err(trouble) = self.sync_log(&log) {
                let mut dirty = self.dirty.lock();
                dirty.insert(id, log);
                dirty.extend(left);
                return Err(trouble);
            }
        }
        Ok(())
    }

    /// Makes the folders of new eventlogs durable.
    fn sync_new_dirs(&self) -> Result<(), Trouble> {
        if self.context.new_dirs.swap(false, Ordering::AcqRel) {
            let synced = self.context.fs.sync_dir(SEGMENTS_DIR);
            synced
                .map_err(DiskError::new("sync", SEGMENTS_DIR))
                .map_err(|e| self.trouble(&e, true))?;
        }
        Ok(())
    }

    /// Makes the segments of one eventlog durable, and its index say so.
    fn sync_log(&self, log: &Arc<Log>) -> Result<(), Trouble> {
        let job = {
            let writer = log.writer.lock();
            if writer.is_closed() {
                return Ok(());
            }
            writer.take_job(log, &self.context)
        };
        if job.is_empty() {
            return Ok(());
        }
        match job.run(&self.context) {
            Ok(syncs) => {
                count(&self.counters.segment_syncs, syncs);
                job.finish(&self.context);
                Ok(())
            }
            // Its files may be gone by now, and nobody waits for them any more. A failed sync stops the store all the same.
            Err(e) if log.is_deleted() && e.error.is_missing() => Ok(()),
            Err(e) => Err(self.trouble(&e.error, e.fatal)),
        }
    }

    /// What an error of the disk means: a full disk is tried again, anything else stops the store.
    fn trouble(&self, error: &DiskError, fatal: bool) -> Trouble {
        if error.is_full() && !fatal {
            Trouble::Full
        } else {
            self.health.poison(error)
        }
    }

    /// Deletes the oldest segments of an eventlog whose last event was appended before `before_ms` and lies below
    /// `keep_from`.
    pub(crate) fn expire(
        &self,
        id: EventlogId,
        before_ms: i64,
        keep_from: u64,
    ) -> Result<Expired, AdminError> {
        let log = self.log(id).ok_or(AdminError::UnknownLog(id))?;
        let due = Due {
            before_ms,
            keep_from,
        };
        // No checkpoint removes the files of a deleted eventlog meanwhile.
        let _reached = self.checkpoint.lock();
        self.health.check()?;
        let mut expired = Expired::default();
        // First what goes without a write: the disk may be full.
        expired.segments += self.remove_due(&log, &due, Next::Sealed)?;
        if log
            .chain
            .read()
            .first()
            .is_some_and(|first| due.is_expired(first))
        {
            self.seal_idle(&log, &due).map_err(AdminError::from)?;
            expired.segments += self.remove_due(&log, &due, Next::Any)?;
        }
        let chain = log.chain.read();
        let held = chain.iter().filter(|segment| due.is_held(segment));
        expired.held_bytes = held.map(|segment| segment.end_position()).sum();
        drop(chain);
        Ok(expired)
    }

    /// Removes sealed segments that have expired, as long as what follows them is as `next` wants it; answers how many.
    fn remove_due(&self, log: &Log, due: &Due, next: Next) -> Result<u64, AdminError> {
        let mut removed = 0;
        while let Some(segment) = due.take(log, next) {
            let fs = self.context.fs.as_ref();
            // One after the other, so that whatever is lost of this leaves a chain without a hole.
            remove_segment(fs, log.dir(), &segment).map_err(|e| self.trouble(&e, false))?;
            count(&self.counters.segments_expired, 1);
            removed += 1;
        }
        Ok(removed)
    }

    /// Seals what is full; and when the last segment has expired too, seals it and starts an empty one, which keeps the
    /// next offset.
    fn seal_idle(&self, log: &Arc<Log>, due: &Due) -> Result<(), Trouble> {
        {
            let mut writer = log.writer.lock();
            let idle = {
                let tail = log.tail.lock();
                tail.all_flushed()
                    && tail.end() <= due.keep_from
                    && tail.last_time().is_some_and(|last| last < due.before_ms)
            };
            if writer.is_closed() {
                return Ok(());
            }
            if idle && writer.has_events() {
                writer.roll();
                // Sealed later, should the disk be full now.
                self.dirty.lock().insert(log.id(), log.clone());
                let mut made = |segment| log.chain.write().push(segment);
                writer
                    .ensure_active(&self.context, &mut made)
                    .map_err(|e| self.trouble(&e, false))?;
            } else if !writer.is_dirty() && log.chain.read().first().is_some_and(|s| s.sealed()) {
                return Ok(());
            }
        }
        // What stays has a durable index before anything goes: by that recovery tells what retention took from what
        // a loss of power took.
        let _one_at_a_time = self.syncing.lock();
        self.sync_new_dirs()?;
        // Only this one: another that does not find room must not keep this one from making some.
        self.sync_log(log)
    }
}

/// What has to follow a segment that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A sealed one, whose index is durable.
    Sealed,
    /// Any: the index of all of them was made durable.
    Any,
}

/// What retention may delete.
#[derive(Debug, Clone, Copy)]
struct Due {
    before_ms: i64,
    keep_from: u64,
}

impl Due {
    fn is_old(&self, segment: &Segment) -> bool {
        segment
            .last_time()
            .is_some_and(|last| last < self.before_ms)
    }

    fn is_expired(&self, segment: &Segment) -> bool {
        self.is_old(segment) && segment.end() <= self.keep_from
    }

    /// Whether it would be deleted, were it not for who still reads it.
    fn is_held(&self, segment: &Segment) -> bool {
        self.is_old(segment) && segment.end() > self.keep_from
    }

    /// Takes the first segment off the chain if it has expired and what follows it is as `next` wants it.
    fn take(&self, log: &Log, next: Next) -> Option<Arc<Segment>> {
        let mut chain = log.chain.write();
        let [first, second, ..] = chain.as_slice() else {
            return None;
        };
        let follows = next == Next::Any || second.sealed();
        if !first.sealed() || !follows || !self.is_expired(first) {
            return None;
        }
        log.tail.lock().set_start(second.base());
        Some(chain.remove(0))
    }
}

fn remove_segment(fs: &dyn Fs, dir: &str, segment: &Segment) -> Result<(), DiskError> {
    for path in [segment.path(), segment.index_path()] {
        remove_if_there(fs, path).map_err(DiskError::new("remove", path))?;
    }
    fs.sync_dir(dir).map_err(DiskError::new("sync", dir))
}

/// Removes the folder of a deleted eventlog; one that is not there is fine.
pub(crate) fn remove_files(fs: &dyn Fs, dir: &str) -> Result<(), DiskError> {
    let fail = || DiskError::new("remove", dir);
    if fs.exists(dir).map_err(fail())? {
        for entry in fs.list_dir(dir).map_err(fail())? {
            remove_if_there(fs, &format!("{dir}/{}", entry.name)).map_err(fail())?;
        }
        fs.remove_dir(dir).map_err(fail())?;
    }
    // Also where it is gone: an earlier try may have failed after it was removed, and it must not come back.
    fs.sync_dir(SEGMENTS_DIR)
        .map_err(DiskError::new("sync", SEGMENTS_DIR))
}
