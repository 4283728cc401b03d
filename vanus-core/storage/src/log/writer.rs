//! The end of an eventlog's segments: batches go in, and a checkpoint makes them durable.
//!
//! A checkpoint is made of a job in three steps, so that flushing goes on while the disk syncs: taken from the
//! writer, run without any lock, and finished with the writer again. A job that fails changes nothing, and the next
//! one covers what it should have.

use std::sync::Arc;

use vanus_types::{Batch, EventlogId};

use super::{
    FileContext, Log,
    active::Active,
    job::{CheckpointJob, Part, Saved},
    producers::Producers,
    snapshot,
};
use crate::{
    fs::{File, OpenMode, write_all_at},
    segment::{ENTRY_LEN, EntryKind, FIRST_BATCH, Index, IndexEntry, Segment, SegmentHeader},
    store::DiskError,
};

/// Batches written with one call: two pieces each, below what the kernel takes at once.
const WRITE_BATCHES: usize = 512;

/// What is in segment files so far. There is one for each eventlog.
#[derive(Debug)]
pub(crate) struct Writer {
    log: EventlogId,
    dir: String,
    pub(super) next_offset: u64,
    pub(super) last_time: Option<i64>,
    pub(super) active: Option<Active>,
    /// Full segments that the next checkpoint seals.
    pub(super) closing: Vec<Active>,
    pub(super) producers: Producers,
    /// The producers know already what was appended below this offset.
    pub(super) producers_from: u64,
    /// As of which version and position in bytes the producers were saved.
    pub(super) saved: (u64, u64),
    /// Bytes written to segments since the store was opened.
    pub(super) written: u64,
    /// Segments made so far, and as of which of them the names are durable.
    pub(super) names: (u64, u64),
    closed: bool,
}

impl Writer {
    pub(super) fn new(log: EventlogId, producers: Producers) -> Writer {
        Writer {
            log,
            dir: Log::dir_of(log),
            next_offset: 0,
            last_time: None,
            active: None,
            closing: Vec::new(),
            producers,
            producers_from: 0,
            saved: (0, 0),
            written: 0,
            names: (0, 0),
            closed: false,
        }
    }

    /// Where the segments end.
    pub(crate) fn next_offset(&self) -> u64 {
        self.next_offset
    }

    /// Append time of the last batch.
    pub(crate) fn last_time(&self) -> Option<i64> {
        self.last_time
    }

    pub(super) fn producers(&self) -> &Producers {
        &self.producers
    }

    /// Whether the eventlog is deleted, so that nothing is written any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Lets go of all files; nothing is written any more.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.active = None;
        self.closing.clear();
    }

    /// Whether the last segment holds events, or there is none to write to.
    pub(crate) fn has_events(&self) -> bool {
        self.active
            .as_ref()
            .is_none_or(|active| active.position > FIRST_BATCH)
    }

    /// Whether a checkpoint has something to do.
    pub(crate) fn is_dirty(&self) -> bool {
        self.new_names()
            || !self.closing.is_empty()
            || self.active.as_ref().is_some_and(Active::is_dirty)
    }

    fn new_names(&self) -> bool {
        self.names.0 != self.names.1
    }

    /// Makes the folder and a segment to write to, if there is none; `made` is told of it.
    pub(crate) fn ensure_active(
        &mut self,
        context: &FileContext,
        made: &mut dyn FnMut(Arc<Segment>),
    ) -> Result<(), DiskError> {
        if self.active.is_none() {
            made(self.new_segment(context)?);
        }
        Ok(())
    }

    /// Starts the segment whose first event will be the next one.
    fn new_segment(&mut self, context: &FileContext) -> Result<Arc<Segment>, DiskError> {
        let (log, dir, base) = (self.log, self.dir.as_str(), self.next_offset);
        let segment = Arc::new(Segment::new(log, dir, base));
        let fs = context.fs.as_ref();
        if !fs.exists(dir).map_err(DiskError::new("look at", dir))? {
            fs.create_dir_all(dir)
                .map_err(DiskError::new("create", dir))?;
            context
                .new_dirs
                .store(true, std::sync::atomic::Ordering::Release);
        }
        if self.new_names() {
            // The name of a segment must not survive a loss of power without those before it: recovery would take it
            // for the first one that retention has left, and events before it for deleted.
            fs.sync_dir(dir).map_err(DiskError::new("sync", dir))?;
            self.names.1 = self.names.0;
        }
        // A file left by an earlier try that failed holds nothing.
        let make = |path: &str, bytes: &[u8]| -> std::io::Result<Arc<dyn File>> {
            let file = fs.open(path, OpenMode::OpenOrCreate)?;
            file.set_len(0)?;
            write_all_at(file.as_ref(), bytes, 0)?;
            Ok(file)
        };
        let header = SegmentHeader {
            log,
            base,
            created_ms: context.clock.now_ms(),
        };
        let file = make(segment.path(), &header.encode())
            .map_err(DiskError::new("create", segment.path()))?;
        make(segment.index_path(), &[]).map_err(DiskError::new("create", segment.index_path()))?;
        segment.hold(file.clone(), Index::default());
        self.names.0 += 1;
        self.active = Some(Active {
            segment: segment.clone(),
            file: Some(file),
            direct: None,
            position: FIRST_BATCH,
            indexed: 0,
            pending: Vec::new(),
            index_len: 0,
            checkpointed: 0,
        });
        Ok(segment)
    }

    /// Appends batches, which continue what is written, in as few calls as possible.
    pub(crate) fn write(
        &mut self,
        context: &FileContext,
        mut batches: &[Batch],
        made: &mut dyn FnMut(Arc<Segment>),
    ) -> Result<(), DiskError> {
        while !batches.is_empty() {
            self.ensure_active(context, made)?;
            let taken = self.write_some(context, batches)?;
            if taken == 0 {
                self.roll();
            }
            batches = batches.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// The active segment is full: the next batch goes to a new one.
    pub(crate) fn roll(&mut self) {
        self.closing.extend(self.active.take());
    }

    /// Writes as many batches as one call and the segment take; 0 when the segment is full.
    fn write_some(&mut self, context: &FileContext, batches: &[Batch]) -> Result<usize, DiskError> {
        let Some(active) = self.active.as_mut() else {
            return Ok(0);
        };
        let capacity = context.options.segment_bytes;
        let mut end = active.position;
        let fits = |batch: &&Batch| {
            let len = batch.len() as u64;
            // A batch larger than a segment gets one for itself.
            let good = end + len <= capacity || end == FIRST_BATCH;
            end += if good { len } else { 0 };
            good
        };
        let taken = batches.iter().take(WRITE_BATCHES).take_while(fits).count();
        let batches = batches.get(..taken).unwrap_or_default();
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else {
            return Ok(0);
        };
        let headers: Vec<_> = batches
            .iter()
            .map(|batch| batch.header().encode())
            .collect();
        let pieces: Vec<&[u8]> = headers
            .iter()
            .zip(batches)
            .flat_map(|(header, batch)| [header.as_slice(), batch.body()])
            .collect();
        active.write(context, &pieces, end - active.position)?;
        for batch in batches {
            let position = active.position;
            active.index(batch.header(), position);
            active.position += batch.len() as u64;
            if batch.header().next_offset() > self.producers_from {
                self.producers.record(batch.header());
            }
        }
        self.written += batches.iter().map(|batch| batch.len() as u64).sum::<u64>();
        self.next_offset = last.header().next_offset();
        self.last_time = Some(last.header().append_time_ms);
        let first_time = Some(first.header().append_time_ms);
        active.segment.extend(
            self.next_offset,
            active.position,
            first_time,
            self.last_time,
        );
        Ok(taken)
    }

    /// What a checkpoint has to do for this eventlog.
    pub(crate) fn take_job(&self, log: &Arc<Log>, context: &FileContext) -> CheckpointJob {
        let part = |active: &Active, kind: EntryKind| {
            let mut entries = active.pending.clone();
            entries.push(IndexEntry {
                offset: active.segment.end(),
                position: active.position,
                // An empty segment still tells the time of the last event ever appended.
                time_ms: active
                    .segment
                    .last_time()
                    .or(self.last_time)
                    .unwrap_or(i64::MIN),
                kind,
            });
            Part {
                segment: active.segment.clone(),
                file: active.file.clone(),
                position: active.position,
                pending: active.pending.len(),
                entries,
                index_at: active.index_len,
                seal: kind == EntryKind::Sealed,
            }
        };
        let mut parts: Vec<Part> = self
            .closing
            .iter()
            .map(|active| part(active, EntryKind::Sealed))
            .collect();
        let dirty = self.active.as_ref().filter(|active| active.is_dirty());
        parts.extend(dirty.map(|active| part(active, EntryKind::Checkpoint)));
        let (version, at) = self.saved;
        let due = self.producers.version() != version
            || self.written.saturating_sub(at) > context.options.segment_bytes;
        let producers = (due && !self.producers.is_empty()).then(|| Saved {
            bytes: snapshot::encode(&self.producers, log.id(), self.next_offset),
            version: self.producers.version(),
            written: self.written,
        });
        let names = self.new_names().then_some(self.names.0);
        CheckpointJob {
            log: log.clone(),
            parts,
            names,
            producers,
        }
    }

    pub(super) fn finish(&mut self, job: &CheckpointJob, context: &FileContext) {
        for part in &job.parts {
            let same = |active: &&mut Active| active.segment.base() == part.segment.base();
            if let Some(active) = self.closing.iter_mut().chain(&mut self.active).find(same) {
                drop(active.pending.drain(..part.pending));
                active.index_len += (part.entries.len() * ENTRY_LEN) as u64;
                active.checkpointed = part.position;
                if !active.is_dirty() && !part.seal {
                    active.release(context);
                }
            }
            if part.seal {
                part.segment.set_sealed();
                part.segment.release(&context.handles);
                self.closing
                    .retain(|active| active.segment.base() != part.segment.base());
            }
        }
        if let Some(saved) = &job.producers {
            self.saved = (saved.version, saved.written);
        }
        if let Some(names) = job.names {
            self.names.1 = self.names.1.max(names);
        }
    }
}
