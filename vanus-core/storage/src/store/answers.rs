//! What the store answers: acknowledgements, chunks of events, and facts about eventlogs and itself.

use std::sync::Arc;

use vanus_types::{Batch, Durability};

/// An acknowledged batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The offset of the first event.
    pub base_offset: u64,
    /// The number of events; they have consecutive offsets.
    pub count: u32,
    /// When it was appended, in milliseconds since the Unix epoch. For a duplicate: not before the first
    /// time it was appended.
    pub append_time_ms: i64,
    /// What the acknowledgement promises.
    pub durability: Durability,
    /// Whether it had been stored before, so that nothing was written now.
    pub duplicate: bool,
}

/// Consecutive batches of one eventlog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadChunk {
    /// The batches. The first may begin before the offset that was asked for; the caller passes over those events.
    pub batches: Vec<Batch>,
    /// Where to read on.
    pub next_offset: u64,
    /// The next offset to be written, at the time of the read.
    pub end_offset: u64,
}

/// What retention did to an eventlog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// Segments that were deleted.
    pub segments: u64,
    /// Bytes of segments that are old enough and are kept for a reader.
    pub held_bytes: u64,
}

/// Facts about an eventlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogInfo {
    /// The first offset kept.
    pub start_offset: u64,
    /// The next offset to be written.
    pub end_offset: u64,
    /// Bytes of all segment files, and of what is not in one yet.
    pub bytes: u64,
    /// Number of segment files.
    pub segments: usize,
    /// Append time of the first event kept, in milliseconds since the Unix epoch.
    pub first_time_ms: Option<i64>,
    /// Append time of the last event ever appended, in milliseconds since the Unix epoch.
    pub last_time_ms: Option<i64>,
}

/// Whether the store takes events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Ok,
    /// It does not, for want of space; it tries again by itself.
    Full,
    /// It does not: what is free on the disk is kept for everything but events. It goes on by itself when there is room,
    /// a quarter more than the reserve.
    LowSpace {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are kept.
        reserve: u64,
    },
    /// It does not, until it is opened again. What was committed can be read.
    Poisoned {
        /// The failure.
        why: Arc<str>,
    },
}

/// Counters since the store was opened, and gauges of the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Syncs of the write-ahead log.
    pub wal_syncs: u64,
    /// Frames written to the write-ahead log, one for each group commit.
    pub wal_frames: u64,
    /// Bytes written to the write-ahead log, padding included.
    pub wal_bytes: u64,
    /// Batches appended, duplicates not counted.
    pub batches_appended: u64,
    /// Events appended, duplicates not counted.
    pub events_appended: u64,
    /// Bytes of the batches appended, duplicates not counted.
    pub bytes_appended: u64,
    /// Batches of idempotent producers that had been stored before.
    pub duplicates: u64,
    /// Batches read from memory.
    pub batches_read_memory: u64,
    /// Batches read from segment files.
    pub batches_read_disk: u64,
    /// Bytes read from segment files.
    pub bytes_read_disk: u64,
    /// Bytes written to segment files.
    pub segment_bytes: u64,
    /// Syncs of segment, index and producer files.
    pub segment_syncs: u64,
    /// Checkpoints completed.
    pub checkpoints: u64,
    /// Segment files deleted by retention.
    pub segments_expired: u64,
    /// Bytes that the scrub read from segment files.
    pub scrub_bytes: u64,
    /// Segments that the scrub went through.
    pub scrub_segments: u64,
    /// Passes of the scrub over all sealed segments.
    pub scrub_passes: u64,
    /// Places that the scrub found damaged; each is counted once.
    pub scrub_damage: u64,
    /// Segments that the scrub could not read, because the disk refused.
    pub scrub_errors: u64,
    /// Index files that did not agree with their segment and were made anew.
    pub scrub_indexes: u64,
    /// Bytes appended but not yet in segment files, now.
    pub unflushed_bytes: u64,
    /// Bytes of batches held in memory, those not in segment files included, now.
    pub cached_bytes: u64,
    /// Write-ahead log files that recovery would read, now.
    pub wal_files: u64,
    /// Bytes that wait to be committed, now.
    pub queued_bytes: u64,
    /// Free bytes of the file system that holds the store, when last looked at; 0 if that never succeeded.
    pub disk_free_bytes: u64,
    /// Free bytes below which nothing is appended.
    pub disk_reserve_bytes: u64,
}
