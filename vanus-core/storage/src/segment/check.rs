//! Verifying a whole segment, batch by batch: both checksums, dense offsets, times that never go back, and whether its
//! index agrees. Scrub, verify and repair all read through here; what to do about damage is theirs.

use std::{io, sync::Arc};

use vanus_types::{BatchHeader, EventlogId};

use super::{
    INDEX_EVERY, Index,
    layout::{EntryKind, FIRST_BATCH, FORMAT, IndexEntry, SegmentHeader},
    scan::{Paused, Scan, Scanned},
};
use crate::{
    fs::{File, read_full_at},
    store::{Corruption, DiskError, OpenError},
};

/// Whether the header of segment `base` of `log` is whole; an error when it is whole and says something else.
pub(crate) fn read_header(
    file: &dyn File,
    path: &str,
    (log, base): (EventlogId, u64),
) -> Result<bool, OpenError> {
    let mut bytes = vec![0; FIRST_BATCH as usize];
    let read = read_full_at(file, &mut bytes, 0).map_err(DiskError::new("read", path))?;
    bytes.truncate(read);
    match SegmentHeader::decode(&bytes) {
        Ok(Some(header)) if header.log == log && header.base == base => {
            Ok(read as u64 == FIRST_BATCH)
        }
        Ok(Some(_)) => Err(Corruption {
            file: path.to_owned(),
            position: 0,
            what: "the header belongs to another segment",
        }
        .into()),
        Ok(None) => Ok(false),
        Err(found) => Err(OpenError::UnknownFormat {
            file: path.to_owned(),
            found,
            known: FORMAT,
        }),
    }
}

/// What lies at the next place of a segment.
#[derive(Debug)]
pub(crate) enum Checked {
    /// A batch as it has to be.
    Batch(BatchHeader),
    /// Nothing that can be read; the check stays there until it is told where to go on.
    Bad(&'static str),
    /// What a repair gave up; the check goes on behind it.
    Lost,
    /// The end that was asked for.
    End,
}

/// One segment under check. Nothing is held but its handle and what was read ahead, so it may rest between steps.
#[derive(Debug)]
pub(crate) struct SegmentCheck {
    log: EventlogId,
    file: Arc<dyn File>,
    paused: Paused,
    end: u64,
    block_len: usize,
    first_time: Option<i64>,
    last_time: Option<i64>,
    /// The index as it was found, and how many of its entries are passed.
    index: Index,
    passed: usize,
    disagrees: bool,
    /// The index as it should be: sparse entries and holes.
    made: Index,
    indexed: u64,
    read: u64,
    unknown: u32,
}

impl SegmentCheck {
    /// Checks `file` up to position `end` against `index`, reading `block_len` bytes at a time.
    pub(crate) fn new(
        file: Arc<dyn File>,
        (log, base): (EventlogId, u64),
        index: Index,
        end: u64,
        block_len: usize,
    ) -> SegmentCheck {
        SegmentCheck {
            log,
            file,
            paused: Paused::at((FIRST_BATCH, base)),
            end,
            block_len,
            first_time: None,
            last_time: None,
            index,
            passed: 0,
            disagrees: false,
            made: Index::default(),
            indexed: 0,
            read: 0,
            unknown: 0,
        }
    }

    /// The file under check.
    pub(crate) fn file(&self) -> Arc<dyn File> {
        self.file.clone()
    }

    /// The position and offset of what comes next.
    pub(crate) fn place(&self) -> (u64, u64) {
        self.paused.place()
    }

    /// Append time of the first batch.
    pub(crate) fn first_time(&self) -> Option<i64> {
        self.first_time
    }

    /// The version of a batch that is not known here, where such a one was met.
    pub(crate) fn unknown_version(&self) -> u32 {
        self.unknown
    }

    /// Bytes read from the file so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Whether every index entry so far fits what was read.
    pub(crate) fn index_agrees(&self) -> bool {
        !self.disagrees
    }

    /// Looks at what comes next.
    pub(crate) fn next(&mut self) -> io::Result<Checked> {
        let place = self.place();
        if let Some(hole) = self.index.holes().iter().find(|hole| hole.from == place) {
            let to = hole.to;
            self.give_up(to);
            return Ok(Checked::Lost);
        }
        let paused = std::mem::take(&mut self.paused);
        let back = Paused::at(paused.place());
        let mut scan =
            Scan::resume(self.file.as_ref(), self.log, paused, self.end).block_len(self.block_len);
        let found = scan.next();
        self.read += scan.bytes_read();
        match found {
            Ok(Scanned::Batch(batch)) => {
                self.paused = scan.pause();
                let header = *batch.header();
                if self
                    .last_time
                    .is_some_and(|last| header.append_time_ms < last)
                {
                    self.paused = back;
                    return Ok(Checked::Bad("the batch is older than the one before"));
                }
                self.batch(&header, place.0);
                Ok(Checked::Batch(header))
            }
            Ok(Scanned::Bad(what)) => {
                self.unknown = scan.unknown_version();
                self.paused = back;
                Ok(Checked::Bad(what))
            }
            Ok(Scanned::End) => {
                self.paused = scan.pause();
                self.pass_entries(place, None);
                Ok(Checked::End)
            }
            Err(e) => {
                self.paused = back;
                Err(e)
            }
        }
    }

    fn batch(&mut self, header: &BatchHeader, position: u64) {
        self.pass_entries((position, header.base_offset), Some(header.append_time_ms));
        if self.indexed == 0 || position - self.indexed >= INDEX_EVERY {
            self.made_entry(
                (position, header.base_offset),
                header.append_time_ms,
                EntryKind::Sparse,
            );
            self.indexed = position;
        }
        self.first_time.get_or_insert(header.append_time_ms);
        self.last_time = Some(header.append_time_ms);
    }

    fn made_entry(&mut self, (position, offset): (u64, u64), time_ms: i64, kind: EntryKind) {
        self.made.push(IndexEntry {
            offset,
            position,
            time_ms,
            kind,
        });
    }

    /// Holds the entries up to a place against it; `time` is that of the batch which begins there.
    fn pass_entries(&mut self, (position, offset): (u64, u64), time: Option<i64>) {
        while let Some(entry) = self.index.entries().get(self.passed) {
            if entry.position > position {
                return;
            }
            let same_time = match entry.kind {
                EntryKind::Sparse => time == Some(entry.time_ms),
                // Before the first batch it is that of another segment, or none.
                EntryKind::Checkpoint | EntryKind::Sealed => {
                    self.last_time.is_none_or(|last| last == entry.time_ms)
                }
                EntryKind::Lost => true,
            };
            self.disagrees |= (entry.position, entry.offset) != (position, offset) || !same_time;
            self.passed += 1;
            if entry.kind == EntryKind::Lost {
                // The entry behind it is about another offset, possibly at the same position.
                return;
            }
        }
    }

    /// Goes on at another place, with everything up to there lost.
    pub(crate) fn give_up(&mut self, to: (u64, u64)) {
        let (from, time) = (self.place(), self.last_time.unwrap_or(i64::MIN));
        self.pass_entries(from, None);
        self.made_entry(from, time, EntryKind::Lost);
        // The next batch gets an entry of its own, or whoever finishes the index does.
        self.indexed = 0;
        let behind = |entry: &&IndexEntry| entry.position < to.0;
        self.passed += self
            .index
            .entries()
            .get(self.passed..)
            .unwrap_or_default()
            .iter()
            .take_while(behind)
            .count();
        self.paused = Paused::at(to);
    }

    /// The index as it should be, ending in an entry of `kind` where the check is.
    pub(crate) fn made_index(&self, kind: EntryKind) -> Index {
        let mut made = self.made.clone();
        let (position, offset) = self.place();
        let last = self.index.last().map(|entry| entry.time_ms);
        made.push(IndexEntry {
            offset,
            position,
            time_ms: self.last_time.or(last).unwrap_or(i64::MIN),
            kind,
        });
        made
    }

    /// The next entry of the index as it was found that lies behind `position`.
    pub(crate) fn entry_behind(&self, position: u64) -> Option<IndexEntry> {
        let mut entries = self.index.entries().iter();
        entries
            .find(|entry| entry.position > position && entry.kind != EntryKind::Lost)
            .copied()
    }
}
