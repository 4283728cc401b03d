//! The bytes of a segment file and of its index; pure, no I/O.
//!
//! An eventlog is the folder `segments/%016X` with, for each segment, `%020d.seg` and `%020d.idx`; the number is
//! the offset of the segment's first event. Little endian:
//!
//! ```text
//! segment: header, padded with zeros to 4096, then batches back to back (see the batch layout)
//!  0  [8]  magic "VANUSSEG"
//!  8  u32  CRC-32C of bytes 12..40
//! 12  u32  format version (1)
//! 16  u64  eventlog
//! 24  u64  offset of the first event, the one in the name
//! 32  i64  when the file was made, milliseconds since the Unix epoch
//!
//! index: entries of 32 bytes, appended only after the bytes they point at were synced
//!  0  u64  offset of a batch's first event
//!  8  u64  position of that batch in the segment
//! 16  i64  append time, milliseconds since the Unix epoch
//! 24  u32  kind: 1 sparse, 2 checkpoint, 3 sealed, 4 lost
//! 28  u32  CRC-32C of the eventlog (u64), the segment's first offset (u64) and bytes 0..28
//! ```
//!
//! - A *sparse* entry points at a batch and holds its append time; the first batch has one, and the first batch
//!   after every 64 KiB.
//! - A *checkpoint* entry points at the end as of a checkpoint: everything before was synced. It holds the time of
//!   the last batch before.
//! - A *sealed* entry is the same for a segment that will not grow any more, and the last one.
//! - A *lost* entry is made by a repair that was told to accept a loss: from its position and offset to those of the
//!   entry behind it nothing can be read. The two positions may be the same: then only offsets are passed over.

use vanus_types::{
    EventlogId,
    checksum::{crc32c, crc32c_of},
};

use crate::bytes::{put, u32_at, u64_at};

/// Where the first batch of a segment lies.
pub(crate) const FIRST_BATCH: u64 = 4096;
/// Length of an index entry.
pub(crate) const ENTRY_LEN: usize = 32;

const MAGIC: &[u8; 8] = b"VANUSSEG";
/// The format of segments this build writes and reads.
pub(crate) const FORMAT: u32 = 1;
const HEADER_LEN: usize = 40;

/// The folder of an eventlog's files below `segments`.
pub(crate) fn dir_name(log: EventlogId) -> String {
    log.to_string()
}

/// The eventlog whose folder has that name.
pub(crate) fn dir_log(name: &str) -> Option<EventlogId> {
    // Not read as an id, which is never 0: a store keeps an eventlog of any number.
    let log = EventlogId::from_u64(u64::from_str_radix(name, 16).ok()?);
    (dir_name(log) == name).then_some(log)
}

/// The name of a segment file.
pub(crate) fn segment_name(base: u64) -> String {
    format!("{base:020}.seg")
}

/// The name of an index file.
pub(crate) fn index_name(base: u64) -> String {
    format!("{base:020}.idx")
}

/// The base offset in the name of a file with that suffix.
pub(crate) fn base_of(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    let plain = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// Which segment a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) log: EventlogId,
    pub(crate) base: u64,
    pub(crate) created_ms: i64,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; FIRST_BATCH as usize];
        put(&mut bytes, 0, MAGIC);
        put(&mut bytes, 12, &FORMAT.to_le_bytes());
        put(&mut bytes, 16, &self.log.get().to_le_bytes());
        put(&mut bytes, 24, &self.base.to_le_bytes());
        put(&mut bytes, 32, &self.created_ms.to_le_bytes());
        let crc = crc32c(bytes.get(12..HEADER_LEN).unwrap_or_default());
        put(&mut bytes, 8, &crc.to_le_bytes());
        bytes
    }

    /// The header, if the bytes are one; `Err` holds the version when it is of a format unknown here.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Option<SegmentHeader>, u32> {
        let covered = bytes.get(12..HEADER_LEN).unwrap_or_default();
        if !bytes.starts_with(MAGIC) || u32_at(bytes, 8) != Some(crc32c(covered)) {
            return Ok(None);
        }
        match u32_at(bytes, 12) {
            Some(FORMAT) => {}
            version => return Err(version.unwrap_or(0)),
        }
        let fields = (u64_at(bytes, 16), u64_at(bytes, 24), u64_at(bytes, 32));
        let (Some(log), Some(base), Some(created)) = fields else {
            return Ok(None);
        };
        Ok(Some(SegmentHeader {
            log: EventlogId::from_u64(log),
            base,
            created_ms: created.cast_signed(),
        }))
    }
}

/// What an index entry says about its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A batch begins there.
    Sparse,
    /// Everything before was synced.
    Checkpoint,
    /// The segment ends there.
    Sealed,
    /// From there to the next entry everything is lost, and known to be.
    Lost,
}

/// One entry of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) offset: u64,
    pub(crate) position: u64,
    pub(crate) time_ms: i64,
    pub(crate) kind: EntryKind,
}

impl IndexEntry {
    pub(crate) fn encode(&self, log: EventlogId, base: u64) -> [u8; ENTRY_LEN] {
        let mut bytes = [0; ENTRY_LEN];
        let kind: u32 = match self.kind {
            EntryKind::Sparse => 1,
            EntryKind::Checkpoint => 2,
            EntryKind::Sealed => 3,
            EntryKind::Lost => 4,
        };
        put(&mut bytes, 0, &self.offset.to_le_bytes());
        put(&mut bytes, 8, &self.position.to_le_bytes());
        put(&mut bytes, 16, &self.time_ms.to_le_bytes());
        put(&mut bytes, 24, &kind.to_le_bytes());
        let crc = entry_crc(&bytes, log, base);
        put(&mut bytes, 28, &crc.to_le_bytes());
        bytes
    }

    /// The entry, if the bytes are one of this segment.
    pub(crate) fn decode(bytes: &[u8], log: EventlogId, base: u64) -> Option<IndexEntry> {
        let bytes: &[u8; ENTRY_LEN] = bytes.first_chunk()?;
        if u32_at(bytes, 28)? != entry_crc(bytes, log, base) {
            return None;
        }
        let kind = match u32_at(bytes, 24)? {
            1 => EntryKind::Sparse,
            2 => EntryKind::Checkpoint,
            3 => EntryKind::Sealed,
            4 => EntryKind::Lost,
            _ => return None,
        };
        Some(IndexEntry {
            offset: u64_at(bytes, 0)?,
            position: u64_at(bytes, 8)?,
            time_ms: u64_at(bytes, 16)?.cast_signed(),
            kind,
        })
    }
}

fn entry_crc(bytes: &[u8; ENTRY_LEN], log: EventlogId, base: u64) -> u32 {
    let (covered, _) = bytes.split_at(28);
    crc32c_of([&log.get().to_le_bytes()[..], &base.to_le_bytes(), covered])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_segment_header_comes_back_and_any_flipped_bit_is_noticed() {
        let header = SegmentHeader {
            log: EventlogId::from_u64(1),
            base: 77,
            created_ms: -5,
        };
        let bytes = header.encode();
        assert_eq!(bytes.len() as u64, FIRST_BATCH);
        assert_eq!(SegmentHeader::decode(&bytes), Ok(Some(header)));
        for bit in 0..HEADER_LEN * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&damaged), Ok(None), "bit {bit}");
        }
    }

    #[test]
    fn names_lead_back() {
        let log = EventlogId::from_u64(0xABC);
        assert_eq!(dir_log(&dir_name(log)), Some(log));
        let zero = EventlogId::from_u64(0);
        assert_eq!(
            dir_log(&dir_name(zero)),
            Some(zero),
            "or its events are lost"
        );
        assert_eq!(dir_log("abc"), None, "one folder, one name");
        assert_eq!(base_of(&segment_name(5), ".seg"), Some(5));
        assert_eq!(base_of(&index_name(5), ".seg"), None);
        assert_eq!(base_of("5.seg", ".seg"), None);
    }

    proptest! {
        #[test]
        fn an_entry_comes_back_in_its_own_segment_only(offset: u64, position: u64, time_ms: i64, kind in 0..4, bit in 0..ENTRY_LEN * 8) {
            let kind = [EntryKind::Sparse, EntryKind::Checkpoint, EntryKind::Sealed, EntryKind::Lost][kind as usize];
            let entry = IndexEntry { offset, position, time_ms, kind };
            let log = EventlogId::from_u64(3);
            let mut bytes = entry.encode(log, 7);
            prop_assert_eq!(IndexEntry::decode(&bytes, log, 7), Some(entry));
            prop_assert_eq!(IndexEntry::decode(&bytes, log, 8), None);
            prop_assert_eq!(IndexEntry::decode(&bytes, EventlogId::from_u64(4), 7), None);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(IndexEntry::decode(&bytes, log, 7), None);
        }
    }
}
