//! What can go wrong, one type per operation, one variant per fact.

use std::{io, sync::Arc};

use vanus_types::{Coded, ErrorCode, EventlogId, ProducerId};

/// Stored bytes that do not match their checksum, or contradict other stored bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} is damaged at position {position}: {what}")]
pub struct Corruption {
    /// The file, relative to the data directory.
    pub file: String,
    /// Where in the file, in bytes.
    pub position: u64,
    /// What was found.
    pub what: &'static str,
}

impl Coded for Corruption {
    fn code(&self) -> ErrorCode {
        ErrorCode::CorruptData
    }
}

/// The disk refused an operation.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {doing} {path}: {source}")]
pub struct DiskError {
    /// What was tried, as a verb.
    pub doing: &'static str,
    /// The file or folder, relative to the data directory.
    pub path: String,
    /// What the disk said.
    pub source: Arc<io::Error>,
}

impl DiskError {
    /// Makes an error out of what the disk said.
    pub(crate) fn new(
        doing: &'static str,
        path: impl Into<String>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| DiskError {
            doing,
            path,
            source: Arc::new(source),
        }
    }

    /// Whether what was asked for is not there.
    pub(crate) fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether there was no room.
    pub fn is_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

impl Coded for DiskError {
    fn code(&self) -> ErrorCode {
        if self.is_full() {
            ErrorCode::NoSpace
        } else {
            ErrorCode::StorageIo
        }
    }
}

/// Why a store does not open.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError {
    /// Another store has the data directory open.
    #[error(
        "the data directory is in use by another process: {0}; stop it, or choose another directory"
    )]
    Locked(String),
    /// The directory was written by a version this build does not know.
    #[error("{file} has format version {found}, this build knows {known}; use a newer build")]
    UnknownFormat {
        /// The file that says so.
        file: String,
        /// Its version.
        found: u32,
        /// The version of this build.
        known: u32,
    },
    /// An option is out of its range.
    #[error("invalid storage option: {0}")]
    InvalidOptions(&'static str),
    /// Durable bytes are damaged; nothing was changed. Restore them from a copy.
    #[error(transparent)]
    Corrupted(#[from] Corruption),
    /// The disk refused an operation.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Coded for OpenError {
    fn code(&self) -> ErrorCode {
        match self {
            OpenError::Locked(_) => ErrorCode::DirectoryLocked,
            OpenError::UnknownFormat { .. } => ErrorCode::UnknownFormat,
            OpenError::InvalidOptions(_) => ErrorCode::InvalidArgument,
            OpenError::Corrupted(e) => e.code(),
            OpenError::Disk(e) => e.code(),
        }
    }
}

/// Why a batch was not appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// There is no such eventlog.
    #[error("eventlog {0} not found")]
    UnknownLog(EventlogId),
    /// The batch is larger than a write-ahead log file can hold.
    #[error(
        "a batch of {len} bytes is larger than the {max} this store takes; send smaller batches"
    )]
    TooLarge {
        /// Its length in bytes.
        len: u64,
        /// The most this store takes.
        max: u64,
    },
    /// Too much waits to be written; nothing was stored. Only the calls that do not wait answer this.
    #[error("the store has {bytes} bytes waiting to be written; try again a little later")]
    Overloaded {
        /// The bound that was reached.
        bytes: u64,
    },
    /// The batch does not follow what this producer sent before; nothing was stored.
    #[error("producer {producer} sent sequence {got}, expected {expected}")]
    OutOfSequence {
        /// The producer.
        producer: ProducerId,
        /// The sequence number that would continue.
        expected: u64,
        /// The first sequence number of the batch.
        got: u64,
    },
    /// The whole batch was stored before, so long ago that its offsets are no longer known.
    #[error(
        "producer {producer} sent sequence {sequence} again; it is stored, but its offset is forgotten"
    )]
    DuplicateForgotten {
        /// The producer.
        producer: ProducerId,
        /// The first sequence number of the batch.
        sequence: u64,
    },
    /// The disk is full; nothing was stored. It heals by itself when there is room again.
    #[error("the disk is full; delete data or add space")]
    Full,
    /// So little is free on the disk that it is kept for everything but events; nothing was stored. It heals by itself
    /// when there is room again.
    #[error(
        "{free} bytes are free on the disk, and {reserve} are kept in reserve; delete data or add space"
    )]
    LowSpace {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are kept.
        reserve: u64,
    },
    /// A write or sync failed. What was in flight may or may not be stored; nothing is appended until the
    /// store is opened again.
    #[error("the store stopped after a disk failure: {why}; open it again")]
    Poisoned {
        /// The failure.
        why: Arc<str>,
    },
    /// The store was closed; nothing was stored.
    #[error("the store is closed")]
    Closed,
}

impl Coded for AppendError {
    fn code(&self) -> ErrorCode {
        match self {
            AppendError::UnknownLog(_) => ErrorCode::EventlogNotFound,
            AppendError::TooLarge { .. } => ErrorCode::TooLarge,
            AppendError::Overloaded { .. } => ErrorCode::TryAgain,
            AppendError::OutOfSequence { .. } => ErrorCode::OutOfSequence,
            AppendError::DuplicateForgotten { .. } => ErrorCode::AlreadyStored,
            AppendError::Full => ErrorCode::NoSpace,
            AppendError::LowSpace { .. } => ErrorCode::DiskReserve,
            AppendError::Poisoned { .. } => ErrorCode::StorePoisoned,
            AppendError::Closed => ErrorCode::NotRunning,
        }
    }
}

/// Why an eventlog was not created, deleted or expired, or the store not checkpointed or closed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AdminError {
    /// There is no such eventlog.
    #[error("eventlog {0} not found")]
    UnknownLog(EventlogId),
    /// An eventlog of this id is being deleted; ids are not meant to be used twice.
    #[error("eventlog {0} is being deleted; choose another id")]
    BeingDeleted(EventlogId),
    /// The store has as many eventlogs as it may.
    #[error("the store has {0} eventlogs, as many as it may")]
    TooManyLogs(usize),
    /// The disk is full; nothing was changed. It heals by itself when there is room again.
    #[error("the disk is full; delete data or add space")]
    Full,
    /// A write or sync failed; nothing is changed any more until the store is opened again.
    #[error("the store stopped after a disk failure: {why}; open it again")]
    Poisoned {
        /// The failure.
        why: Arc<str>,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl Coded for AdminError {
    fn code(&self) -> ErrorCode {
        match self {
            AdminError::UnknownLog(_) => ErrorCode::EventlogNotFound,
            AdminError::BeingDeleted(_) => ErrorCode::AlreadyExists,
            AdminError::TooManyLogs(_) => ErrorCode::ResourceExhausted,
            AdminError::Full => ErrorCode::NoSpace,
            AdminError::Poisoned { .. } => ErrorCode::StorePoisoned,
            AdminError::Closed => ErrorCode::NotRunning,
        }
    }
}

/// Why nothing was read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// There is no such eventlog.
    #[error("eventlog {0} not found")]
    UnknownLog(EventlogId),
    /// The offset lies before the first event still kept.
    #[error("the offset lies before the first one kept, {start}")]
    Underflow {
        /// The first offset kept.
        start: u64,
    },
    /// The offset lies beyond the next one to be written.
    #[error("the offset lies beyond the end, {end}")]
    Overflow {
        /// The next offset to be written.
        end: u64,
    },
    /// Stored bytes are damaged; they are not served.
    #[error("eventlog {log}, offset {offset}: {source}")]
    Corrupted {
        /// The eventlog.
        log: EventlogId,
        /// The first offset that can not be read.
        offset: u64,
        /// Where the damage is.
        source: Corruption,
    },
    /// The disk refused an operation.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl Coded for ReadError {
    fn code(&self) -> ErrorCode {
        match self {
            ReadError::UnknownLog(_) => ErrorCode::EventlogNotFound,
            ReadError::Underflow { .. } => ErrorCode::OffsetUnderflow,
            ReadError::Overflow { .. } => ErrorCode::OffsetOverflow,
            ReadError::Corrupted { source, .. } => source.code(),
            ReadError::Disk(e) => e.code(),
            ReadError::Closed => ErrorCode::NotRunning,
        }
    }
}
