//! The files of one eventlog: every byte of every segment, its index, the chain they make, and `producers.snap`. The rules
//! are those of recovery (`log/recover.rs`); here nothing is changed.

use vanus_types::EventlogId;

use super::{
    problem::{Mend, NOTHING, Problem, Severity},
    repair::go_on_at,
};
use crate::{
    fs::{Fs, OpenMode, read_file},
    log::{Log, producers::Producers, snapshot},
    segment::{
        Checked, EntryKind, FIRST_BATCH, Index, MAX_INDEX_BYTES, SegmentCheck, UNKNOWN_VERSION,
        base_of, index_name, read_header, segment_name,
    },
    store::{DiskError, OpenError},
};

/// Bytes read with one call.
const BLOCK: usize = 1024 * 1024;

/// What the files of an eventlog hold.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) problems: Vec<Problem>,
    /// The first offset, where there is a segment.
    pub(super) start: Option<u64>,
    /// Where the segments end, as far as recovery takes them.
    pub(super) end: u64,
    /// A place where recovery cuts, and nothing proves that it was never durable.
    pub(super) cut: Option<(String, u64)>,
    /// Whether a checkpoint ever told of these files.
    pub(super) told: bool,
    /// The offset `producers.snap` stands for.
    pub(super) producers: Option<u64>,
    pub(super) batches: u64,
    pub(super) events: u64,
    pub(super) segments: u64,
    pub(super) bytes: u64,
}

/// What is told of progress: bytes read so far.
pub(super) type Progress<'a> = dyn FnMut(u64) + 'a;

/// The first offsets of an eventlog's segments.
pub(super) fn bases(fs: &dyn Fs, dir: &str) -> Result<Vec<u64>, OpenError> {
    let names = fs.list_dir(dir).map_err(DiskError::new("list", dir))?;
    Ok(names
        .iter()
        .filter_map(|entry| base_of(&entry.name, ".seg"))
        .collect())
}

/// The check of one segment with its index, as far as the index lets it; the index as found, and its bytes.
pub(super) struct Opened {
    pub(super) check: SegmentCheck,
    pub(super) index: Index,
    pub(super) index_bytes: Option<Vec<u8>>,
    pub(super) len: u64,
    pub(super) good_header: bool,
}

pub(super) fn open(fs: &dyn Fs, log: EventlogId, base: u64) -> Result<Opened, OpenError> {
    let dir = Log::dir_of(log);
    let path = format!("{dir}/{}", segment_name(base));
    let index_path = format!("{dir}/{}", index_name(base));
    let file = fs
        .open(&path, OpenMode::Read)
        .map_err(DiskError::new("open", path.as_str()))?;
    let len = file
        .len()
        .map_err(DiskError::new("look at", path.as_str()))?;
    let good_header = match read_header(file.as_ref(), &path, (log, base)) {
        Err(OpenError::Corrupted(_)) => false,
        other => other?,
    };
    let index_bytes =
        read_file(fs, &index_path, MAX_INDEX_BYTES).map_err(DiskError::new("read", index_path))?;
    let bytes = index_bytes.as_deref().unwrap_or_default();
    let index = Index::decode(bytes, log, base).index;
    let end = index.sealed().map_or(len, |seal| seal.position.min(len));
    let check = SegmentCheck::new(file, (log, base), index.clone(), end, BLOCK);
    Ok(Opened {
        check,
        index,
        index_bytes,
        len,
        good_header,
    })
}

struct Look<'a> {
    fs: &'a dyn Fs,
    log: EventlogId,
    dir: String,
    found: Found,
    producers: Producers,
    progress: &'a mut Progress<'a>,
}

/// Reads everything of eventlog `log`.
pub(super) fn check<'a>(
    fs: &'a dyn Fs,
    log: EventlogId,
    progress: &'a mut Progress<'a>,
) -> Result<Found, OpenError> {
    let dir = Log::dir_of(log);
    let bases = bases(fs, &dir)?;
    let mut look = Look {
        fs,
        log,
        dir,
        found: Found::default(),
        producers: Producers::new(usize::MAX),
        progress,
    };
    look.leftovers(&bases)?;
    let mut broken = false;
    for (at, &base) in bases.iter().enumerate() {
        broken = look.segment(base, bases.get(at + 1).copied(), broken)?;
    }
    look.snapshot()?;
    Ok(look.found)
}

impl Look<'_> {
    fn problem(
        &mut self,
        severity: Severity,
        (file, position): (&str, u64),
        what: &str,
        loss: String,
        mend: Mend,
    ) {
        self.found.problems.push(Problem {
            severity,
            file: file.to_owned(),
            position,
            what: what.to_owned(),
            loss,
            mend,
        });
    }

    fn leftovers(&mut self, bases: &[u64]) -> Result<(), OpenError> {
        let dir = self.dir.clone();
        let names = self
            .fs
            .list_dir(&dir)
            .map_err(DiskError::new("list", dir.as_str()))?;
        for name in names {
            let orphan = base_of(&name.name, ".idx").is_some_and(|base| !bases.contains(&base));
            let path = format!("{dir}/{}", name.name);
            if name.name.ends_with(".tmp") {
                let what = "a file that was about to replace another";
                let (nothing, mend) = (NOTHING.to_owned(), Mend::Recovery);
                self.problem(Severity::Note, (&path, 0), what, nothing, mend);
            } else if orphan {
                // Retention removes the segment first, and a power loss may come between.
                let bytes = read_file(self.fs, &path, MAX_INDEX_BYTES)
                    .map_err(DiskError::new("read", path.as_str()))?;
                let base = base_of(&name.name, ".idx").unwrap_or(0);
                let entries = Index::decode(&bytes.unwrap_or_default(), self.log, base).index;
                let last = entries.last().map_or(base, |last| last.offset);
                let first = bases.first().copied();
                let expired = last == base || first.is_none_or(|first| base < first);
                let (severity, loss) = if expired {
                    (Severity::Note, NOTHING.to_owned())
                } else {
                    (Severity::Damage, lost(base, last))
                };
                let what = "an index without its segment";
                self.problem(severity, (&path, 0), what, loss, Mend::Recovery);
            }
        }
        Ok(())
    }

    /// Checks one segment; answers whether what follows has to come from the write-ahead log.
    fn segment(&mut self, base: u64, next: Option<u64>, broken: bool) -> Result<bool, OpenError> {
        let path = format!("{}/{}", self.dir, segment_name(base));
        let mut opened = open(self.fs, self.log, base)?;
        self.found.segments += 1;
        self.found.bytes += opened.len;
        let follows = self.found.start.is_none() || self.found.end == base;
        let hole = Mend::Hole(self.log, base);
        if broken || !opened.good_header || !follows {
            return Ok(self.out_of_line(&path, base, &opened));
        }
        self.found.told |= !opened.index.entries().is_empty();
        if self.found.start.is_none() {
            self.found.start = Some(base);
        }
        let durable = opened
            .index
            .last()
            .map_or(FIRST_BATCH, |last| last.position);
        let durable_end = opened.index.last().map_or(base, |last| last.offset);
        let damaged = self.read(&path, &mut opened, durable, next, hole)?;
        let (position, offset) = opened.check.place();
        if opened.len < durable || (position <= durable && offset < durable_end) {
            if opened.len < durable {
                let what = "the file is shorter than its index says";
                self.problem(
                    Severity::Damage,
                    (&path, opened.len),
                    what,
                    lost(offset, durable_end),
                    hole,
                );
            }
            self.found.end = durable_end;
        } else {
            self.found.end = offset;
        }
        if !damaged && opened.len >= durable {
            self.index(base, &opened);
        }
        Ok(false)
    }

    /// A segment that does not fit behind the one before, or whose header is damaged; answers as [`Look::segment`].
    fn out_of_line(&mut self, path: &str, base: u64, opened: &Opened) -> bool {
        let Some(last) = opened.index.last().copied() else {
            let what = "a segment that nothing was ever promised of";
            let nothing = NOTHING.to_owned();
            self.problem(Severity::Note, (path, 0), what, nothing, Mend::Recovery);
            return true;
        };
        self.found.told = true;
        if opened.good_header {
            let what = "the segment does not continue the one before";
            let loss = lost(self.found.end, base);
            self.problem(Severity::Damage, (path, 0), what, loss, Mend::Nothing);
        } else {
            let what = "the header does not match its checksum, and the store does not open";
            let loss = "nothing, once the header is made anew".to_owned();
            self.problem(
                Severity::Damage,
                (path, 0),
                what,
                loss,
                Mend::Index(self.log, base),
            );
        }
        self.found.end = last.offset;
        self.found.start.get_or_insert(base);
        false
    }

    /// Reads a segment to its end; says whether something that was durable is damaged.
    fn read(
        &mut self,
        path: &str,
        opened: &mut Opened,
        durable: u64,
        next: Option<u64>,
        hole: Mend,
    ) -> Result<bool, OpenError> {
        let (mut damaged, mut told) = (false, 0);
        loop {
            let step = opened.check.next();
            let step = step.map_err(DiskError::new("read", path))?;
            let read = opened.check.bytes_read();
            (self.progress)(read - told);
            told = read;
            let (position, offset) = opened.check.place();
            match step {
                Checked::Batch(header) => {
                    self.found.batches += 1;
                    self.found.events += u64::from(header.count);
                    self.producers.record(&header);
                }
                Checked::Lost => {
                    let what = "a repair gave up what was here";
                    let loss = format!("told of and accepted: what is before offset {offset}");
                    self.problem(Severity::Note, (path, position), what, loss, Mend::Nothing);
                }
                Checked::End => return Ok(damaged),
                Checked::Bad(UNKNOWN_VERSION) => {
                    return Err(OpenError::UnknownFormat {
                        file: path.to_owned(),
                        found: opened.check.unknown_version(),
                        known: 1,
                    });
                }
                Checked::Bad(what)
                    if position < durable || next.is_some_and(|next| next > offset) =>
                {
                    damaged = true;
                    let entry = opened.check.entry_behind(position);
                    let Some(entry) = entry.filter(|entry| entry.position <= opened.len) else {
                        let to = entry.map(|entry| entry.offset).or(next).unwrap_or(offset);
                        let loss = lost(offset, to);
                        self.problem(Severity::Damage, (path, position), what, loss, hole);
                        return Ok(damaged);
                    };
                    let limit = (entry.position, entry.offset);
                    let file = opened.check.file();
                    let to = go_on_at(file.as_ref(), self.log, (position, offset), limit)
                        .map_err(DiskError::new("read", path))?;
                    let loss = lost(offset, to.1);
                    self.problem(Severity::Damage, (path, position), what, loss, hole);
                    opened.check.give_up(to);
                }
                Checked::Bad(_) => {
                    self.found.cut = Some((path.to_owned(), position));
                    return Ok(damaged);
                }
            }
        }
    }

    fn index(&mut self, base: u64, opened: &Opened) {
        let path = format!("{}/{}", self.dir, index_name(base));
        let whole = opened.index.encode(self.log, base);
        let nothing = NOTHING.to_owned();
        let mend = Mend::Index(self.log, base);
        match &opened.index_bytes {
            None => self.problem(
                Severity::Mendable,
                (&path, 0),
                "it is missing",
                nothing,
                mend,
            ),
            Some(bytes) if *bytes != whole => {
                let same = bytes.iter().zip(&whole).take_while(|(a, b)| a == b).count();
                // Behind its last whole entry an index that grows may hold what a loss of power left.
                let torn = same == whole.len() && opened.index.sealed().is_none();
                let (severity, what) = if torn {
                    (Severity::Note, "it ends in a piece of an entry")
                } else {
                    (Severity::Mendable, "an entry does not match its checksum")
                };
                let at = same as u64 / 32 * 32;
                self.problem(severity, (&path, at), what, nothing, mend);
            }
            Some(_) if !opened.check.index_agrees() => {
                let what = "it does not agree with its segment";
                self.problem(Severity::Mendable, (&path, 0), what, nothing, mend);
            }
            Some(_) => {}
        }
    }

    fn snapshot(&mut self) -> Result<(), OpenError> {
        let path = format!("{}/{}", self.dir, snapshot::FILE);
        let bytes = read_file(self.fs, &path, snapshot::MAX_BYTES)
            .map_err(DiskError::new("read", path.as_str()))?;
        let Some(bytes) = bytes else { return Ok(()) };
        (self.progress)(bytes.len() as u64);
        snapshot::check_format(&bytes, &path)?;
        self.found.told = true;
        if let Some((_, offset)) = snapshot::decode(&bytes, self.log, usize::MAX) {
            self.found.producers = Some(offset);
            return Ok(());
        }
        let deleted = self.found.start.is_none_or(|start| start > 0);
        let what = "it does not match its checksum";
        let (severity, loss) = if deleted {
            let loss = "producers that were last heard of in deleted segments";
            (Severity::Doubt, loss.to_owned())
        } else {
            (Severity::Mendable, NOTHING.to_owned())
        };
        self.problem(severity, (&path, 0), what, loss, Mend::Producers(self.log));
        Ok(())
    }
}

/// The events from one offset to before another.
pub(super) fn lost(from: u64, to: u64) -> String {
    match to.saturating_sub(from) {
        0 => "how many events is not known".to_owned(),
        1 => format!("the event at offset {from}"),
        _ => format!("events {from} to {}", to - 1),
    }
}

/// The kind of the last entry of a segment's index that is made anew.
pub(super) fn last_kind(sealed: bool) -> EntryKind {
    if sealed {
        EntryKind::Sealed
    } else {
        EntryKind::Checkpoint
    }
}
