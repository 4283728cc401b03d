//! What a check of a data directory says.

use std::fmt;

use vanus_types::EventlogId;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What a kill or a loss of power leaves; the next start clears it, and nothing is lost.
    Note,
    /// Damage of something that is held twice, or can be made anew; nothing is lost.
    Mendable,
    /// It may be damage or what a loss of power leaves; if it is damage, something acknowledged is lost.
    Doubt,
    /// Something is lost, or the store does not open.
    Damage,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Note => "note",
            Severity::Mendable => "mendable",
            Severity::Doubt => "doubt",
            Severity::Damage => "damage",
        })
    }
}

/// What a repair can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mend {
    /// Write both copies of the superblock from the good one.
    Superblock,
    /// Write both copies of the checkpoint record from the good one.
    Checkpoint,
    /// Make the index of a segment anew, from the segment. Eventlog and first offset of the segment.
    Index(EventlogId, u64),
    /// Make `producers.snap` anew, from the segments.
    Producers(EventlogId),
    /// Move what can not be read of a segment aside, and let the eventlog go on behind a hole. Has to be accepted by name.
    Hole(EventlogId, u64),
    /// Move the write-ahead log aside, and bring what can be read of it into segments. Has to be accepted by name.
    Salvage,
    /// Open and close the store: it cuts and removes what a stop left.
    Recovery,
    /// Nothing; a backup has to take its place.
    Nothing,
}

impl Mend {
    /// Whether it gives something up.
    #[must_use]
    pub fn loses(self) -> bool {
        matches!(self, Mend::Hole(..) | Mend::Salvage)
    }
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mend::Superblock => write!(f, "write both copies of the superblock from the good one"),
            Mend::Checkpoint => {
                write!(
                    f,
                    "write both copies of the checkpoint record from the good one"
                )
            }
            Mend::Index(log, base) => {
                write!(f, "make the index of segment {base} of eventlog {log} anew")
            }
            Mend::Producers(log) => write!(f, "make producers.snap of eventlog {log} anew"),
            Mend::Hole(log, base) => write!(
                f,
                "copy segment {base} of eventlog {log} aside, and give up what can not be read in it"
            ),
            Mend::Salvage => write!(
                f,
                "copy the write-ahead log aside, and bring what can be read of it into segments"
            ),
            Mend::Recovery => write!(f, "open and close the store, as the next start does"),
            Mend::Nothing => write!(f, "nothing: put a backup in its place"),
        }
    }
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file, relative to the data directory.
    pub file: String,
    /// Where in the file, in bytes.
    pub position: u64,
    /// What was found.
    pub what: String,
    /// What is lost.
    pub loss: String,
    /// What a repair can do.
    pub mend: Mend,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, at) = (&self.file, self.position);
        write!(
            f,
            "{file}, position {at}: {}; lost: {}",
            self.what, self.loss
        )
    }
}

/// Nothing is lost.
pub(super) const NOTHING: &str = "nothing";
