//! Verifying a whole data directory.

use std::collections::BTreeMap;

use vanus_types::EventlogId;

use super::{
    eventlog::{self, Found, Progress, lost},
    problem::{Mend, NOTHING, Problem, Severity},
};
use crate::{
    fs::{Fs, OpenMode, read_file, read_full_at},
    log::Log,
    segment::{SEGMENTS_DIR, dir_log},
    store::{DiskError, OpenError, superblock},
    wal::{Entry, Missing, WAL_DIR, checkpoint_path, encode_checkpoint, read_checkpoint, replay},
};

/// More than any record that is held twice takes.
const MOST_RECORD: u64 = 1024 * 1024;
/// Bytes of a file of the metadata read with one call.
const BLOCK: usize = 1024 * 1024;

/// What verifying found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is not as it should be, in the order it was met.
    pub problems: Vec<Problem>,
    /// Eventlogs.
    pub eventlogs: u64,
    /// Segment files.
    pub segments: u64,
    /// Batches in segment files whose checksums hold.
    pub batches: u64,
    /// Events in these batches.
    pub events: u64,
    /// Bytes of segment files.
    pub bytes: u64,
    /// Files of the metadata, which were read to their ends; only opening it tells whether they make sense.
    pub meta_files: u64,
}

impl Report {
    /// Whether there is nothing but what a stop leaves.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let note = |problem: &Problem| problem.severity == Severity::Note;
        self.problems.iter().all(note)
    }

    fn add(&mut self, severity: Severity, at: (&str, u64), what: &str, loss: &str, mend: Mend) {
        self.problems.push(Problem {
            severity,
            file: at.0.to_owned(),
            position: at.1,
            what: what.to_owned(),
            loss: loss.to_owned(),
            mend,
        });
    }
}

/// What the write-ahead log says of one eventlog: created there, deleted there, and the ranges of offsets it holds.
#[derive(Debug, Default)]
struct Logged {
    created: bool,
    deleted: bool,
    ranges: Vec<(u64, u64)>,
}

/// Reads every byte of every file and holds the files against each other. Nothing is written. `progress` is told of the
/// bytes read since it was told last. The caller holds the lock ([`super::lock`]).
///
/// # Errors
/// [`OpenError::Disk`] when the disk refuses to read, [`OpenError::UnknownFormat`] for files of a later build. Damage is no
/// error but in the report.
pub fn verify(fs: &dyn Fs, progress: &mut dyn FnMut(u64)) -> Result<Report, OpenError> {
    let mut report = Report::default();
    superblock_of(fs, &mut report)?;
    let checkpoint = checkpoint_of(fs, &mut report)?;
    let mut logged = BTreeMap::new();
    let whole = checkpoint && wal(fs, &mut report, &mut logged, progress)?;
    eventlogs(fs, &mut report, &mut logged, whole, progress)?;
    meta(fs, "meta", &mut report, progress)?;
    Ok(report)
}

fn superblock_of(fs: &dyn Fs, report: &mut Report) -> Result<(), OpenError> {
    let path = superblock::PATH;
    let bytes = read_file(fs, path, MOST_RECORD).map_err(DiskError::new("read", path))?;
    let Some(bytes) = bytes else {
        let (what, loss) = ("it is missing", "the store does not open");
        report.add(Severity::Damage, (path, 0), what, loss, Mend::Nothing);
        return Ok(());
    };
    match superblock::decode(&bytes) {
        Ok(id) => copies(
            report,
            path,
            &bytes,
            &superblock::encode(id),
            Mend::Superblock,
        ),
        Err(OpenError::Corrupted(e)) => {
            let loss = "the store does not open";
            report.add(Severity::Damage, (path, 0), e.what, loss, Mend::Nothing);
        }
        Err(e) => return Err(e),
    }
    Ok(())
}

/// A file that holds a record twice, against what it should be.
fn copies(report: &mut Report, path: &str, bytes: &[u8], good: &[u8], mend: Mend) {
    if bytes != good {
        let same = bytes.iter().zip(good).take_while(|(a, b)| a == b).count();
        let what = "one of its two copies, or what is between them, is damaged";
        report.add(Severity::Mendable, (path, same as u64), what, NOTHING, mend);
    }
}

/// Whether the record can be read.
fn checkpoint_of(fs: &dyn Fs, report: &mut Report) -> Result<bool, OpenError> {
    let path = checkpoint_path();
    let read = read_checkpoint(fs);
    let bytes = read_file(fs, &path, MOST_RECORD).map_err(DiskError::new("read", path.as_str()))?;
    match (read, bytes) {
        (Ok(lsn), Some(bytes)) => {
            copies(
                report,
                &path,
                &bytes,
                &encode_checkpoint(lsn),
                Mend::Checkpoint,
            );
        }
        (Ok(_), None) => {}
        (Err(OpenError::Corrupted(e)), _) => {
            let loss = "the store does not open";
            report.add(Severity::Damage, (&path, 0), e.what, loss, Mend::Nothing);
            return Ok(false);
        }
        (Err(e), _) => return Err(e),
    }
    Ok(true)
}

/// Reads the write-ahead log as recovery does; says whether all that is needed of it is there.
fn wal(
    fs: &dyn Fs,
    report: &mut Report,
    logged: &mut BTreeMap<EventlogId, Logged>,
    progress: &mut dyn FnMut(u64),
) -> Result<bool, OpenError> {
    if !fs
        .exists(WAL_DIR)
        .map_err(DiskError::new("look at", WAL_DIR))?
    {
        let (what, loss) = ("it is missing", "what was not in segments yet");
        report.add(Severity::Damage, (WAL_DIR, 0), what, loss, Mend::Nothing);
        return Ok(false);
    }
    let mut visit = |_, entry: Entry| {
        match entry {
            Entry::Batch(batch) => {
                let header = batch.header();
                progress(batch.len() as u64);
                let ranges = &mut logged.entry(header.eventlog).or_default().ranges;
                match ranges.last_mut() {
                    Some((_, end)) if *end == header.base_offset => *end = header.next_offset(),
                    _ => ranges.push((header.base_offset, header.next_offset())),
                }
            }
            Entry::LogCreated(log) => logged.entry(log).or_default().created = true,
            Entry::LogDeleted(log) => {
                let deleted = true;
                logged.insert(
                    log,
                    Logged {
                        deleted,
                        ..Logged::default()
                    },
                );
            }
        }
        Ok(())
    };
    match replay(fs, Missing::Damage, &mut visit) {
        Ok(found) => {
            if let Some(cut) = found.cut {
                let loss = "what was in that frame and in those behind it, if it was ever whole";
                let at = (cut.file.as_str(), cut.position);
                report.add(Severity::Doubt, at, cut.what, loss, Mend::Recovery);
            }
            Ok(true)
        }
        Err(OpenError::Corrupted(e)) => {
            let loss = "what was in that frame; the store does not open";
            let at = (e.file.as_str(), e.position);
            report.add(Severity::Damage, at, e.what, loss, Mend::Salvage);
            Ok(false)
        }
        Err(e) => Err(e),
    }
}

fn eventlogs(
    fs: &dyn Fs,
    report: &mut Report,
    logged: &mut BTreeMap<EventlogId, Logged>,
    whole: bool,
    progress: &mut Progress<'_>,
) -> Result<(), OpenError> {
    let there = fs.exists(SEGMENTS_DIR);
    let names = if there.map_err(DiskError::new("look at", SEGMENTS_DIR))? {
        fs.list_dir(SEGMENTS_DIR)
            .map_err(DiskError::new("list", SEGMENTS_DIR))?
    } else {
        Vec::new()
    };
    for log in names.iter().filter(|entry| entry.is_dir) {
        let Some(log) = dir_log(&log.name) else {
            continue;
        };
        let said = logged.remove(&log).unwrap_or_default();
        if said.deleted {
            let what = "files of an eventlog that was deleted";
            let dir = Log::dir_of(log);
            report.add(Severity::Note, (&dir, 0), what, NOTHING, Mend::Recovery);
            continue;
        }
        let mut told = |bytes: u64| progress(bytes);
        let found = eventlog::check(fs, log, &mut told)?;
        report.eventlogs += 1;
        report.segments += found.segments;
        report.batches += found.batches;
        report.events += found.events;
        report.bytes += found.bytes;
        together(report, log, &found, &said, whole);
        report.problems.extend(found.problems);
    }
    for (log, said) in logged.iter() {
        let Some((from, _)) = said.ranges.first().filter(|_| !said.created) else {
            continue;
        };
        let (dir, what) = (
            Log::dir_of(*log),
            "its files are missing, and the write-ahead log goes on behind them",
        );
        report.add(
            Severity::Damage,
            (&dir, 0),
            what,
            &lost(0, *from),
            Mend::Salvage,
        );
    }
    Ok(())
}

/// Holds the segments of an eventlog against the write-ahead log and its producers.
fn together(report: &mut Report, log: EventlogId, found: &Found, said: &Logged, whole: bool) {
    let mut end = found.end;
    if let Some((first, _)) = said.ranges.first()
        && found
            .start
            .is_some_and(|start| !found.told && *first < start)
    {
        end = *first;
    }
    let covered = |offset| {
        let mut ranges = said.ranges.iter();
        ranges.any(|(from, to)| (*from..*to).contains(&offset))
    };
    if let Some((file, position)) = &found.cut {
        let (severity, loss) = if whole && covered(found.end) {
            (Severity::Note, NOTHING)
        } else {
            (Severity::Doubt, "what lies behind, if it was ever whole")
        };
        let what = "nothing whole lies from here on; the next start cuts the file here";
        report.add(severity, (file, *position), what, loss, Mend::Recovery);
    }
    for (from, to) in &said.ranges {
        if *from > end {
            let (dir, what) = (
                Log::dir_of(log),
                "events before one in the write-ahead log are missing",
            );
            report.add(
                Severity::Damage,
                (&dir, 0),
                what,
                &lost(end, *from),
                Mend::Salvage,
            );
        }
        end = end.max(*to);
    }
    if found.producers.is_some_and(|offset| whole && offset > end) {
        let what = "events are missing that were there when producers.snap was written";
        let loss = lost(end, found.producers.unwrap_or(end));
        let dir = Log::dir_of(log);
        report.add(Severity::Damage, (&dir, 0), what, &loss, Mend::Nothing);
    }
}

/// Reads the files of the metadata to their ends.
fn meta(
    fs: &dyn Fs,
    dir: &str,
    report: &mut Report,
    progress: &mut dyn FnMut(u64),
) -> Result<(), OpenError> {
    if !fs.exists(dir).map_err(DiskError::new("look at", dir))? {
        return Ok(());
    }
    for entry in fs.list_dir(dir).map_err(DiskError::new("list", dir))? {
        let path = format!("{dir}/{}", entry.name);
        if entry.is_dir {
            meta(fs, &path, report, progress)?;
            continue;
        }
        let file = fs
            .open(&path, OpenMode::Read)
            .map_err(DiskError::new("open", path.as_str()))?;
        let (mut block, mut at) = (vec![0; BLOCK], 0);
        loop {
            let read = read_full_at(file.as_ref(), &mut block, at)
                .map_err(DiskError::new("read", path.as_str()))?;
            at += read as u64;
            progress(read as u64);
            if read < BLOCK {
                break;
            }
        }
        report.meta_files += 1;
    }
    Ok(())
}
