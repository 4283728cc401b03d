//! What the parts of an open store share.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use parking_lot::{Condvar, Mutex, RwLock};
use vanus_types::EventlogId;

use super::{
    Health, Stats, Threads, commit::Committer, health::HealthState, queue::Queue, space::SpaceGuard,
};
use crate::{
    log::{FileContext, Log},
    wal::WalFiles,
};

/// One open store. The pass of the scrub is taken before `checkpoint`. The claim of the queue is taken before `committer`, that before `checkpoint`, that before `flushed`, that before `syncing`, and the
/// rest for moments only.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: [u8; 16],
    pub(crate) context: FileContext,
    pub(crate) wal: Arc<WalFiles>,
    pub(crate) queue: Queue,
    /// What opening could not tell from damage.
    pub(crate) doubts: Vec<super::Corruption>,
    pub(crate) health: HealthState,
    pub(crate) counters: Counters,
    pub(crate) closed: AtomicBool,
    pub(crate) committer: Mutex<Committer>,
    /// Held during a sync of the write-ahead log: the system tells of a failure once, and whoever syncs next must
    /// know of it.
    pub(crate) wal_sync: Mutex<()>,
    /// Held by a checkpoint and by retention; up to which frame everything is safe in segments.
    pub(crate) checkpoint: Mutex<u64>,
    /// Held by a flush; up to which frame everything is in segments.
    pub(crate) flushed: Mutex<u64>,
    /// Up to which frame everything is visible, or refused.
    pub(crate) published: AtomicU64,
    pub(crate) logs: RwLock<HashMap<EventlogId, Arc<Log>>>,
    /// Eventlogs with batches that are not in segments.
    pub(crate) unflushed: Mutex<Vec<Arc<Log>>>,
    /// Eventlogs whose segments are not synced.
    pub(crate) dirty: Mutex<BTreeMap<EventlogId, Arc<Log>>>,
    /// Held while segments are synced.
    pub(crate) syncing: Mutex<()>,
    pub(crate) deleting: Mutex<Deleting>,
    pub(crate) cache: Cache,
    pub(crate) space: SpaceGuard,
    pub(crate) signals: Signals,
    pub(crate) scrub: super::scrub::ScrubState,
}

/// Eventlogs deleted but not forgotten: their files may be there, and the write-ahead log may name them.
#[derive(Debug, Default)]
pub(crate) struct Deleting {
    pub(crate) ids: BTreeSet<EventlogId>,
    pub(crate) logs: Vec<Arc<Log>>,
}

/// The batches in memory, over all eventlogs.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    /// Each batch's eventlog and end, oldest first.
    pub(crate) order: Mutex<VecDeque<(Arc<Log>, u64)>>,
    pub(crate) bytes: AtomicU64,
    pub(crate) unflushed_bytes: AtomicU64,
}

/// Counters since the store was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) wal_syncs: AtomicU64,
    pub(crate) wal_frames: AtomicU64,
    pub(crate) wal_bytes: AtomicU64,
    pub(crate) batches_appended: AtomicU64,
    pub(crate) events_appended: AtomicU64,
    pub(crate) bytes_appended: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) batches_read_memory: AtomicU64,
    pub(crate) batches_read_disk: AtomicU64,
    pub(crate) bytes_read_disk: AtomicU64,
    pub(crate) segment_bytes: AtomicU64,
    pub(crate) segment_syncs: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) segments_expired: AtomicU64,
    pub(crate) scrub_bytes: AtomicU64,
    pub(crate) scrub_segments: AtomicU64,
    pub(crate) scrub_passes: AtomicU64,
    pub(crate) scrub_damage: AtomicU64,
    pub(crate) scrub_errors: AtomicU64,
    pub(crate) scrub_indexes: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// How the threads wake each other.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    pub(crate) state: Mutex<SignalState>,
    pub(crate) flush: Condvar,
    pub(crate) checkpoint: Condvar,
    pub(crate) sync: Condvar,
    /// Only to end the scrub early.
    pub(crate) scrub: Condvar,
    /// Who looks at free space sleeps here.
    pub(crate) space: Condvar,
    /// A flush or checkpoint ended, well or not.
    pub(crate) progress: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct SignalState {
    /// Something waits to be flushed, or a flush is wanted at once.
    pub(crate) flush_soon: bool,
    pub(crate) flush_now: bool,
    pub(crate) checkpoint_soon: bool,
    pub(crate) checkpoint_now: bool,
    /// The next write-ahead log file is wanted ahead of need.
    pub(crate) prepare: bool,
    /// The syncing thread shall look at what is not synced.
    pub(crate) look_at_sync: bool,
    pub(crate) stop: bool,
    /// Rises with each end of a flush or checkpoint.
    pub(crate) rounds: u64,
}

impl Shared {
    pub(crate) fn is_inline(&self) -> bool {
        self.context.options.threads == Threads::Inline
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn log(&self, id: EventlogId) -> Option<Arc<Log>> {
        self.logs.read().get(&id).cloned()
    }

    /// Puts an eventlog on the flusher's list.
    pub(crate) fn queue_flush(&self, log: Arc<Log>) {
        self.unflushed.lock().push(log);
        self.signal(|state| state.flush_soon = true, &self.signals.flush);
    }

    /// Changes what is wanted and wakes who does it. Without threads nobody is woken.
    pub(crate) fn signal(&self, change: impl FnOnce(&mut SignalState), who: &Condvar) {
        if self.is_inline() {
            return;
        }
        change(&mut self.signals.state.lock());
        who.notify_one();
    }

    /// Tells whoever waits for room that a flush or checkpoint ended.
    pub(crate) fn progressed(&self) {
        self.signals.state.lock().rounds += 1;
        self.signals.progress.notify_all();
    }

    pub(crate) fn health(&self) -> Health {
        match self.health.health() {
            Health::Ok => self.space.health().unwrap_or(Health::Ok),
            other => other,
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        Stats {
            wal_syncs: read(&counters.wal_syncs),
            wal_frames: read(&counters.wal_frames),
            wal_bytes: read(&counters.wal_bytes),
            batches_appended: read(&counters.batches_appended),
            events_appended: read(&counters.events_appended),
            bytes_appended: read(&counters.bytes_appended),
            duplicates: read(&counters.duplicates),
            batches_read_memory: read(&counters.batches_read_memory),
            batches_read_disk: read(&counters.batches_read_disk),
            bytes_read_disk: read(&counters.bytes_read_disk),
            segment_bytes: read(&counters.segment_bytes),
            segment_syncs: read(&counters.segment_syncs),
            checkpoints: read(&counters.checkpoints),
            segments_expired: read(&counters.segments_expired),
            scrub_bytes: read(&counters.scrub_bytes),
            scrub_segments: read(&counters.scrub_segments),
            scrub_passes: read(&counters.scrub_passes),
            scrub_damage: read(&counters.scrub_damage),
            scrub_errors: read(&counters.scrub_errors),
            scrub_indexes: read(&counters.scrub_indexes),
            unflushed_bytes: read(&self.cache.unflushed_bytes),
            cached_bytes: read(&self.cache.bytes),
            wal_files: self.wal.needed() as u64,
            queued_bytes: self.queue.used(),
            disk_free_bytes: self.space.free(),
            disk_reserve_bytes: self.space.reserve(),
        }
    }
}
