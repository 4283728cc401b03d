//! Opening a store: the lock, the superblock, the eventlogs' files, the write-ahead log over them, and a checkpoint, so
//! that what follows starts from segments that are complete and durable.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
};

use parking_lot::{Mutex, RwLock};
use vanus_types::{Batch, Clock, Entropy, EventlogId};

use super::{
    Corruption, DiskError, OpenError, StoreOptions,
    checkpoint::remove_files,
    commit::Committer,
    health::{HealthState, Trouble},
    queue::Queue,
    shared::Shared,
    superblock,
};
use crate::{
    fs::{Fs, Staging},
    log::{AppendFault, FileContext, Log, RecoveredLog},
    segment::{Handles, SEGMENTS_DIR, dir_log},
    wal::{Entry, Missing, Replay, WAL_DIR, WalFiles, WalWriter, read_checkpoint, replay},
};

/// Batches of the write-ahead log are written to segments when there are this many bytes of them.
const REPLAY_BYTES: usize = 8 * 1024 * 1024;

type Logs = HashMap<EventlogId, Arc<Log>>;

/// Reads everything back and leaves the store ready for its first append.
pub(crate) fn open(
    fs: Arc<dyn Fs>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    options: StoreOptions,
    missing: Missing,
) -> Result<Shared, OpenError> {
    let options = options.within(fs.most_open_files());
    let id = superblock::open(fs.as_ref(), entropy.as_ref())?;
    for dir in [WAL_DIR, SEGMENTS_DIR] {
        fs.create_dir_all(dir)
            .map_err(DiskError::new("create", dir))?;
    }
    fs.sync_dir("")
        .map_err(DiskError::new("sync", "the data directory"))?;
    // The checkpoint record that is read now must not be lost once files it frees are used again.
    fs.sync_dir(WAL_DIR)
        .map_err(DiskError::new("sync", WAL_DIR))?;
    let context = FileContext {
        fs,
        clock,
        handles: Handles::new(options.max_open_segments),
        options,
        // What was made before a kill may be in memory only.
        staging: Mutex::new(Staging::new()),
        new_dirs: AtomicBool::new(true),
    };
    let mut recovery = Recovery::read(&context, missing)?;
    let found = replay(context.fs.as_ref(), missing, &mut |_, entry| {
        recovery.entry(entry)
    })?;
    let (logs, mut doubts) = recovery.finish()?;
    doubts.extend(found.cut.clone());
    let shared = assemble(id, context, entropy, (logs, doubts), &found)?;
    checkpoint(&shared)?;
    for (path, len) in found.files {
        shared.wal.adopt(path, len)?;
    }
    Ok(shared)
}

fn assemble(
    id: [u8; 16],
    context: FileContext,
    entropy: Arc<dyn Entropy>,
    (logs, doubts): (Logs, Vec<Corruption>),
    found: &Replay,
) -> Result<Shared, OpenError> {
    let options = &context.options;
    let wal = Arc::new(WalFiles::new(
        context.fs.clone(),
        entropy,
        options.wal_file_bytes,
        options.max_wal_files,
        found.next_number,
    ));
    let reached = read_checkpoint(context.fs.as_ref())?;
    let shared = Shared {
        id,
        queue: Queue::new(options),
        doubts,
        health: HealthState::default(),
        counters: super::shared::Counters::default(),
        closed: AtomicBool::new(false),
        committer: Mutex::new(Committer::new(WalWriter::new(wal.clone(), found.next_lsn))),
        wal_sync: Mutex::default(),
        checkpoint: Mutex::new(reached),
        flushed: Mutex::new(0),
        published: AtomicU64::new(found.next_lsn.saturating_sub(1)),
        unflushed: Mutex::default(),
        dirty: Mutex::default(),
        syncing: Mutex::default(),
        deleting: Mutex::default(),
        cache: super::shared::Cache::default(),
        space: super::space::SpaceGuard::default(),
        signals: super::shared::Signals::default(),
        scrub: super::scrub::ScrubState::default(),
        logs: RwLock::new(logs),
        wal,
        context,
    };
    Ok(shared)
}

/// Makes what was recovered durable before anything new is written.
fn checkpoint(shared: &Shared) -> Result<(), OpenError> {
    let mut logs: Vec<Arc<Log>> = shared.logs.read().values().cloned().collect();
    logs.sort_by_key(|log| log.id());
    for log in logs {
        if log.chain.read().is_empty() {
            log.tail.lock().queue();
            shared.unflushed.lock().push(log);
        } else if log.writer.lock().is_dirty() {
            shared.dirty.lock().insert(log.id(), log);
        }
    }
    shared.run_checkpoint().map_err(|trouble| {
        let said = match trouble {
            Trouble::Full => std::io::Error::from(std::io::ErrorKind::StorageFull),
            Trouble::Poisoned(why) => std::io::Error::other(why.to_string()),
        };
        DiskError::new("checkpoint", "the data directory")(said).into()
    })
}

struct Recovery<'a> {
    context: &'a FileContext,
    missing: Missing,
    logs: BTreeMap<EventlogId, RecoveredLog>,
    waiting: BTreeMap<EventlogId, Vec<Batch>>,
    waiting_bytes: usize,
    /// Eventlogs whose events do not fit together; fine only if they turn out to be deleted.
    faults: BTreeMap<EventlogId, OpenError>,
}

impl<'a> Recovery<'a> {
    fn read(context: &'a FileContext, missing: Missing) -> Result<Self, OpenError> {
        let (mut logs, mut faults) = (BTreeMap::new(), BTreeMap::new());
        let names = context
            .fs
            .list_dir(SEGMENTS_DIR)
            .map_err(DiskError::new("list", SEGMENTS_DIR))?;
        for entry in names.iter().filter(|entry| entry.is_dir) {
            if let Some(id) = dir_log(&entry.name) {
                match RecoveredLog::read(context, id) {
                    Ok(log) => drop(logs.insert(id, log)),
                    // A deletion that was interrupted leaves any part of the files; the write-ahead log knows.
                    Err(e @ OpenError::Corrupted(_)) => drop(faults.insert(id, e)),
                    Err(e) => return Err(e),
                }
            }
        }
        let waiting = BTreeMap::new();
        Ok(Recovery {
            context,
            missing,
            logs,
            waiting,
            waiting_bytes: 0,
            faults,
        })
    }

    fn entry(&mut self, entry: Entry) -> Result<(), OpenError> {
        match entry {
            Entry::Batch(batch) => {
                self.waiting_bytes += batch.len();
                self.waiting
                    .entry(batch.header().eventlog)
                    .or_default()
                    .push(batch);
                if self.waiting_bytes < REPLAY_BYTES {
                    return Ok(());
                }
                self.append_waiting()
            }
            Entry::LogCreated(id) => {
                if !self.faults.contains_key(&id) {
                    let empty = || RecoveredLog::empty(id, self.context.options.max_producers);
                    self.logs.entry(id).or_insert_with(empty);
                }
                Ok(())
            }
            Entry::LogDeleted(id) => {
                self.waiting.remove(&id);
                self.faults.remove(&id);
                self.logs.remove(&id);
                Ok(remove_files(self.context.fs.as_ref(), &Log::dir_of(id))?)
            }
        }
    }

    fn append_waiting(&mut self) -> Result<(), OpenError> {
        self.waiting_bytes = 0;
        for (id, batches) in std::mem::take(&mut self.waiting) {
            if self.faults.contains_key(&id) {
                continue;
            }
            let fault = |what| {
                Corruption {
                    file: Log::dir_of(id),
                    position: 0,
                    what,
                }
                .into()
            };
            if self.missing == Missing::Accepted {
                let empty = || RecoveredLog::empty(id, self.context.options.max_producers);
                let log = self.logs.entry(id).or_insert_with(empty);
                log.pass_over(self.context, &batches)?;
            }
            let Some(log) = self.logs.get_mut(&id) else {
                let what =
                    "the write-ahead log has events of this eventlog, but its files are missing";
                self.faults.insert(id, fault(what));
                continue;
            };
            match log.append(self.context, &batches) {
                Ok(()) => {}
                Err(AppendFault::Gap(what)) => drop(self.faults.insert(id, fault(what))),
                Err(AppendFault::Disk(e)) => return Err(e.into()),
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(Logs, Vec<Corruption>), OpenError> {
        self.append_waiting()?;
        if let Some((_, fault)) = self.faults.pop_first() {
            return Err(fault);
        }
        let mut logs = HashMap::with_capacity(self.logs.len());
        let mut doubts = Vec::new();
        for (id, mut log) in self.logs {
            log.check_complete()?;
            doubts.extend(log.doubt.take());
            logs.insert(id, Arc::new(Log::new(id, log)));
        }
        Ok((logs, doubts))
    }
}
