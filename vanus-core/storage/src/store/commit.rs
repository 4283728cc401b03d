//! The committer: takes everything that waits, writes one frame, syncs once, and answers all.
//!
//! A reader sees a batch when the batch is acknowledged, not before. Where somebody waits for a sync of an eventlog,
//! that is after the sync for the whole group of that eventlog; otherwise after the write.

use std::time::Duration;

use super::{
    group::Group,
    health::{Trouble, Worker},
    queue::Request,
    shared::{Shared, count},
};
use crate::{
    store::DiskError,
    wal::{Unsynced, WalWriter},
};

/// Owns the end of the write-ahead log.
#[derive(Debug)]
pub(crate) struct Committer {
    wal: WalWriter,
    /// Numbers the groups.
    group: u64,
    /// When the first byte was written that is not synced, on the monotonic clock; never later than that.
    unsynced_since: Option<u64>,
    /// What the syncing thread was asked for since it last looked.
    asked: Wanted,
    /// Whether the file after the current one was asked for.
    asked_file: bool,
}

/// What is wanted of the thread that syncs behind the commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Nothing,
    /// A sync when what is not synced has become old.
    Soon,
    Now,
}

/// The largest batch that whoever appends it may commit: a copy into the page cache that takes less time than to wake
/// the committing thread and to be woken by it.
const CALLER_BYTES: usize = 64 * 1024;

impl Committer {
    pub(crate) fn new(wal: WalWriter) -> Committer {
        Committer {
            wal,
            group: 0,
            unsynced_since: None,
            asked: Wanted::Nothing,
            asked_file: false,
        }
    }

    /// Whether a batch of `len` bytes that nobody wants synced can be committed without waiting for anything.
    pub(crate) fn is_ready_for(&self, shared: &Shared, len: usize) -> bool {
        let payload = Request::append_len(len);
        len <= CALLER_BYTES
            && self.wal.fits(payload)
            && self.wal.unsynced_bytes() + self.wal.frame_len(payload)
                < shared.context.options.sync_bytes
            && shared.has_memory_for(payload as u64)
            && shared.health.check().is_ok()
    }

    /// Commits a group and answers every request in it.
    pub(crate) fn commit(&mut self, shared: &Shared, requests: Vec<Request>) {
        let payload = requests.iter().map(Request::len).sum();
        if let Err(trouble) = self.make_room(shared, payload) {
            refuse(shared, requests, &trouble);
            return;
        }
        self.group += 1;
        let mut group = Group::new(self.group);
        for request in requests {
            group.stage(shared, request);
        }
        let cost = group.cost;
        if let Err(trouble) = self.write(shared, group) {
            debug_assert!(matches!(trouble, Trouble::Poisoned(_)));
        }
        shared.queue.free(cost);
        if !self.asked_file && self.wal.past_half() {
            self.asked_file = true;
            shared.signal(|state| state.prepare = true, &shared.signals.checkpoint);
        }
    }

    /// Waits until a frame with such a payload can be written and its batches held in memory.
    fn make_room(&mut self, shared: &Shared, payload: usize) -> Result<(), Trouble> {
        loop {
            shared.health.check()?;
            if !shared.has_memory_for(payload as u64) {
                shared.wait_for_flush()?;
            } else if self.wal.fits(payload) {
                return Ok(());
            } else if !shared.wal.has_room() {
                shared.wait_for_checkpoint()?;
            } else {
                self.sync(shared)?;
                match self.wal.next_file() {
                    Ok(()) => {
                        self.asked_file = false;
                        shared.health.set_full(Worker::Commit, false);
                    }
                    Err(e) if e.is_full() => {
                        shared.health.set_full(Worker::Commit, true);
                        // What still fits the current file asks for none: whoever prepares files tries again.
                        shared.signal(|state| state.prepare = true, &shared.signals.checkpoint);
                        return Err(Trouble::Full);
                    }
                    Err(e) => return Err(shared.health.poison(&e)),
                }
                shared.wal_file_started();
            }
        }
    }

    fn write(&mut self, shared: &Shared, mut group: Group) -> Result<(), Trouble> {
        if !group.entries.is_empty()
            && let Err(e) = self.write_frame(shared, &group)
        {
            return Err(group.fail(shared, &e));
        }
        if !group.sync {
            group.publish(shared, |_| true);
        } else {
            let number = group.number();
            group.publish(shared, |log| log.assign.lock().sync_group != number);
            if let Err(trouble) = self.sync(shared) {
                group.refuse(&trouble);
                return Err(trouble);
            }
            group.publish(shared, |_| true);
        }
        group.finish(shared);
        let lsn = self.wal.written_lsn();
        shared
            .published
            .store(lsn, std::sync::atomic::Ordering::Release);
        self.bound_unsynced(shared)
    }

    fn write_frame(&mut self, shared: &Shared, group: &Group) -> Result<(), DiskError> {
        let bytes = self.wal.append(&group.entries, group.sync)?;
        self.unsynced_since
            .get_or_insert_with(|| shared.context.clock.monotonic_ns());
        count(&shared.counters.wal_frames, 1);
        count(&shared.counters.wal_bytes, bytes);
        Ok(())
    }

    /// Syncs what was written. A failure is final.
    pub(crate) fn sync(&mut self, shared: &Shared) -> Result<(), Trouble> {
        shared.health.check()?;
        if let Some(unsynced) = self.wal.unsynced() {
            shared.sync_wal(&unsynced)?;
            self.wal.synced(&unsynced);
        }
        self.unsynced_since = None;
        Ok(())
    }

    /// Keeps what was acknowledged from the page cache within its bounds: has it synced behind the commits, and
    /// waits for a sync when that does not keep up. Without threads it is synced here.
    fn bound_unsynced(&mut self, shared: &Shared) -> Result<(), Trouble> {
        let (unsynced, most) = (self.wal.unsynced_bytes(), shared.context.options.sync_bytes);
        if shared.is_inline() || unsynced >= most {
            return self.sync_if_due(shared);
        }
        let wanted = match unsynced {
            0 => Wanted::Nothing,
            _ if unsynced >= most / 2 => Wanted::Now,
            _ => Wanted::Soon,
        };
        if wanted > self.asked {
            self.asked = wanted;
            shared.signal(|state| state.look_at_sync = true, &shared.signals.sync);
        }
        Ok(())
    }

    /// Syncs what was acknowledged from the page cache when it is old or much.
    pub(crate) fn sync_if_due(&mut self, shared: &Shared) -> Result<(), Trouble> {
        let much = self.wal.unsynced_bytes() >= shared.context.options.sync_bytes;
        if much || self.until_sync(shared) == Some(Duration::ZERO) {
            self.sync(shared)?;
        }
        Ok(())
    }

    /// For the syncing thread: what it has to sync now, with the time; or how long it may sleep, `None` until it is
    /// asked for.
    pub(crate) fn next_sync(
        &mut self,
        shared: &Shared,
    ) -> Result<(Unsynced, u64), Option<Duration>> {
        let left = match self.until_sync(shared) {
            Some(_) if self.wal.unsynced_bytes() >= shared.context.options.sync_bytes / 2 => {
                Duration::ZERO
            }
            Some(left) => left,
            None => {
                self.asked = Wanted::Nothing;
                return Err(None);
            }
        };
        self.asked = Wanted::Soon;
        match self.wal.unsynced() {
            Some(unsynced) if left.is_zero() => Ok((unsynced, shared.context.clock.monotonic_ns())),
            _ => Err(Some(left)),
        }
    }

    /// What the syncing thread took at `began_ns` is durable.
    pub(crate) fn synced(&mut self, unsynced: &Unsynced, began_ns: u64) {
        self.wal.synced(unsynced);
        self.unsynced_since = match self.wal.unsynced_bytes() {
            0 => None,
            _ => self.unsynced_since.map(|since| since.max(began_ns)),
        };
    }

    /// How long what is not synced may wait; `None` when everything is.
    fn until_sync(&self, shared: &Shared) -> Option<Duration> {
        let since = self.unsynced_since?;
        shared.health.check().ok()?;
        let age = Duration::from_nanos(shared.context.clock.monotonic_ns().saturating_sub(since));
        Some(Duration::from_millis(shared.context.options.sync_interval_ms).saturating_sub(age))
    }
}

impl Shared {
    /// Makes durable what was written to the write-ahead log. A failure is final, also for whoever waits to sync
    /// meanwhile: the system may tell of it only once.
    pub(crate) fn sync_wal(&self, unsynced: &Unsynced) -> Result<(), Trouble> {
        let _one_at_a_time = self.wal_sync.lock();
        self.health.check()?;
        unsynced.sync().map_err(|e| self.health.poison(&e))?;
        count(&self.counters.wal_syncs, 1);
        Ok(())
    }
}

fn refuse(shared: &Shared, requests: Vec<Request>, trouble: &Trouble) {
    for request in requests {
        if let Request::Append { batch, .. } = &request {
            shared.queue.free(shared.queue.cost(batch));
        }
        request.refuse(trouble.clone().into(), trouble.clone().into());
    }
}
