//! The planted bugs. None is in the product: each is what the disk would do to a store that has the bug.

use std::{fmt, str::FromStr};

/// A bug that the simulation has to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// An append is acknowledged though its frame was not synced.
    AckBeforeFsync,
    /// The names in a folder are not synced.
    SkippedDirectoryFsync,
    /// A batch is served whose body does not match its checksum.
    IgnoredChecksum,
    /// A sealed segment is told to end one event before its end.
    OffByOneAtSeal,
    /// The index is synced before the bytes it points at.
    IndexAheadOfData,
    /// A frame of an earlier life of a write-ahead log file is believed.
    RecycledLogBlockBelieved,
    /// Retention deletes one segment more than has expired, under its reader.
    RetentionPastAReader,
    /// What producers have stored is forgotten when the store is opened again.
    DedupeLostOnRestart,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AckBeforeFsync,
        Self::SkippedDirectoryFsync,
        Self::IgnoredChecksum,
        Self::OffByOneAtSeal,
        Self::IndexAheadOfData,
        Self::RecycledLogBlockBelieved,
        Self::RetentionPastAReader,
        Self::DedupeLostOnRestart,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AckBeforeFsync => "ack-before-fsync",
            Self::SkippedDirectoryFsync => "skipped-directory-fsync",
            Self::IgnoredChecksum => "ignored-checksum",
            Self::OffByOneAtSeal => "off-by-one-at-seal",
            Self::IndexAheadOfData => "index-ahead-of-data",
            Self::RecycledLogBlockBelieved => "recycled-log-block-believed",
            Self::RetentionPastAReader => "retention-past-a-reader",
            Self::DedupeLostOnRestart => "dedupe-lost-on-restart",
        }
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Bug {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|bug| bug.name() == name);
        found.ok_or_else(|| format!("there is no planted bug {name}"))
    }
}
