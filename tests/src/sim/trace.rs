//! What a run wrote down: every request with its answer, every fault that struck, every stop. The invariants read
//! nothing else.

use std::hash::{Hash, Hasher};

use vanus_storage::{AdminError, AppendError, OpenError, ReadError};

/// FNV-1a over 64 bits: the same bytes, the same number, on every machine.
#[derive(Debug, Clone)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.write(&number.to_le_bytes());
    }
}

/// Why a request was refused, without its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fail {
    /// There is no such eventlog.
    UnknownLog,
    /// An eventlog of this id is being deleted.
    BeingDeleted,
    /// A bound of the store was reached.
    TooMuch,
    /// The batch does not follow what its producer sent before.
    OutOfSequence {
        /// The number that would.
        expected: u64,
    },
    /// The batch is stored, nobody knows where.
    Forgotten,
    /// The disk is full.
    Full,
    /// The store stopped after a failure of the disk.
    Poisoned,
    /// The store is closed.
    Closed,
    /// The offset lies before the start.
    Underflow {
        /// The start.
        start: u64,
    },
    /// The offset lies beyond the end.
    Overflow {
        /// The end.
        end: u64,
    },
    /// Stored bytes are damaged.
    Corrupted,
    /// The disk refused.
    Disk,
    /// Somebody else has the directory, it has an unknown format, or an option is wrong.
    Unusable,
}

impl From<&AppendError> for Fail {
    fn from(error: &AppendError) -> Self {
        match error {
            AppendError::UnknownLog(_) => Self::UnknownLog,
            AppendError::TooLarge { .. } | AppendError::Overloaded { .. } => Self::TooMuch,
            AppendError::OutOfSequence { expected, .. } => Self::OutOfSequence {
                expected: *expected,
            },
            AppendError::DuplicateForgotten { .. } => Self::Forgotten,
            AppendError::Full | AppendError::LowSpace { .. } => Self::Full,
            AppendError::Poisoned { .. } => Self::Poisoned,
            AppendError::Closed => Self::Closed,
        }
    }
}

impl From<&AdminError> for Fail {
    fn from(error: &AdminError) -> Self {
        match error {
            AdminError::UnknownLog(_) => Self::UnknownLog,
            AdminError::BeingDeleted(_) => Self::BeingDeleted,
            AdminError::TooManyLogs(_) => Self::TooMuch,
            AdminError::Full => Self::Full,
            AdminError::Poisoned { .. } => Self::Poisoned,
            AdminError::Closed => Self::Closed,
        }
    }
}

impl From<&ReadError> for Fail {
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::UnknownLog(_) => Self::UnknownLog,
            ReadError::Underflow { start } => Self::Underflow { start: *start },
            ReadError::Overflow { end } => Self::Overflow { end: *end },
            ReadError::Corrupted { .. } => Self::Corrupted,
            ReadError::Disk(_) => Self::Disk,
            ReadError::Closed => Self::Closed,
        }
    }
}

impl From<&OpenError> for Fail {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::Corrupted(_) => Self::Corrupted,
            OpenError::Disk(e) if e.is_full() => Self::Full,
            OpenError::Disk(_) => Self::Disk,
            OpenError::Locked(_)
            | OpenError::UnknownFormat { .. }
            | OpenError::InvalidOptions(_) => Self::Unusable,
        }
    }
}

/// An event as it was sent: its number, and the checksum of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// No two events of a run have the same.
    pub number: u64,
    /// CRC-32C of the record.
    pub crc: u32,
}

/// An event as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Its place.
    pub offset: u64,
    /// When it was appended, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// What it is; the number is `u64::MAX` when its id is none of ours.
    pub mark: Mark,
}

/// What an acknowledgement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ack {
    /// Offset of the first event.
    pub base: u64,
    /// When it was appended, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Whether it had been stored before.
    pub duplicate: bool,
}

/// A batch that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sent {
    /// The eventlog.
    pub log: u64,
    /// Its events.
    pub events: Vec<Mark>,
    /// Whether an acknowledgement means that it is synced.
    pub synced: bool,
    /// The idempotent producer, and the number of the first event.
    pub producer: Option<(u64, u64)>,
    /// Monotonic time of the answer, in milliseconds.
    pub at_ms: u64,
    /// The answer.
    pub answer: Result<Ack, Fail>,
}

/// What a reader was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reading {
    /// The events from the offset on that was asked for.
    pub events: Vec<Seen>,
    /// Where to read on.
    pub next: u64,
    /// The end at that time.
    pub end: u64,
}

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stop {
    /// Closed; whether that went well.
    Closed(bool),
    /// The handle was dropped, without closing.
    Dropped,
    /// The process was killed.
    Killed,
    /// The power failed.
    PowerLost,
}

/// What a fault did to a call of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Struck {
    /// It moved fewer bytes than asked for.
    Short,
    /// It handed out damaged bytes.
    Damaged,
    /// It found no space.
    NoSpace,
    /// It did not sync.
    Unsynced,
    /// It failed in another way.
    Failed,
}

/// One line of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Entry {
    /// The store was opened, and has these eventlogs; one audit of each follows.
    Opened(Vec<u64>),
    /// It was not; with the words of the error.
    NotOpened(Fail, String),
    /// A life ended.
    Stopped(Stop),
    /// A fault struck during the request that follows.
    Struck(Struck),
    /// The disk was filled, or has room again.
    Full(bool),
    /// The wall clock jumped to this time, in milliseconds since the Unix epoch.
    Jumped(i64),
    /// An eventlog was to be made.
    Created(u64, Result<(), Fail>),
    /// An eventlog was to be deleted.
    Deleted(u64, Result<(), Fail>),
    /// A batch was sent.
    Sent(Sent),
    /// A reader asked for what lies at an offset.
    Read(u64, u64, Result<Reading, Fail>),
    /// An eventlog read from start to end.
    Audit {
        /// The eventlog.
        log: u64,
        /// The first offset kept.
        start: u64,
        /// The next offset to be written.
        end: u64,
        /// What was read.
        events: Vec<Seen>,
    },
    /// Events appended before a time were to be deleted; how it was answered, and the start after it.
    Expired {
        /// The eventlog.
        log: u64,
        /// In milliseconds since the Unix epoch.
        before_ms: i64,
        /// Segments deleted.
        answer: Result<u64, Fail>,
        /// The first offset kept, after it.
        start: u64,
    },
    /// Work in the background was done, at this monotonic time in milliseconds.
    Ticked(u64, Result<(), Fail>),
    /// A checkpoint was made.
    Checkpointed(Result<(), Fail>),
}

/// The lines of a run.
#[derive(Debug, Default)]
pub struct Trace {
    entries: Vec<Entry>,
    fingerprint: Fingerprint,
}

impl Trace {
    /// Adds a line.
    pub fn push(&mut self, entry: Entry) {
        entry.hash(&mut self.fingerprint);
        self.entries.push(entry);
    }

    /// Adds calls of the disk to the fingerprint.
    pub fn mix(&mut self, calls: u64) {
        self.fingerprint.write_u64(calls);
    }

    /// All lines in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A number that differs when any line does.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint.finish()
    }
}
