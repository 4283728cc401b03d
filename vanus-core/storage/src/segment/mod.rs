//! Segment files: the bytes of one, its sparse index, and reading batches out of it. It knows no eventlog beyond
//! the id in a header; chains of segments are `log`'s.

mod buffers;
mod handles;
mod index;
mod layout;
mod scan;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod segment;

pub(crate) use self::{
    handles::Handles,
    index::{INDEX_EVERY, Index},
    layout::{
        ENTRY_LEN, EntryKind, FIRST_BATCH, FORMAT, IndexEntry, SegmentHeader, base_of, dir_log,
        dir_name,
    },
    scan::{Scan, Scanned},
    segment::{Segment, SegmentError},
};

/// The folder of all segments.
pub(crate) const SEGMENTS_DIR: &str = "segments";
