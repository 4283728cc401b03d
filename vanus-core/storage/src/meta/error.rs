//! What can go wrong with metadata.

use std::{io, path::PathBuf, sync::Arc};

use vanus_types::error::{Coded, ErrorCode};

use super::Table;

/// Why a metadata operation did not succeed.
///
/// Cheap to clone, as one failed sync answers everyone who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MetaError {
    /// A key of no bytes.
    #[error("a key of table {table} is empty; give it at least one byte")]
    EmptyKey {
        /// The table of the key.
        table: Table,
    },
    /// A limit on sizes was passed; nothing was stored.
    #[error("{actual} {what}, where at most {limit} are allowed; split it")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// How many there were.
        actual: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A requirement of the batch does not hold; nothing of the batch was stored.
    #[error("key \"{key}\" of table {table} {found}; read it again and decide anew")]
    Conflict {
        /// The table of the key.
        table: Table,
        /// The key, escaped for reading.
        key: String,
        /// What was found instead.
        found: Found,
    },
    /// Writing or syncing failed while this batch was on its way: it may or may not be there
    /// after reopening. The store is poisoned from here on.
    #[error("the batch may or may not be stored, as writing the metadata journal failed: {cause}")]
    Unknown {
        /// What failed first.
        cause: Arc<str>,
    },
    /// The disk was full while this batch was written. It is taken back as soon as there is room; if
    /// the process ends before that, it may or may not be there after reopening.
    #[error(
        "the disk was full while the batch was written, which is taken back when there is room: {cause}"
    )]
    Interrupted {
        /// What failed.
        cause: Arc<str>,
    },
    /// The disk is full; nothing of this batch was stored. It heals by itself when there is room
    /// again.
    #[error("the disk is full, so nothing was changed; delete data or add space")]
    Full,
    /// An earlier write or sync failed, so nothing more is accepted; nothing of this batch was
    /// stored.
    #[error("metadata is read-only until it is reopened, as an earlier write failed: {cause}")]
    Poisoned {
        /// What failed first.
        cause: Arc<str>,
    },
    /// The store is being closed; nothing of this batch was stored.
    #[error("the metadata store is closed")]
    Closed,
    /// What was read does not match its checksum, or makes no sense; it is not served.
    #[error("{what} is damaged: {detail}; restore the metadata from a copy")]
    Damaged {
        /// What was read: a table, or the store as a whole.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A record has a form that this build does not know.
    #[error(
        "table {table} holds a record of format {found}, this build reads format {known}; open the data \
         directory with the build that wrote it, or start with a new one"
    )]
    Format {
        /// The table.
        table: Table,
        /// The format found.
        found: u8,
        /// The format that is read.
        known: u8,
    },
    /// The disk failed while reading.
    #[error("cannot read table {table}: {source}")]
    Read {
        /// The table.
        table: Table,
        /// What failed.
        source: Arc<io::Error>,
    },
    /// Another process has the store open.
    #[error("metadata in {} is open in another process; stop that one first", path.display())]
    Locked {
        /// The directory of the store.
        path: PathBuf,
    },
    /// The store could not be opened.
    #[error("cannot open metadata in {}: {source}", path.display())]
    Open {
        /// The directory of the store.
        path: PathBuf,
        /// What failed.
        source: Arc<io::Error>,
    },
    /// The journal ends before a batch that had been acknowledged.
    #[error(
        "metadata in {} is damaged: {acknowledged} commits were acknowledged, {found} are left; \
         restore it from a copy, or delete {} to accept the loss",
        path.display(),
        witness.display()
    )]
    Lost {
        /// The directory of the store.
        path: PathBuf,
        /// The file that remembers how many commits were acknowledged.
        witness: PathBuf,
        /// How many commits were acknowledged, at least.
        acknowledged: u64,
        /// How many commits the store still holds.
        found: u64,
    },
}

/// What a requirement found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The key has no value.
    Absent,
    /// The key has a value, where none was expected.
    Present,
    /// The key has a value other than the expected one.
    Different,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "does not exist",
            Self::Present => "exists already",
            Self::Different => "was changed meanwhile",
        })
    }
}

impl Coded for MetaError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::EmptyKey { .. } => ErrorCode::InvalidArgument,
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::Conflict { .. } => ErrorCode::Conflict,
            Self::Unknown { .. } | Self::Poisoned { .. } => ErrorCode::StorePoisoned,
            Self::Closed => ErrorCode::NotRunning,
            Self::Full => ErrorCode::NoSpace,
            Self::Read { .. } | Self::Open { .. } | Self::Interrupted { .. } => {
                ErrorCode::StorageIo
            }
            Self::Locked { .. } => ErrorCode::DirectoryLocked,
            Self::Format { .. } => ErrorCode::UnknownFormat,
            Self::Damaged { .. } | Self::Lost { .. } => ErrorCode::CorruptData,
        }
    }
}
