//! The sparse index of one segment in memory: where to start reading for an offset or a time.

use vanus_types::EventlogId;

use super::layout::{ENTRY_LEN, EntryKind, FIRST_BATCH, IndexEntry};

/// Bytes of segment between two sparse entries.
pub(crate) const INDEX_EVERY: u64 = 64 * 1024;

/// Entries in order of offset.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    entries: Vec<IndexEntry>,
    holes: Vec<Hole>,
}

/// What a repair gave up as lost: nothing between the two places can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hole {
    /// Position and offset of the first thing lost.
    pub(crate) from: (u64, u64),
    /// Position and offset where reading goes on.
    pub(crate) to: (u64, u64),
}

/// An index as read from its file.
#[derive(Debug)]
pub(crate) struct LoadedIndex {
    pub(crate) index: Index,
    /// Whether the file holds exactly these entries; otherwise it is to be written anew.
    pub(crate) clean: bool,
}

impl Index {
    /// Reads the entries that are whole and in order; one damaged entry does not hide those after it.
    pub(crate) fn decode(bytes: &[u8], log: EventlogId, base: u64) -> LoadedIndex {
        let mut index = Index::default();
        for chunk in bytes.chunks(ENTRY_LEN) {
            if let Some(entry) = IndexEntry::decode(chunk, log, base)
                && index.follows(&entry)
            {
                index.push(entry);
            }
        }
        let clean = index.entries.len() * ENTRY_LEN == bytes.len();
        LoadedIndex { index, clean }
    }

    fn follows(&self, entry: &IndexEntry) -> bool {
        match self.entries.last() {
            None => entry.position >= FIRST_BATCH,
            Some(last) => {
                last.kind != EntryKind::Sealed
                    && entry.offset >= last.offset
                    && entry.position >= last.position
            }
        }
    }

    pub(crate) fn encode(&self, log: EventlogId, base: u64) -> Vec<u8> {
        self.entries
            .iter()
            .flat_map(|entry| entry.encode(log, base))
            .collect()
    }

    pub(crate) fn entries(&self) -> &[IndexEntry] {
        &self.entries
    }

    pub(crate) fn push(&mut self, entry: IndexEntry) {
        let lost = self
            .entries
            .last()
            .filter(|last| last.kind == EntryKind::Lost);
        self.holes.extend(lost.map(|lost| Hole {
            from: (lost.position, lost.offset),
            to: (entry.position, entry.offset),
        }));
        self.entries.push(entry);
    }

    /// What is lost for good, in order.
    pub(crate) fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// Whether the event at `offset` is known to be lost.
    pub(crate) fn is_lost(&self, offset: u64) -> bool {
        let holds = |hole: &Hole| (hole.from.1..hole.to.1).contains(&offset);
        self.holes.iter().any(holds)
    }

    pub(crate) fn last(&self) -> Option<&IndexEntry> {
        self.entries.last()
    }

    /// The final entry of a segment that will not grow any more.
    pub(crate) fn sealed(&self) -> Option<&IndexEntry> {
        self.entries
            .last()
            .filter(|entry| entry.kind == EntryKind::Sealed)
    }

    /// Append time of the first batch.
    pub(crate) fn first_time(&self) -> Option<i64> {
        let at_start = self
            .entries
            .iter()
            .take_while(|entry| entry.position == FIRST_BATCH);
        at_start
            .filter(|entry| entry.kind == EntryKind::Sparse)
            .map(|entry| entry.time_ms)
            .next()
    }

    /// The position and offset of the batch from which to look for `offset`.
    pub(crate) fn at_offset(&self, base: u64, offset: u64) -> (u64, u64) {
        let after = self.entries.partition_point(|entry| entry.offset <= offset);
        let entry = after.checked_sub(1).and_then(|at| self.entries.get(at));
        entry.map_or((FIRST_BATCH, base), |entry| (entry.position, entry.offset))
    }

    /// The position and offset of a batch before which nothing was appended at `time_ms` or later.
    pub(crate) fn at_time(&self, base: u64, time_ms: i64) -> (u64, u64) {
        let after = self
            .entries
            .partition_point(|entry| entry.time_ms < time_ms);
        let entry = after.checked_sub(1).and_then(|at| self.entries.get(at));
        entry.map_or((FIRST_BATCH, base), |entry| (entry.position, entry.offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(offset: u64, kind: EntryKind) -> IndexEntry {
        let (position, time_ms) = (FIRST_BATCH + offset * 10, offset as i64 * 100);
        IndexEntry {
            offset,
            position,
            time_ms,
            kind,
        }
    }

    fn index(offsets: &[u64]) -> Index {
        let entries = offsets
            .iter()
            .map(|&offset| entry(offset, EntryKind::Sparse))
            .collect();
        let holes = Vec::new();
        Index { entries, holes }
    }

    #[test]
    fn looking_up_finds_the_last_entry_not_after() {
        let index = index(&[0, 10, 20]);
        assert_eq!(index.at_offset(0, 0).1, 0);
        assert_eq!(index.at_offset(0, 9).1, 0);
        assert_eq!(index.at_offset(0, 10).1, 10);
        assert_eq!(index.at_offset(0, 99), (FIRST_BATCH + 200, 20));
        assert_eq!(
            index.at_time(0, 1000).1,
            0,
            "an equal time may have begun earlier"
        );
        assert_eq!(index.at_time(0, 1001).1, 10);
        assert_eq!(index.at_time(0, i64::MIN), (FIRST_BATCH, 0));
        assert_eq!(Index::default().at_offset(7, 9), (FIRST_BATCH, 7));
    }

    #[test]
    fn a_damaged_entry_and_a_torn_end_are_passed_over() {
        let log = EventlogId::from_u64(1);
        let mut bytes = index(&[0, 10, 20]).encode(log, 0);
        assert!(Index::decode(&bytes, log, 0).clean);
        bytes[ENTRY_LEN] ^= 1;
        bytes.extend([1, 2, 3]);
        let loaded = Index::decode(&bytes, log, 0);
        assert!(!loaded.clean);
        let offsets: Vec<u64> = loaded.index.entries().iter().map(|e| e.offset).collect();
        assert_eq!(offsets, [0, 20]);
    }

    #[test]
    fn a_hole_reaches_from_a_lost_entry_to_the_next() {
        let log = EventlogId::from_u64(1);
        let mut index = index(&[0]);
        index.push(entry(5, EntryKind::Lost));
        index.push(entry(9, EntryKind::Sparse));
        let again = Index::decode(&index.encode(log, 0), log, 0).index;
        let place = |offset| (FIRST_BATCH + offset * 10, offset);
        let (from, to) = (place(5), place(9));
        assert_eq!(again.holes(), [Hole { from, to }]);
        assert!(!again.is_lost(4) && again.is_lost(5) && again.is_lost(8) && !again.is_lost(9));
        assert_eq!(again.at_offset(0, 9), to, "reading goes on behind it");
    }

    #[test]
    fn nothing_follows_the_seal() {
        let log = EventlogId::from_u64(1);
        let mut index = index(&[0]);
        index.push(entry(5, EntryKind::Sealed));
        index.push(entry(6, EntryKind::Sparse));
        let loaded = Index::decode(&index.encode(log, 0), log, 0);
        assert_eq!(loaded.index.sealed().unwrap().offset, 5);
        assert!(!loaded.clean);
    }
}
