//! Segment files: the bytes of one, its sparse index, and reading batches out of it. It knows no eventlog beyond
//! the id in a header; chains of segments are `log`'s.

mod agree;
mod buffers;
mod check;
mod handles;
mod index;
mod layout;
mod scan;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod segment;

pub(crate) use self::{
    agree::agrees,
    check::{Checked, SegmentCheck, read_header},
    handles::Handles,
    index::{Hole, INDEX_EVERY, Index},
    layout::{
        ENTRY_LEN, EntryKind, FIRST_BATCH, IndexEntry, SegmentHeader, base_of, dir_log, dir_name,
        index_name, segment_name,
    },
    scan::{Scan, Scanned, UNKNOWN_VERSION},
    segment::{MAX_INDEX_BYTES, Segment, SegmentError},
};

/// The folder of all segments.
pub(crate) const SEGMENTS_DIR: &str = "segments";
