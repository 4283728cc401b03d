//! One eventlog as everybody shares it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use vanus_types::{Batch, BatchHeader, Clock, EventlogId, control::SegmentInfo};

use super::{
    RecoveredLog, Tail, Writer,
    producers::{Producers, Verdict},
};
use crate::{
    fs::{Fs, Staging},
    segment::{Handles, SEGMENTS_DIR, Segment, dir_name},
    store::{AppendError, DiskError, LogInfo, StoreOptions},
};

/// What eventlogs need to read and write their files.
#[derive(Debug)]
pub(crate) struct FileContext {
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) handles: Handles,
    pub(crate) options: StoreOptions,
    /// Memory for large writes, which one flush at a time makes.
    pub(crate) staging: Mutex<Staging>,
    /// Whether the folder of all eventlogs got a name that is not durable yet.
    pub(crate) new_dirs: AtomicBool,
}

/// One eventlog. Locks are taken in the order of the fields, and none but `writer` is held across a call to the disk.
#[derive(Debug)]
pub(crate) struct Log {
    id: EventlogId,
    dir: String,
    /// Where its segments end; the flusher's, the checkpoint's and retention's.
    pub(crate) writer: Mutex<Writer>,
    /// Who gets the next offset; the committer's.
    pub(crate) assign: Mutex<Assign>,
    /// All segments in order of offset.
    pub(crate) chain: RwLock<Vec<Arc<Segment>>>,
    /// What readers see.
    pub(crate) tail: Mutex<Tail>,
    deleted: AtomicBool,
    end: watch::Sender<u64>,
}

/// What the committer knows: ahead of what is committed while a group is being written.
#[derive(Debug)]
pub(crate) struct Assign {
    next_offset: u64,
    last_time: Option<i64>,
    producers: Producers,
    deleted: bool,
    /// The last group in which somebody waits for a sync of this eventlog.
    pub(crate) sync_group: u64,
}

/// What became of a batch that asked for its offset.
#[derive(Debug)]
pub(crate) enum Staged {
    /// It has its place and is to be written.
    Fresh(Batch),
    /// It is stored already.
    Duplicate { base_offset: u64, time_ms: i64 },
}

impl Assign {
    /// Gives `batch` the next offsets at `now_ms`, unless it is a duplicate or out of sequence.
    pub(crate) fn stage(
        &mut self,
        log: EventlogId,
        batch: &Batch,
        now_ms: i64,
    ) -> Result<Staged, AppendError> {
        if self.deleted {
            return Err(AppendError::UnknownLog(log));
        }
        let header = batch.header();
        match self.verdict(header) {
            Verdict::Fresh => {}
            Verdict::Duplicate {
                base_offset,
                time_ms,
            } => {
                return Ok(Staged::Duplicate {
                    base_offset,
                    time_ms,
                });
            }
            Verdict::Forgotten => {
                let (producer, sequence) = (header.producer, header.sequence);
                return Err(AppendError::DuplicateForgotten { producer, sequence });
            }
            Verdict::OutOfSequence { expected } => {
                let (producer, got) = (header.producer, header.sequence);
                return Err(AppendError::OutOfSequence {
                    producer,
                    expected,
                    got,
                });
            }
        }
        // The clock may go back, append times may not.
        let time_ms = self.last_time.map_or(now_ms, |last| last.max(now_ms));
        let batch = batch.assigned(log, self.next_offset, time_ms);
        self.next_offset = batch.header().next_offset();
        self.last_time = Some(time_ms);
        self.producers.record(batch.header());
        Ok(Staged::Fresh(batch))
    }

    fn verdict(&self, header: &BatchHeader) -> Verdict {
        header.producer().map_or(Verdict::Fresh, |producer| {
            self.producers
                .check(producer, header.sequence, header.count)
        })
    }

    /// Refuses what comes later.
    pub(crate) fn delete(&mut self) {
        self.deleted = true;
    }
}

impl Log {
    /// An eventlog as it was found, or a new one.
    pub(crate) fn new(id: EventlogId, recovered: RecoveredLog) -> Log {
        let RecoveredLog { writer, chain, .. } = recovered;
        let (start, end) = (
            chain.first().map_or(0, |first| first.base()),
            writer.next_offset(),
        );
        let last_time = writer.last_time();
        Log {
            id,
            dir: Log::dir_of(id),
            assign: Mutex::new(Assign {
                next_offset: end,
                last_time,
                producers: writer.producers().clone(),
                deleted: false,
                sync_group: 0,
            }),
            tail: Mutex::new(Tail::new(start, end, last_time)),
            chain: RwLock::new(chain),
            writer: Mutex::new(writer),
            deleted: AtomicBool::new(false),
            end: watch::Sender::new(end),
        }
    }

    /// The folder of an eventlog's files.
    pub(crate) fn dir_of(id: EventlogId) -> String {
        format!("{SEGMENTS_DIR}/{}", dir_name(id))
    }

    pub(crate) fn id(&self) -> EventlogId {
        self.id
    }

    pub(crate) fn dir(&self) -> &str {
        &self.dir
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// A view of the committed end.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.end.subscribe()
    }

    /// Tells those who wait for the end to move.
    pub(crate) fn announce(&self) {
        let end = self.tail.lock().end();
        self.end.send_if_modified(|told| {
            let news = *told < end;
            *told = end.max(*told);
            news
        });
    }

    /// The eventlog is gone: nothing is in memory any more, and those who wait are told. Answers the bytes let go,
    /// those not flushed and all.
    pub(crate) fn set_deleted(&self) -> (u64, u64) {
        self.deleted.store(true, Ordering::Release);
        let freed = self.tail.lock().clear();
        self.wake();
        freed
    }

    /// Wakes those who wait for the end to move, though it has not.
    pub(crate) fn wake(&self) {
        self.end.send_modify(|_| {});
    }

    /// Writes what is not in segment files yet. `wrote` is told of each piece that is. Answers whether the segments
    /// have something to sync.
    pub(crate) fn flush(
        &self,
        context: &FileContext,
        wrote: &dyn Fn(&[Batch]),
    ) -> Result<bool, DiskError> {
        let mut writer = self.writer.lock();
        let end = {
            let mut tail = self.tail.lock();
            tail.unqueue();
            tail.end()
        };
        if writer.is_closed() {
            return Ok(false);
        }
        let mut made = |segment| self.chain.write().push(segment);
        writer.ensure_active(context, &mut made)?;
        loop {
            // What comes while this goes on waits for the next round: whoever waits for this one would wait for as long
            // as somebody publishes.
            if writer.next_offset() >= end {
                return Ok(writer.is_dirty());
            }
            let most = usize::try_from(context.options.flush_bytes).unwrap_or(usize::MAX);
            let batches = self.tail.lock().unflushed(most);
            if batches.is_empty() {
                return Ok(writer.is_dirty());
            }
            let written = writer.write(context, &batches, &mut made);
            // What was written before an error is in the segments: it must not be written again behind itself.
            let flushed = writer.next_offset();
            let done = batches.partition_point(|batch| batch.header().next_offset() <= flushed);
            let mut tail = self.tail.lock();
            // A deletion in between has already let everything go.
            if !self.is_deleted() {
                tail.set_flushed(flushed);
                wrote(batches.get(..done).unwrap_or_default());
            }
            drop(tail);
            written?;
        }
    }

    /// Its segments, oldest first.
    pub(crate) fn segments(&self) -> Vec<SegmentInfo> {
        let told = |segment: &Arc<Segment>| SegmentInfo {
            base_offset: segment.base(),
            end_offset: segment.end(),
            bytes: segment.end_position(),
            sealed: segment.sealed(),
        };
        self.chain.read().iter().map(told).collect()
    }

    /// Facts about the eventlog.
    pub(crate) fn info(&self) -> LogInfo {
        let chain = self.chain.read();
        let tail = self.tail.lock();
        let (start_offset, end_offset) = (tail.start(), tail.end());
        let on_disk: u64 = chain.iter().map(|segment| segment.end_position()).sum();
        let first_time = chain.iter().find_map(|segment| segment.first_time());
        LogInfo {
            start_offset,
            end_offset,
            bytes: on_disk + tail.unflushed_bytes(),
            segments: chain.len(),
            first_time_ms: (start_offset < end_offset)
                .then(|| first_time.or_else(|| tail.first_time()))
                .flatten(),
            last_time_ms: tail.last_time(),
        }
    }
}
