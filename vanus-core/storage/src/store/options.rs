//! Options of a store, each with its unit, its default and its range.

use vanus_types::limits::{DEFAULT_SEGMENT_LEN, MIN_SEGMENT_LEN};

use super::OpenError;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// The smallest write-ahead log file, in bytes.
pub const MIN_WAL_FILE_BYTES: u64 = 4 * MIB;
/// The largest write-ahead log file, in bytes: recovery holds one in memory.
pub const MAX_WAL_FILE_BYTES: u64 = 1024 * MIB;
/// The fewest segment files held open of either kind.
const LEAST_OPEN_SEGMENTS: usize = 8;
/// The smallest file of either kind where [`StoreOptions::small_files`] is set, in bytes.
const MIN_SMALL_FILE_BYTES: u64 = 16 * KIB;

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Threads {
    /// Threads of the store commit, flush and checkpoint. Calls wait for them.
    #[default]
    Background,
    /// The caller of each call commits, and [`super::Store::tick`] does the rest: nothing runs beside the
    /// caller, so that a simulation on one thread repeats itself exactly.
    Inline,
}

/// How a store uses disk and memory. The defaults suit a node with one disk.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Size of each write-ahead log file, in bytes; 64 MiB, from 4 MiB to 1 GiB, a multiple of 4 KiB. A batch must
    /// fit into one.
    pub wal_file_bytes: u64,
    /// Most write-ahead log files that hold events not yet safe in segments; 8, at least 2. When it is reached,
    /// appends wait for a checkpoint. Recovery reads at most these.
    pub max_wal_files: u32,
    /// Capacity of each segment file, in bytes; 64 MiB, at least 4 MiB. A batch larger than that gets a file of its own.
    pub segment_bytes: u64,
    /// Most bytes of batches waiting to be committed; 32 MiB, at least 1 MiB. When it is reached, appends wait.
    pub max_queue_bytes: u64,
    /// Most batches waiting to be committed; 16,384, at least 1.
    pub max_queue_batches: u32,
    /// Most bytes committed with one sync; 8 MiB. A larger batch is committed alone.
    pub max_group_bytes: u64,
    /// Most bytes of recent batches kept in memory for readers; 32 MiB.
    pub cache_bytes: u64,
    /// Most bytes of batches that are in the write-ahead log but not yet in segment files; they are held in memory;
    /// 48 MiB, at least 1 MiB. When it is reached, appends wait.
    pub max_unflushed_bytes: u64,
    /// Bytes not yet in segment files that start a flush; 8 MiB.
    pub flush_bytes: u64,
    /// The longest a batch waits to be flushed, in milliseconds; 200.
    pub flush_interval_ms: u64,
    /// The longest a batch acknowledged from the page cache waits to be synced, in milliseconds; 1,000.
    pub sync_interval_ms: u64,
    /// Bytes acknowledged from the page cache that start a sync; 16 MiB.
    pub sync_bytes: u64,
    /// The longest time between two checkpoints while something is appended, in milliseconds; 30,000.
    pub checkpoint_interval_ms: u64,
    /// Most segment files held open for reading, and again as many for writing; 4,096, at least 8, and never more than an
    /// eighth of the files the process may have open. When as many eventlogs have something to sync they are synced at
    /// once, which costs publishers dearly: better have more than there are busy eventlogs.
    pub max_open_segments: usize,
    /// Free bytes of the disk below which nothing is appended, so that there is room for everything else; 0 is none.
    /// By default 1 GiB, but at most a twentieth of the file system.
    pub disk_reserve: Option<u64>,
    /// Most idempotent producers remembered by each eventlog; 4,096, at least 1. The one not heard of for the longest
    /// time is forgotten first.
    pub max_producers: usize,
    /// Most eventlogs; 262,144: room for as many eventbuses as a node may have, each with its dead letters.
    pub max_logs: usize,
    /// Most bytes per second that the scrub reads of sealed segments in the background; 8 MiB; 0: no scrub. A batch that is
    /// larger is read in one piece and waited for afterwards.
    pub scrub_rate: u64,
    /// The shortest time from the start of one pass of the scrub over all sealed segments to that of the next, in
    /// milliseconds; 604,800,000, which is a week. The first begins when the store is opened.
    pub scrub_interval_ms: u64,
    /// Who does the work.
    pub threads: Threads,
    /// Allows files below the minimum, for tests and simulation. Not for production: each file costs syncs.
    pub small_files: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            wal_file_bytes: 64 * MIB,
            max_wal_files: 8,
            segment_bytes: DEFAULT_SEGMENT_LEN,
            max_queue_bytes: 32 * MIB,
            max_queue_batches: 16_384,
            max_group_bytes: 8 * MIB,
            cache_bytes: 32 * MIB,
            max_unflushed_bytes: 48 * MIB,
            flush_bytes: 8 * MIB,
            flush_interval_ms: 200,
            sync_interval_ms: 1_000,
            sync_bytes: 16 * MIB,
            checkpoint_interval_ms: 30_000,
            max_open_segments: 4_096,
            disk_reserve: None,
            max_producers: 4_096,
            max_logs: 262_144,
            scrub_rate: 8 * MIB,
            scrub_interval_ms: 7 * 24 * 60 * 60 * 1000,
            threads: Threads::Background,
            small_files: false,
        }
    }
}

impl StoreOptions {
    /// Small files, inline work and no reserve of space, for tests and simulation: 64 KiB files, few of them.
    pub fn small() -> StoreOptions {
        StoreOptions {
            wal_file_bytes: 64 * KIB,
            max_wal_files: 4,
            segment_bytes: 64 * KIB,
            cache_bytes: 32 * KIB,
            flush_bytes: 32 * KIB,
            disk_reserve: Some(0),
            threads: Threads::Inline,
            small_files: true,
            ..StoreOptions::default()
        }
    }

    /// The same, within what the process may have open.
    pub(crate) fn within(mut self, most_open_files: u64) -> StoreOptions {
        let eighth = usize::try_from(most_open_files / 8).unwrap_or(usize::MAX);
        self.max_open_segments = self.max_open_segments.min(eighth).max(LEAST_OPEN_SEGMENTS);
        self
    }

    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let (least_wal, least_segment) = if self.small_files {
            (MIN_SMALL_FILE_BYTES, MIN_SMALL_FILE_BYTES)
        } else {
            (MIN_WAL_FILE_BYTES, MIN_SEGMENT_LEN)
        };
        let rules = [
            (
                self.wal_file_bytes >= least_wal,
                "wal_file_bytes is too small (4 MiB at least)",
            ),
            (
                self.wal_file_bytes <= MAX_WAL_FILE_BYTES,
                "wal_file_bytes is too large (1 GiB at most)",
            ),
            (
                self.wal_file_bytes.is_multiple_of(4 * KIB),
                "wal_file_bytes is no multiple of 4 KiB",
            ),
            (
                self.max_wal_files >= 2,
                "max_wal_files is too small (2 at least)",
            ),
            (
                self.segment_bytes >= least_segment,
                "segment_bytes is too small (4 MiB at least)",
            ),
            (
                self.max_queue_bytes >= MIB,
                "max_queue_bytes is too small (1 MiB at least)",
            ),
            (
                self.max_queue_bytes <= u64::from(u32::MAX / 2),
                "max_queue_bytes is too large (2 GiB at most)",
            ),
            (self.max_queue_batches >= 1, "max_queue_batches is 0"),
            (
                self.max_unflushed_bytes >= MIB,
                "max_unflushed_bytes is too small (1 MiB at least)",
            ),
            (
                self.max_open_segments >= LEAST_OPEN_SEGMENTS,
                "max_open_segments is too small (8 at least)",
            ),
            (self.max_producers >= 1, "max_producers is 0"),
        ];
        match rules.iter().find(|(good, _)| !good) {
            Some((_, broken)) => Err(OpenError::InvalidOptions(broken)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_stay_within_what_the_process_may_have() {
        let most = |limit| StoreOptions::default().within(limit).max_open_segments;
        assert_eq!((most(u64::MAX), most(1_024), most(16)), (4_096, 128, 8));
    }

    #[test]
    fn the_defaults_are_valid_and_small_files_need_to_be_asked_for() {
        StoreOptions::default().check().unwrap();
        StoreOptions::small().check().unwrap();
        let small = StoreOptions {
            small_files: false,
            ..StoreOptions::small()
        };
        assert!(matches!(small.check(), Err(OpenError::InvalidOptions(_))));
        let odd = StoreOptions {
            wal_file_bytes: 64 * MIB + 1,
            ..StoreOptions::default()
        };
        assert!(matches!(odd.check(), Err(OpenError::InvalidOptions(_))));
    }
}
