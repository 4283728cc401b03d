//! What is found of an eventlog after a stop.
//!
//! Only what came after the last index entry of a segment that is not sealed can be torn: it is read and verified,
//! and cut at the last whole batch. The write-ahead log then appends what is missing. Whatever an index entry points
//! at was synced before the entry was written, so a segment that ends before it is damaged, and recovery says so.

use std::sync::Arc;

use vanus_types::{Batch, EventlogId};

use super::{FileContext, Log, Writer, active::Active, producers::Producers, snapshot};
use crate::{
    fs::{File, OpenMode, read_file, remove_if_there, replace_file},
    segment::{
        ENTRY_LEN, EntryKind, FIRST_BATCH, Hole, Index, IndexEntry, MAX_INDEX_BYTES, Scan, Scanned,
        Segment, UNKNOWN_VERSION, agrees, base_of, read_header,
    },
    store::{Corruption, DiskError, OpenError},
};

/// An eventlog as its files tell it.
#[derive(Debug)]
pub(crate) struct RecoveredLog {
    pub(crate) writer: Writer,
    pub(crate) chain: Vec<Arc<Segment>>,
    /// What may be lost without anything else telling of it.
    pub(crate) doubt: Option<Corruption>,
    /// Whether a checkpoint ever told of these files. If not, any of them may be missing, the first one too.
    told: bool,
}

impl RecoveredLog {
    /// A new, empty eventlog.
    pub(crate) fn empty(id: EventlogId, max_producers: usize) -> RecoveredLog {
        RecoveredLog {
            writer: Writer::new(id, Producers::new(max_producers)),
            chain: Vec::new(),
            doubt: None,
            told: false,
        }
    }

    /// Reads the folder of eventlog `id`.
    pub(crate) fn read(context: &FileContext, id: EventlogId) -> Result<RecoveredLog, OpenError> {
        let dir = Log::dir_of(id);
        let names = context
            .fs
            .list_dir(&dir)
            .map_err(DiskError::new("list", dir.as_str()))?;
        let mut recovery = Recovery::start(context, id, dir)?;
        let bases: Vec<u64> = names
            .iter()
            .filter_map(|entry| base_of(&entry.name, ".seg"))
            .collect();
        for name in &names {
            let orphan = base_of(&name.name, ".idx").is_some_and(|base| !bases.contains(&base));
            if orphan || name.name.ends_with(".tmp") {
                recovery.remove(&format!("{}/{}", recovery.dir, name.name))?;
            }
        }
        for (at, &base) in bases.iter().enumerate() {
            let next = bases.get(at + 1).copied();
            recovery.segment(base, next)?;
        }
        Ok(recovery.finish())
    }

    /// Appends batches from the write-ahead log: those that are here already are passed over, and none may be
    /// missing before them.
    pub(crate) fn append(
        &mut self,
        context: &FileContext,
        batches: &[Batch],
    ) -> Result<(), AppendFault> {
        self.begin_again(context, batches)
            .map_err(AppendFault::Disk)?;
        let end = self.writer.next_offset;
        let known = batches.partition_point(|batch| batch.header().next_offset() <= end);
        let fresh = batches.get(known..).unwrap_or_default();
        let mut expected = end;
        for header in fresh.iter().map(Batch::header) {
            if header.base_offset > expected {
                let what = "events before one in the write-ahead log are missing";
                return Err(AppendFault::Gap(what));
            }
            if header.base_offset < expected {
                let what = "a batch in the write-ahead log reaches across the end";
                return Err(AppendFault::Gap(what));
            }
            expected = header.next_offset();
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let chain = &mut self.chain;
        let mut made = |segment| chain.push(segment);
        self.writer
            .write(context, fresh, &mut made)
            .map_err(AppendFault::Disk)
    }

    /// Passes over the offsets of events that are missing before any of `batches`: what was lost with a frame of the
    /// write-ahead log that a repair was told to give up. The segment so far is sealed with a hole behind it.
    pub(crate) fn pass_over(
        &mut self,
        context: &FileContext,
        batches: &[Batch],
    ) -> Result<(), DiskError> {
        self.begin_again(context, batches)?;
        for (at, batch) in batches.iter().enumerate() {
            let base = batch.header().base_offset;
            if base > self.writer.next_offset {
                let (chain, place) = (&mut self.chain, (base, batch.header().append_time_ms));
                self.writer
                    .skip_to(context, place, &mut |segment| chain.push(segment))?;
            }
            if batch.header().base_offset == self.writer.next_offset {
                let one = batches.get(at..=at).unwrap_or_default();
                let chain = &mut self.chain;
                self.writer
                    .write(context, one, &mut |segment| chain.push(segment))?;
            }
        }
        Ok(())
    }

    /// Removes files which no checkpoint has told of, if the write-ahead log begins before them: a loss of power took
    /// the name of the first one. Everything is written again.
    fn begin_again(&mut self, context: &FileContext, batches: &[Batch]) -> Result<(), DiskError> {
        let (Some(kept), Some(batch)) = (self.chain.first(), batches.first()) else {
            return Ok(());
        };
        let offset = batch.header().base_offset;
        if self.told || offset >= kept.base() {
            return Ok(());
        }
        for segment in self.chain.drain(..) {
            for path in [segment.path(), segment.index_path()] {
                remove_if_there(context.fs.as_ref(), path)
                    .map_err(DiskError::new("remove", path))?;
            }
        }
        let producers = Producers::new(context.options.max_producers);
        self.writer = Writer::new(batch.header().eventlog, producers);
        self.writer.next_offset = offset;
        Ok(())
    }

    /// Checks, after the write-ahead log was read, that nothing is missing that was there at a checkpoint.
    pub(crate) fn check_complete(&self) -> Result<(), OpenError> {
        if self.writer.next_offset >= self.writer.producers_from {
            return Ok(());
        }
        let file = self
            .chain
            .last()
            .map_or("segments", |segment| segment.path())
            .to_owned();
        let position = self
            .chain
            .last()
            .map_or(0, |segment| segment.end_position());
        let what = "events are missing that were there when producers.snap was written";
        Err(Corruption {
            file,
            position,
            what,
        }
        .into())
    }
}

/// Why a batch of the write-ahead log does not fit.
#[derive(Debug)]
pub(crate) enum AppendFault {
    Gap(&'static str),
    Disk(DiskError),
}

struct Recovery<'a> {
    context: &'a FileContext,
    id: EventlogId,
    dir: String,
    writer: Writer,
    chain: Vec<Arc<Segment>>,
    /// Offset up to which the producers are known already.
    known: u64,
    /// Whether the sequence of segments is broken, so that what follows has to come from the write-ahead log.
    broken: bool,
    /// `producers.snap` is there and damaged.
    bad_snapshot: bool,
    /// Whether there is an index entry, or a snapshot of producers.
    told: bool,
}

impl<'a> Recovery<'a> {
    fn start(context: &'a FileContext, id: EventlogId, dir: String) -> Result<Self, OpenError> {
        let path = format!("{dir}/{}", snapshot::FILE);
        let most = context.options.max_producers;
        let bytes = read_file(context.fs.as_ref(), &path, snapshot::MAX_BYTES)
            .map_err(DiskError::new("read", path.as_str()))?;
        snapshot::check_format(bytes.as_deref().unwrap_or_default(), &path)?;
        let decoded = bytes
            .as_deref()
            .map(|bytes| snapshot::decode(bytes, id, most));
        let bad_snapshot = matches!(decoded, Some(None));
        let (producers, known) = match decoded {
            // No producer was known at any checkpoint; those after it are found by reading on from there.
            None => (Producers::new(most), u64::MAX),
            // A damaged one is made anew from all batches that are still there.
            Some(decoded) => decoded.unwrap_or((Producers::new(most), 0)),
        };
        let mut writer = Writer::new(id, producers);
        writer.saved = (writer.producers.version(), 0);
        writer.producers_from = if known == u64::MAX { 0 } else { known };
        Ok(Recovery {
            context,
            id,
            dir,
            writer,
            chain: Vec::new(),
            known,
            broken: false,
            bad_snapshot,
            told: bytes.is_some(),
        })
    }

    fn remove(&self, path: &str) -> Result<(), OpenError> {
        let fs = self.context.fs.as_ref();
        Ok(remove_if_there(fs, path).map_err(DiskError::new("remove", path))?)
    }

    fn corrupted(path: &str, position: u64, what: &'static str) -> OpenError {
        Corruption {
            file: path.to_owned(),
            position,
            what,
        }
        .into()
    }

    fn unknown(path: &str, scan: &Scan<'_>) -> OpenError {
        OpenError::UnknownFormat {
            file: path.to_owned(),
            found: scan.unknown_version(),
            known: 1,
        }
    }

    fn segment(&mut self, base: u64, next: Option<u64>) -> Result<(), OpenError> {
        let segment = Arc::new(Segment::new(self.id, &self.dir, base));
        let fs = self.context.fs.as_ref();
        let (path, index_path) = (segment.path(), segment.index_path());
        let bytes = read_file(fs, index_path, MAX_INDEX_BYTES)
            .map_err(DiskError::new("read", index_path))?;
        let there = bytes.is_some();
        let loaded = Index::decode(&bytes.unwrap_or_default(), self.id, base);
        let file = fs
            .open(path, OpenMode::Write)
            .map_err(DiskError::new("open", path))?;
        let good_header = read_header(file.as_ref(), path, (self.id, base))?;
        let follows = self.chain.is_empty() || self.writer.next_offset == base;
        if self.broken || !good_header || !follows {
            // Nothing of a segment without index entries was ever promised to be here.
            if !loaded.index.entries().is_empty() {
                let what = if good_header {
                    "the segment does not continue the one before"
                } else {
                    "the header of the segment does not match its checksum"
                };
                return Err(Self::corrupted(path, 0, what));
            }
            self.broken = true;
            self.remove(index_path)?;
            return self.remove(path);
        }
        self.told |= !loaded.index.entries().is_empty();
        if self.chain.is_empty() {
            self.writer.next_offset = base;
        }
        self.chain.push(segment.clone());
        let len = Self::check_len(file.as_ref(), path, &loaded.index)?;
        Self::check_end(&loaded.index, index_path)?;
        if next.is_none() {
            let agrees = agrees(file.as_ref(), (self.id, base), &loaded.index, len)
                .map_err(DiskError::new("read", path))?;
            if !agrees {
                let what = "the last entry of the index contradicts the segment: let `vsctl store repair` make it anew";
                return Err(Self::corrupted(index_path, 0, what));
            }
        }
        if let Some(seal) = loaded.index.sealed().copied() {
            return self.sealed(&segment, file.as_ref(), &loaded.index, seal, loaded.clean);
        }
        let index_len = if loaded.clean && there {
            (loaded.index.entries().len() * ENTRY_LEN) as u64
        } else {
            let bytes = loaded.index.encode(self.id, base);
            replace_file(fs, index_path, &bytes).map_err(DiskError::new("replace", index_path))?;
            bytes.len() as u64
        };
        self.unsealed(&segment, file.as_ref(), loaded.index, index_len, len)?;
        // More follows, so this one is full; the next checkpoint seals it.
        if next == Some(self.writer.next_offset) {
            self.writer.roll();
        }
        Ok(())
    }

    /// The length of a segment, which must reach as far as its index says.
    fn check_len(file: &dyn File, path: &str, index: &Index) -> Result<u64, OpenError> {
        let len = file.len().map_err(DiskError::new("look at", path))?;
        let durable = index.last().map_or(FIRST_BATCH, |entry| entry.position);
        if len < durable {
            let what = "the file is shorter than its index says";
            return Err(Self::corrupted(path, len, what));
        }
        Ok(len)
    }

    /// An index must not end in what a repair gave up: where that ends would not be known.
    fn check_end(index: &Index, path: &str) -> Result<(), OpenError> {
        if index
            .last()
            .is_some_and(|last| last.kind == EntryKind::Lost)
        {
            let what = "the index ends amid what a repair gave up, so the end of that is not known";
            return Err(Self::corrupted(path, 0, what));
        }
        Ok(())
    }

    fn sealed(
        &mut self,
        segment: &Arc<Segment>,
        file: &dyn File,
        index: &Index,
        seal: IndexEntry,
        clean: bool,
    ) -> Result<(), OpenError> {
        let time = (seal.time_ms != i64::MIN).then_some(seal.time_ms);
        let full = seal.offset > segment.base();
        segment.extend(
            seal.offset,
            seal.position,
            index.first_time().filter(|_| full),
            time.filter(|_| full),
        );
        segment.set_sealed();
        if !clean {
            let (fs, path) = (self.context.fs.as_ref(), segment.index_path());
            replace_file(fs, path, &index.encode(self.id, segment.base()))
                .map_err(DiskError::new("replace", path))?;
        }
        if self.known < seal.offset {
            let place = index.at_offset(segment.base(), self.known);
            let scan = Scan::new(file, self.id, place, seal.position);
            self.learn_producers(scan, index.holes(), (file, seal.position), segment.path())?;
        }
        self.writer.next_offset = seal.offset;
        self.writer.last_time = time.or(self.writer.last_time);
        Ok(())
    }

    /// Reads headers to the end of the scan and notes their producers. What is known to be lost is passed over.
    fn learn_producers<'f>(
        &mut self,
        mut scan: Scan<'f>,
        holes: &[Hole],
        (file, end): (&'f dyn File, u64),
        path: &str,
    ) -> Result<(), OpenError> {
        loop {
            let place = (scan.position(), scan.offset());
            if let Some(hole) = holes.iter().find(|hole| hole.from == place) {
                scan = Scan::new(file, self.id, hole.to, end);
            }
            match scan
                .next_header_only()
                .map_err(DiskError::new("read", path))?
            {
                Ok(header) if header.next_offset() > self.known => {
                    self.writer.producers.record(&header);
                }
                Ok(_) => {}
                Err(Scanned::Bad(what)) => {
                    return Err(Self::corrupted(path, scan.position(), what));
                }
                Err(_) => return Ok(()),
            }
        }
    }

    fn unsealed(
        &mut self,
        segment: &Arc<Segment>,
        file: &dyn File,
        index: Index,
        index_len: u64,
        len: u64,
    ) -> Result<(), OpenError> {
        let base = segment.base();
        let path = segment.path();
        let last = index.last().copied();
        let (position, offset) = last.map_or((FIRST_BATCH, base), |e| (e.position, e.offset));
        if self.known < offset {
            let place = index.at_offset(base, self.known);
            let scan = Scan::new(file, self.id, place, position);
            self.learn_producers(scan, index.holes(), (file, position), path)?;
        }
        let sparse = |entry: &&IndexEntry| entry.kind == EntryKind::Sparse;
        let indexed = index
            .entries()
            .iter()
            .rev()
            .find(sparse)
            .map_or(0, |e| e.position);
        let mut time = last.map(|e| e.time_ms).filter(|&time| time != i64::MIN);
        let first_time = index.first_time();
        segment.with_index(|resident| *resident = index);
        let mut active = Active {
            segment: segment.clone(),
            file: None,
            direct: None,
            position,
            indexed,
            pending: Vec::new(),
            index_len,
            checkpointed: if last.is_some() { position } else { 0 },
        };
        let mut scan = Scan::new(file, self.id, (position, offset), len);
        let mut end = (offset, first_time);
        loop {
            let batch = match scan.next().map_err(DiskError::new("read", path))? {
                Scanned::Batch(batch) => batch,
                // A later build wrote it: that is not what a stop leaves, and must not be cut.
                Scanned::Bad(UNKNOWN_VERSION) => return Err(Self::unknown(path, &scan)),
                Scanned::Bad(_) | Scanned::End => break,
            };
            let header = batch.header();
            active.index(header, active.position);
            active.position = scan.position();
            end = (header.next_offset(), end.1.or(Some(header.append_time_ms)));
            time = Some(header.append_time_ms);
            if self.known == u64::MAX || header.next_offset() > self.known {
                self.writer.producers.record(header);
            }
        }
        if active.position < len {
            file.set_len(active.position)
                .map_err(DiskError::new("cut", path))?;
            // What was cut must not come back behind what is written here next: sync before anything else.
            active.checkpointed = 0;
        }
        self.writer.next_offset = end.0;
        self.writer.last_time = time.or(self.writer.last_time);
        segment.extend(end.0, active.position, end.1, time.filter(|_| end.0 > base));
        self.writer.active = Some(active);
        Ok(())
    }

    fn finish(mut self) -> RecoveredLog {
        let writer = &mut self.writer;
        if writer.is_dirty() {
            // After a kill the names may be in memory only, though the files are there.
            writer.names.0 += 1;
        }
        if writer.producers_from < writer.next_offset {
            // Written anew at the next occasion, so that the next recovery reads less.
            writer.written = self.context.options.segment_bytes.saturating_add(1);
        }
        // What retention has deleted can not be asked for its producers any more.
        let deleted = self.chain.first().is_none_or(|first| first.base() > 0);
        let doubt = (self.bad_snapshot && deleted).then(|| Corruption {
            file: format!("{}/{}", self.dir, snapshot::FILE),
            position: 0,
            what: "it does not match its checksum; producers that were last heard of in deleted segments are forgotten",
        });
        RecoveredLog {
            writer: self.writer,
            chain: self.chain,
            doubt,
            told: self.told,
        }
    }
}
