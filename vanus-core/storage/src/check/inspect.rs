//! Describing a data directory: what is there, without judging it and without writing.

use vanus_types::{BatchHeader, EventlogId};

use super::eventlog::{bases, open};
use crate::{
    fs::{Fs, OpenMode, read_file},
    log::{Log, snapshot},
    segment::{FIRST_BATCH, SEGMENTS_DIR, Scan, Scanned, dir_log, segment_name},
    store::{DiskError, OpenError, superblock},
    wal::{WAL_DIR, read_checkpoint, survey},
};

/// A data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The random id of the store; absent when the superblock is missing or damaged.
    pub id: Option<[u8; 16]>,
    /// Frames of the write-ahead log up to this number are not needed; absent when the record is damaged.
    pub checkpoint: Option<u64>,
    /// The files of the write-ahead log, oldest first.
    pub wal: Vec<WalFileInfo>,
    /// The eventlogs that have files, sorted.
    pub eventlogs: Vec<EventlogInfo>,
    /// Whether there is a folder of metadata.
    pub metadata: bool,
}

/// A file of the write-ahead log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalFileInfo {
    /// The file, relative to the data directory.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Whole frames of its present life.
    pub frames: u64,
    /// Sequence numbers of the first and the last of them.
    pub sequence: Option<(u64, u64)>,
}

/// An eventlog as its files tell it; what is in the write-ahead log only is not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventlogInfo {
    /// The eventlog.
    pub id: EventlogId,
    /// Its segments, oldest first.
    pub segments: Vec<SegmentFile>,
    /// Idempotent producers in `producers.snap`, and the offset it stands for; absent when there is none that can be read.
    pub producers: Option<(u64, u64)>,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFile {
    /// Offset of the first event.
    pub base_offset: u64,
    /// The offset after the last event.
    pub end_offset: u64,
    /// Length of the file.
    pub bytes: u64,
    /// Whether it will not grow any more.
    pub sealed: bool,
    /// Append time of the first batch, in milliseconds since the Unix epoch.
    pub first_time_ms: Option<i64>,
    /// Append time of the last batch, in milliseconds since the Unix epoch.
    pub last_time_ms: Option<i64>,
    /// Events that a repair gave up.
    pub lost: u64,
}

/// A batch in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchInfo {
    /// First offset of its segment.
    pub segment: u64,
    /// Where it begins in the file, in bytes.
    pub position: u64,
    /// Its header.
    pub header: BatchHeader,
}

/// Describes everything. Only headers and indexes are read. The caller holds the lock ([`super::lock`]).
///
/// # Errors
/// [`OpenError::Disk`], or [`OpenError::UnknownFormat`] for files of a later build.
pub fn inspect(fs: &dyn Fs) -> Result<Overview, OpenError> {
    let path = superblock::PATH;
    let bytes = read_file(fs, path, 1 << 20).map_err(DiskError::new("read", path))?;
    let id = match bytes.as_deref().map(superblock::decode) {
        Some(Err(e @ (OpenError::UnknownFormat { .. } | OpenError::Disk(_)))) => return Err(e),
        Some(Ok(id)) => Some(id),
        _ => None,
    };
    let checkpoint = match read_checkpoint(fs) {
        Err(OpenError::Corrupted(_)) => None,
        other => Some(other?),
    };
    let there = |dir| fs.exists(dir).map_err(DiskError::new("look at", dir));
    let wal = if there(WAL_DIR)? {
        survey(fs)?
    } else {
        Vec::new()
    };
    let mut eventlogs = Vec::new();
    if there(SEGMENTS_DIR)? {
        let names = fs
            .list_dir(SEGMENTS_DIR)
            .map_err(DiskError::new("list", SEGMENTS_DIR))?;
        for log in names.iter().filter_map(|entry| dir_log(&entry.name)) {
            eventlogs.push(eventlog(fs, log)?);
        }
    }
    let info = |file: crate::wal::WalFile| WalFileInfo {
        path: file.path,
        bytes: file.bytes,
        frames: file.frames,
        sequence: file.sequence,
    };
    Ok(Overview {
        id,
        checkpoint,
        wal: wal.into_iter().map(info).collect(),
        eventlogs,
        metadata: there("meta")?,
    })
}

fn eventlog(fs: &dyn Fs, log: EventlogId) -> Result<EventlogInfo, OpenError> {
    let dir = Log::dir_of(log);
    let segments = bases(fs, &dir)?;
    let segments: Result<Vec<_>, _> = segments
        .iter()
        .map(|&base| segment(fs, log, base))
        .collect();
    let path = format!("{dir}/{}", snapshot::FILE);
    let bytes = read_file(fs, &path, snapshot::MAX_BYTES).map_err(DiskError::new("read", path))?;
    let producers = bytes.and_then(|bytes| snapshot::decode(&bytes, log, usize::MAX));
    Ok(EventlogInfo {
        id: log,
        segments: segments?,
        producers: producers.map(|(producers, offset)| (producers.iter().count() as u64, offset)),
    })
}

fn segment(fs: &dyn Fs, log: EventlogId, base: u64) -> Result<SegmentFile, OpenError> {
    let opened = open(fs, log, base)?;
    let last = opened.index.last().copied();
    let place = last.map_or((FIRST_BATCH, base), |last| (last.position, last.offset));
    let mut info = SegmentFile {
        base_offset: base,
        end_offset: place.1,
        bytes: opened.len,
        sealed: opened.index.sealed().is_some(),
        first_time_ms: opened.index.first_time(),
        last_time_ms: last
            .map(|last| last.time_ms)
            .filter(|time| *time != i64::MIN),
        lost: opened
            .index
            .holes()
            .iter()
            .map(|hole| hole.to.1 - hole.from.1)
            .sum(),
    };
    if !info.sealed {
        // What is not whole is the end.
        let _end = headers(fs, log, (base, place, opened.len), &mut |_, header| {
            info.end_offset = header.next_offset();
            info.first_time_ms.get_or_insert(header.append_time_ms);
            info.last_time_ms = Some(header.append_time_ms);
        })?;
    }
    if info.end_offset == base {
        (info.first_time_ms, info.last_time_ms) = (None, None);
    }
    Ok(info)
}

fn headers(
    fs: &dyn Fs,
    log: EventlogId,
    (base, place, end): (u64, (u64, u64), u64),
    visit: &mut dyn FnMut(u64, BatchHeader),
) -> Result<Result<(), (u64, &'static str)>, OpenError> {
    let path = format!("{}/{}", Log::dir_of(log), segment_name(base));
    let file = fs
        .open(&path, OpenMode::Read)
        .map_err(DiskError::new("open", path.as_str()))?;
    let mut scan = Scan::new(file.as_ref(), log, place, end);
    loop {
        let position = scan.position();
        let next = scan.next_header_only();
        match next.map_err(DiskError::new("read", path.as_str()))? {
            Ok(header) => visit(position, header),
            Err(Scanned::Bad(what)) => return Ok(Err((position, what))),
            Err(_) => return Ok(Ok(())),
        }
    }
}

/// Hands every batch of an eventlog's segments to `visit`, from its header; what can not be read is passed over up to the
/// next index entry.
///
/// # Errors
/// As [`inspect`].
pub fn batches(
    fs: &dyn Fs,
    log: EventlogId,
    visit: &mut dyn FnMut(BatchInfo),
) -> Result<(), OpenError> {
    for base in bases(fs, &Log::dir_of(log))? {
        let opened = open(fs, log, base)?;
        let end = opened
            .index
            .sealed()
            .map_or(opened.len, |seal| seal.position);
        let mut place = (FIRST_BATCH, base);
        let mut told = |position, header| {
            visit(BatchInfo {
                segment: base,
                position,
                header,
            });
        };
        while let Err((position, _)) = headers(fs, log, (base, place, end), &mut told)? {
            match opened.check.entry_behind(position) {
                Some(entry) => place = (entry.position, entry.offset),
                None => break,
            }
        }
    }
    Ok(())
}
