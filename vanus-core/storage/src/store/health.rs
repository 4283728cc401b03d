//! Whether the store takes events, and why not.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;

use super::{AdminError, AppendError, Health};

/// Why work can not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is no space; it can be tried again.
    Full,
    /// A write or sync failed; nothing can be tried again.
    Poisoned(Arc<str>),
}

impl From<Trouble> for AppendError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Full => AppendError::Full,
            Trouble::Poisoned(why) => AppendError::Poisoned { why },
        }
    }
}

impl From<Trouble> for AdminError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Full => AdminError::Full,
            Trouble::Poisoned(why) => AdminError::Poisoned { why },
        }
    }
}

/// Who found the disk full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worker {
    /// The committer, for want of a write-ahead log file.
    Commit,
    /// The flusher, for want of segment space.
    Flush,
    /// The checkpoint, for want of index space.
    Checkpoint,
}

/// The state of the store. Poison stays; fullness is found out again by each worker for itself.
#[derive(Debug, Default)]
pub(crate) struct HealthState {
    poisoned: AtomicBool,
    why: Mutex<Option<Arc<str>>>,
    full: [AtomicBool; 3],
}

impl HealthState {
    /// Stops the store for good; the first reason is kept.
    pub(crate) fn poison(&self, why: &dyn std::fmt::Display) -> Trouble {
        let mut kept = self.why.lock();
        let why = kept.get_or_insert_with(|| why.to_string().into()).clone();
        self.poisoned.store(true, Ordering::Release);
        Trouble::Poisoned(why)
    }

    /// An error unless the store works.
    pub(crate) fn check(&self) -> Result<(), Trouble> {
        if !self.poisoned.load(Ordering::Acquire) {
            return Ok(());
        }
        let why = self.why.lock().clone();
        Err(Trouble::Poisoned(why.unwrap_or_else(|| "unknown".into())))
    }

    /// Notes whether `worker` finds the disk full.
    pub(crate) fn set_full(&self, worker: Worker, full: bool) {
        self.flag(worker).store(full, Ordering::Release);
    }

    /// Whether `worker` found the disk full when it tried last.
    pub(crate) fn is_full(&self, worker: Worker) -> bool {
        self.flag(worker).load(Ordering::Acquire)
    }

    fn flag(&self, worker: Worker) -> &AtomicBool {
        let [commit, flush, checkpoint] = &self.full;
        match worker {
            Worker::Commit => commit,
            Worker::Flush => flush,
            Worker::Checkpoint => checkpoint,
        }
    }

    /// The state for people.
    pub(crate) fn health(&self) -> Health {
        match self.check() {
            Err(Trouble::Poisoned(why)) => Health::Poisoned { why },
            _ if self.full.iter().any(|full| full.load(Ordering::Acquire)) => Health::Full,
            _ => Health::Ok,
        }
    }
}
