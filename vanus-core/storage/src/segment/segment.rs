//! One segment as readers and the flusher share it: how far it reaches, its handle and its index.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use vanus_types::EventlogId;

use super::{
    Handles, Index, Scan, Scanned,
    layout::{FIRST_BATCH, index_name, segment_name},
};
use crate::{
    fs::{File, Fs, OpenMode, read_file},
    store::{Corruption, DiskError},
};

/// No append time: the segment is empty.
const NO_TIME: i64 = i64::MIN;
/// The most bytes an index file may have: one of the largest segment takes far less.
pub(crate) const MAX_INDEX_BYTES: u64 = 64 * 1024 * 1024;
/// What is said of events that a repair gave up.
const LOST: &str = "a repair gave the events here up as lost; read on behind them";
/// Readers whose place is remembered, so that reading on does not start at an index entry.
const HINTS: usize = 4;
/// From which length on a reader that reads on has the next block fetched ahead; below, the system does so by itself.
const PREFETCHED: usize = 256 * 1024;

/// One segment. What is below [`Segment::end_position`] never changes.
#[derive(Debug)]
pub(crate) struct Segment {
    log: EventlogId,
    base: u64,
    path: String,
    index_path: String,
    end: AtomicU64,
    end_position: AtomicU64,
    first_time: AtomicI64,
    last_time: AtomicI64,
    sealed: AtomicBool,
    resident: Mutex<Resident>,
}

/// What of the segment is in memory.
#[derive(Debug, Default)]
struct Resident {
    file: Option<Arc<dyn File>>,
    index: Option<Index>,
    /// Offsets with their positions where readers stopped last, used in turn.
    hints: [(u64, u64); HINTS],
    next_hint: usize,
    /// Read since the handle cache looked last.
    used: bool,
    /// Held by the writer, so not to be closed.
    writing: bool,
}

impl Segment {
    /// An empty segment in `dir`.
    pub(crate) fn new(log: EventlogId, dir: &str, base: u64) -> Segment {
        Segment {
            log,
            base,
            path: format!("{dir}/{}", segment_name(base)),
            index_path: format!("{dir}/{}", index_name(base)),
            end: AtomicU64::new(base),
            end_position: AtomicU64::new(FIRST_BATCH),
            first_time: AtomicI64::new(NO_TIME),
            last_time: AtomicI64::new(NO_TIME),
            sealed: AtomicBool::new(false),
            resident: Mutex::default(),
        }
    }

    pub(crate) fn log(&self) -> EventlogId {
        self.log
    }

    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn index_path(&self) -> &str {
        &self.index_path
    }

    /// The offset after the last event.
    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Bytes of the file that hold batches, header included.
    pub(crate) fn end_position(&self) -> u64 {
        self.end_position.load(Ordering::Acquire)
    }

    /// Append time of the first batch.
    pub(crate) fn first_time(&self) -> Option<i64> {
        Some(self.first_time.load(Ordering::Acquire)).filter(|&time| time != NO_TIME)
    }

    /// Append time of the last batch.
    pub(crate) fn last_time(&self) -> Option<i64> {
        Some(self.last_time.load(Ordering::Acquire)).filter(|&time| time != NO_TIME)
    }

    /// Whether the index says, durably, that the segment will not grow.
    pub(crate) fn sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    pub(crate) fn set_sealed(&self) {
        self.sealed.store(true, Ordering::Release);
    }

    /// The segment now reaches to `end` at `position`.
    pub(crate) fn extend(
        &self,
        end: u64,
        position: u64,
        first_time: Option<i64>,
        last_time: Option<i64>,
    ) {
        if let (None, Some(first)) = (self.first_time(), first_time) {
            self.first_time.store(first, Ordering::Release);
        }
        if let Some(last) = last_time {
            self.last_time.store(last, Ordering::Release);
        }
        // Readers look at the offset first, so the position has to be there before.
        self.end_position.store(position, Ordering::Release);
        self.end.store(end, Ordering::Release);
    }

    /// Gives the writer's handle to readers and keeps it open until [`Segment::release`].
    pub(crate) fn hold(&self, file: Arc<dyn File>, index: Index) {
        let mut resident = self.resident.lock();
        resident.file = Some(file);
        resident.index = Some(index);
        resident.writing = true;
    }

    /// Opens the file for the writer again, and keeps it open until [`Segment::release`].
    pub(crate) fn reopen(&self, fs: &dyn Fs) -> io::Result<Arc<dyn File>> {
        let mut resident = self.resident.lock();
        if resident.index.is_none() {
            resident.index = Some(self.load_index(fs)?);
        }
        let file = fs.open(&self.path, OpenMode::Write)?;
        resident.file = Some(file.clone());
        resident.writing = true;
        Ok(file)
    }

    /// Changes the index in memory. It stays there until [`Segment::release`].
    pub(crate) fn with_index(&self, change: impl FnOnce(&mut Index)) {
        let mut resident = self.resident.lock();
        resident.writing = true;
        change(resident.index.get_or_insert_default());
    }

    /// The index file was made anew: readers that hold the old one take this one.
    pub(crate) fn replace_index(&self, index: Index) {
        let mut resident = self.resident.lock();
        if resident.index.is_some() {
            resident.index = Some(index);
        }
    }

    /// The writer is done: the handle may be closed when others need it.
    pub(crate) fn release(self: &Arc<Self>, handles: &Handles) {
        self.resident.lock().writing = false;
        handles.admit(self);
    }

    /// Closes the handle: the file is about to be removed, and takes room on the disk as long as somebody has it open.
    pub(crate) fn close(&self) {
        let mut resident = self.resident.lock();
        resident.file = None;
        resident.index = None;
        resident.writing = false;
    }

    /// Closes the handle if nobody used it lately; says whether it is closed.
    pub(super) fn close_if_idle(&self) -> bool {
        let mut resident = self.resident.lock();
        if resident.writing || std::mem::take(&mut resident.used) {
            return false;
        }
        resident.file = None;
        resident.index = None;
        true
    }

    /// An open handle and the batch from which to look for `offset`.
    fn open_at(
        self: &Arc<Self>,
        fs: &dyn Fs,
        handles: &Handles,
        find: impl FnOnce(&Index, &[(u64, u64)]) -> (u64, u64),
    ) -> io::Result<(Arc<dyn File>, (u64, u64))> {
        let mut resident = self.resident.lock();
        resident.used = true;
        let mut opened = false;
        let file = match &resident.file {
            Some(file) => file.clone(),
            None => {
                let file = fs.open(&self.path, OpenMode::Read)?;
                resident.file = Some(file.clone());
                opened = true;
                file
            }
        };
        if resident.index.is_none() {
            resident.index = Some(self.load_index(fs)?);
        }
        let place = match &resident.index {
            Some(index) => find(index, &resident.hints),
            None => (FIRST_BATCH, self.base),
        };
        drop(resident);
        if opened {
            handles.admit(self);
        }
        Ok((file, place))
    }

    fn load_index(&self, fs: &dyn Fs) -> io::Result<Index> {
        // Without an index reading starts further ahead of its place, and is as right.
        let bytes = read_file(fs, &self.index_path, MAX_INDEX_BYTES)?.unwrap_or_default();
        Ok(Index::decode(&bytes, self.log, self.base).index)
    }

    /// Batches from the one which holds `offset` on, at least one, together about `max_bytes`.
    pub(crate) fn read(
        self: &Arc<Self>,
        fs: &dyn Fs,
        handles: &Handles,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<vanus_types::Batch>, SegmentError> {
        let end = self.end_position();
        let mut lost = false;
        let mut reads_on = false;
        let (file, (position, at)) = self
            .open_at(fs, handles, |index, hints| {
                lost = index.is_lost(offset);
                let hint = hints
                    .iter()
                    .find(|(hint, position)| *hint == offset && *position > 0);
                reads_on = hint.is_some();
                hint.map_or_else(
                    || index.at_offset(self.base, offset),
                    |&(offset, position)| (position, offset),
                )
            })
            .map_err(DiskError::new("open", self.path.as_str()))?;
        if lost {
            return Err(self.damaged(position, offset, LOST));
        }
        let block = max_bytes.clamp(super::INDEX_EVERY as usize, 8 * super::scan::READ_BLOCK)
            + super::INDEX_EVERY as usize;
        let next = position + block as u64;
        if reads_on && block >= PREFETCHED && next < end {
            // The disk fetches the next block while this one is checked and used.
            file.prefetch(next, (block as u64).min(end - next));
        }
        let mut scan = Scan::new(file.as_ref(), self.log, (position, at), end)
            .block_len(block)
            .buffers(&handles.buffers);
        let skipped = scan
            .skip_to(offset)
            .map_err(DiskError::new("read", self.path.as_str()))?;
        if let Some(what) = skipped {
            return Err(self.damaged(scan.position(), scan.offset(), what));
        }
        let mut batches = Vec::new();
        let mut bytes = 0;
        while bytes < max_bytes || batches.is_empty() {
            match scan
                .next()
                .map_err(DiskError::new("read", self.path.as_str()))?
            {
                Scanned::Batch(batch) => {
                    bytes += batch.len();
                    batches.push(batch);
                }
                // What is good before the damage is served; the next read starts at the damage.
                Scanned::Bad(what) if batches.is_empty() => {
                    return Err(self.damaged(scan.position(), scan.offset(), what));
                }
                Scanned::Bad(_) | Scanned::End => break,
            }
        }
        if batches.is_empty() {
            return Err(self.damaged(
                scan.position(),
                scan.offset(),
                "the segment ends before its end",
            ));
        }
        self.remember((scan.offset(), scan.position()));
        Ok(batches)
    }

    /// Notes an offset and its position, where a reader stopped and may read on.
    fn remember(&self, place: (u64, u64)) {
        let mut resident = self.resident.lock();
        let slot = resident.next_hint % HINTS;
        resident.next_hint = slot + 1;
        if let Some(hint) = resident.hints.get_mut(slot) {
            *hint = place;
        }
    }

    /// The first offset appended at `time_ms` or later; the end if there is none.
    pub(crate) fn offset_at(
        self: &Arc<Self>,
        fs: &dyn Fs,
        handles: &Handles,
        time_ms: i64,
    ) -> Result<u64, SegmentError> {
        let end = self.end_position();
        let mut holes = Vec::new();
        let (file, place) = self
            .open_at(fs, handles, |index, _| {
                holes = index.holes().to_vec();
                index.at_time(self.base, time_ms)
            })
            .map_err(DiskError::new("open", self.path.as_str()))?;
        let mut scan = Scan::new(file.as_ref(), self.log, place, end)
            .buffers(&handles.buffers)
            .block_len(2 * super::INDEX_EVERY as usize);
        loop {
            let (position, offset) = (scan.position(), scan.offset());
            if let Some(hole) = holes.iter().find(|hole| hole.from == (position, offset)) {
                scan = Scan::new(file.as_ref(), self.log, hole.to, end).buffers(&handles.buffers);
            }
            match scan
                .next_header_only()
                .map_err(DiskError::new("read", self.path.as_str()))?
            {
                Ok(header) if header.append_time_ms >= time_ms => return Ok(header.base_offset),
                Ok(_) => {}
                Err(Scanned::Bad(what)) => return Err(self.damaged(position, offset, what)),
                Err(_) => return Ok(offset),
            }
        }
    }

    fn damaged(&self, position: u64, offset: u64, what: &'static str) -> SegmentError {
        let source = Corruption {
            file: self.path.clone(),
            position,
            what,
        };
        SegmentError::Corrupted { offset, source }
    }
}

/// Why a segment was not read.
#[derive(Debug)]
pub(crate) enum SegmentError {
    Disk(DiskError),
    Corrupted { offset: u64, source: Corruption },
}

impl From<DiskError> for SegmentError {
    fn from(e: DiskError) -> Self {
        SegmentError::Disk(e)
    }
}
