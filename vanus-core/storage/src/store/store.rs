//! The handle: opening and closing, eventlogs, reading. What appends is in `append.rs`.

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
};

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use vanus_types::{Clock, Entropy, EventlogId, control::SegmentInfo};

use super::{
    AdminError, AppendError, Corruption, DiskError, Expired, Health, LogInfo, OpenError, ReadChunk,
    ReadError, Stats, StoreOptions, Threads,
    block::block_on,
    queue::{AdminDone, Done, Request},
    recover,
    shared::{Shared, count},
    threads::Running,
};
use crate::{
    fs::{DirLock, Fs},
    log::Log,
    wal::{Missing, largest_batch},
};

pub(crate) const LOCK: &str = "LOCK";

/// A store of eventlogs on one file system. A cheap handle: clones share the store, and the last one to go stops it
/// without a checkpoint; see [`Store::close`].
#[derive(Debug, Clone)]
pub struct Store {
    open: Arc<Open>,
}

#[derive(Debug)]
struct Open {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
    lock: Mutex<Option<Box<dyn DirLock>>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Open {
    fn stop(&self) {
        self.shared.queue.stop();
        if let Some(running) = self.running.lock().take() {
            running.stop(&self.shared);
        }
    }
}

impl Store {
    /// Opens the store on `fs`, making it where there is none: locks the directory, reads back what is there, cuts
    /// what was being written when it stopped, and appends from the write-ahead log what segments lack.
    ///
    /// Blocks for as long as that takes; after a clean [`Store::close`] that is short.
    ///
    /// # Errors
    /// [`OpenError`]. After [`OpenError::Corrupted`] durable events are as they were found.
    pub fn open(
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: StoreOptions,
    ) -> Result<Store, OpenError> {
        options.check()?;
        let lock = fs.lock(LOCK).map_err(|e| match e.kind() {
            std::io::ErrorKind::WouldBlock => OpenError::Locked(e.to_string()),
            _ => DiskError::new("lock", LOCK)(e).into(),
        })?;
        let threads = options.threads;
        let shared = Arc::new(recover::open(fs, clock, entropy, options, Missing::Damage)?);
        shared.look_at_space();
        let running = match threads {
            Threads::Inline => None,
            Threads::Background => Some(
                Running::start(&shared)
                    .map_err(DiskError::new("start", "the threads of the store"))?,
            ),
        };
        let (running, lock) = (Mutex::new(running), Mutex::new(Some(lock)));
        Ok(Store {
            open: Arc::new(Open {
                shared,
                running,
                lock,
            }),
        })
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.open.shared
    }

    /// The random id the store got when it was made.
    pub fn id(&self) -> [u8; 16] {
        self.shared().id
    }

    /// Creates an eventlog, durably; one that exists is fine.
    ///
    /// Cancel-safe in this sense: dropping the future does not undo what was asked for.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn create_log(
        &self,
        log: EventlogId,
    ) -> impl Future<Output = Result<(), AdminError>> + Send + use<> {
        self.administer(|log, done| Request::Create { log, done }, log)
    }

    /// As [`Store::create_log`], blocking the thread.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn create_log_blocking(&self, log: EventlogId) -> Result<(), AdminError> {
        block_on(self.create_log(log))
    }

    /// Deletes an eventlog with all its events, durably; one that does not exist is fine. Its files go with the next
    /// checkpoint, and until then its id can not be used again.
    ///
    /// Cancel-safe in this sense: dropping the future does not undo what was asked for.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn delete_log(
        &self,
        log: EventlogId,
    ) -> impl Future<Output = Result<(), AdminError>> + Send + use<> {
        self.administer(|log, done| Request::Delete { log, done }, log)
    }

    /// As [`Store::delete_log`], blocking the thread.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn delete_log_blocking(&self, log: EventlogId) -> Result<(), AdminError> {
        block_on(self.delete_log(log))
    }

    fn administer(
        &self,
        request: fn(EventlogId, AdminDone) -> Request,
        log: EventlogId,
    ) -> impl Future<Output = Result<(), AdminError>> + Send + use<> {
        let (done, answer) = oneshot::channel();
        let pushed = self.shared().queue.push(request(log, Done::Channel(done)));
        match pushed {
            Ok(()) => self.commit_inline(),
            Err(refused) => refused.refuse(AppendError::Closed, AdminError::Closed),
        }
        async move { answer.await.unwrap_or(Err(AdminError::Closed)) }
    }

    /// All eventlogs, sorted.
    pub fn logs(&self) -> Vec<EventlogId> {
        let mut logs: Vec<EventlogId> = self.shared().logs.read().keys().copied().collect();
        logs.sort();
        logs
    }

    fn log(&self, log: EventlogId) -> Result<Arc<Log>, ReadError> {
        if self.shared().is_closed() {
            return Err(ReadError::Closed);
        }
        self.shared().log(log).ok_or(ReadError::UnknownLog(log))
    }

    /// Reads batches from the one that holds `offset` on: at least one, together about `max_bytes`. At the end the answer
    /// is empty. What comes from the disk is verified. Blocks where the disk has to be asked.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(
        &self,
        log: EventlogId,
        offset: u64,
        max_bytes: usize,
    ) -> Result<ReadChunk, ReadError> {
        let shared = self.shared();
        let (chunk, from_disk) = self.log(log)?.read(&shared.context, offset, max_bytes)?;
        let counters = &shared.counters;
        if from_disk {
            count(&counters.batches_read_disk, chunk.batches.len() as u64);
            count(
                &counters.bytes_read_disk,
                chunk.batches.iter().map(|b| b.len() as u64).sum(),
            );
        } else {
            count(&counters.batches_read_memory, chunk.batches.len() as u64);
        }
        Ok(chunk)
    }

    /// As [`Store::read`] where the answer is in memory, else `None`. Never blocks.
    ///
    /// # Errors
    /// [`ReadError`], but never of the disk.
    pub fn try_read_tail(
        &self,
        log: EventlogId,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Option<ReadChunk>, ReadError> {
        let chunk = self.log(log)?.try_read_tail(offset, max_bytes)?;
        if let Some(chunk) = &chunk {
            count(
                &self.shared().counters.batches_read_memory,
                chunk.batches.len() as u64,
            );
        }
        Ok(chunk)
    }

    /// A view of the next offset to be written: everything below is committed and can be read. It says nothing more when
    /// the eventlog is deleted; [`Store::wait_for`] does.
    ///
    /// # Errors
    /// [`ReadError::UnknownLog`] or [`ReadError::Closed`].
    pub fn committed(&self, log: EventlogId) -> Result<watch::Receiver<u64>, ReadError> {
        Ok(self.log(log)?.watch())
    }

    /// Waits until the event at `offset` is committed; answers the next offset to be written. Cancel-safe.
    ///
    /// # Errors
    /// [`ReadError::UnknownLog`] or [`ReadError::Closed`], also while it waits.
    pub async fn wait_for(&self, log: EventlogId, offset: u64) -> Result<u64, ReadError> {
        let found = self.log(log)?;
        let mut end = found.watch();
        loop {
            let now = *end.borrow_and_update();
            if self.shared().is_closed() {
                return Err(ReadError::Closed);
            }
            if found.is_deleted() {
                return Err(ReadError::UnknownLog(log));
            }
            if now > offset {
                return Ok(now);
            }
            if end.changed().await.is_err() {
                return Err(ReadError::UnknownLog(log));
            }
        }
    }

    /// Facts about an eventlog.
    ///
    /// # Errors
    /// [`ReadError::UnknownLog`] or [`ReadError::Closed`].
    pub fn info(&self, log: EventlogId) -> Result<LogInfo, ReadError> {
        Ok(self.log(log)?.info())
    }

    /// The segments of an eventlog, oldest first. Events that are not in a segment file yet are not told of.
    ///
    /// # Errors
    /// [`ReadError::UnknownLog`] or [`ReadError::Closed`].
    pub fn segments(&self, log: EventlogId) -> Result<Vec<SegmentInfo>, ReadError> {
        Ok(self.log(log)?.segments())
    }

    /// The first offset appended at `time_ms` (milliseconds since the Unix epoch) or later; the next offset to be
    /// written if there is none. Blocks where the disk has to be asked.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn offset_at(&self, log: EventlogId, time_ms: i64) -> Result<u64, ReadError> {
        self.log(log)?.offset_at(&self.shared().context, time_ms)
    }

    /// Deletes whole segments, the oldest first, whose last event was appended before `before_ms` (milliseconds since
    /// the Unix epoch); answers how many. The next offset stays. Blocks.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn expire(&self, log: EventlogId, before_ms: i64) -> Result<u64, AdminError> {
        if self.shared().is_closed() {
            return Err(AdminError::Closed);
        }
        Ok(self.shared().expire(log, before_ms, u64::MAX)?.segments)
    }

    /// As [`Store::expire`], of segments whose events all lie below the offset `keep_from`; with [`i64::MAX`] for
    /// `before_ms` whatever their age. Tells also what is kept only because of `keep_from`. Blocks.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn expire_below(
        &self,
        log: EventlogId,
        before_ms: i64,
        keep_from: u64,
    ) -> Result<Expired, AdminError> {
        if self.shared().is_closed() {
            return Err(AdminError::Closed);
        }
        self.shared().expire(log, before_ms, keep_from)
    }

    /// The longest batch the store takes, in bytes with its header.
    pub fn largest_batch(&self) -> u64 {
        largest_batch(self.shared().wal.size())
    }

    /// Whether the store takes events.
    pub fn health(&self) -> Health {
        self.shared().health()
    }

    /// What opening found that may be damage, though nothing proves it, so that something acknowledged may be missing
    /// from there on: a frame of the write-ahead log that was cut, which a loss of power leaves as well, and
    /// idempotent producers that can not be read back. Empty after a clean close of an undamaged store.
    pub fn doubts(&self) -> &[Corruption] {
        &self.shared().doubts
    }

    /// Damage that the scrub found in sealed segments and that is still there as far as it knows, at most 1,024 places. What
    /// lies there is refused when it is read; everything else goes on. A place is forgotten once a later pass has gone
    /// through without meeting it, as after retention has deleted it.
    pub fn damage(&self) -> Vec<Corruption> {
        self.shared().scrub.found()
    }

    /// Counters since the store was opened.
    pub fn stats(&self) -> Stats {
        self.shared().stats()
    }

    /// Brings everything committed into segments and syncs them, so that recovery has nothing to do. Blocks.
    ///
    /// # Errors
    /// [`AdminError::Full`], [`AdminError::Poisoned`] or [`AdminError::Closed`].
    pub fn checkpoint(&self) -> Result<(), AdminError> {
        if self.shared().is_closed() {
            return Err(AdminError::Closed);
        }
        Ok(self.shared().run_checkpoint()?)
    }

    /// Does what the threads of a store do in the background, as far as it is due: to be called now and then with
    /// [`Threads::Inline`]. With [`Threads::Background`] it does nothing.
    ///
    /// # Errors
    /// [`AdminError::Full`] or [`AdminError::Poisoned`].
    pub fn tick(&self) -> Result<(), AdminError> {
        let shared = self.shared();
        if !shared.is_inline() || shared.is_closed() {
            return Ok(());
        }
        self.commit_inline();
        shared.look_at_space();
        shared.committer.lock().sync_if_due(shared)?;
        shared.work_inline()?;
        shared.scrub_step();
        Ok(())
    }

    /// Commits what waits, makes a checkpoint, ends the threads and unlocks the directory. Other handles answer with an
    /// error from then on. Blocks. Without it nothing acknowledged is lost either, but opening takes longer.
    ///
    /// # Errors
    /// [`AdminError::Full`] or [`AdminError::Poisoned`] when the checkpoint failed; the store is closed all the same.
    pub fn close(&self) -> Result<(), AdminError> {
        let shared = self.shared();
        self.open.stop();
        if shared.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let result = shared
            .committer
            .lock()
            .sync(shared)
            .and_then(|()| shared.run_checkpoint());
        for log in shared.logs.read().values() {
            log.wake();
        }
        drop(self.open.lock.lock().take());
        Ok(result?)
    }
}
