//! The bytes of a write-ahead log file; pure, no I/O.
//!
//! A file is `wal/%020d.wal`, all of one size, little endian:
//!
//! ```text
//! file header, padded with zeros to 4096
//!  0  [8]  magic "VANUSWAL"
//!  8  u32  CRC-32C of bytes 12..40
//! 12  u32  format version (1)
//! 16  u64  file number, the one in the name
//! 24  u64  generation, random, new each time the file is used again
//! 32  u64  size of the file
//!
//! frame, at a multiple of 4096, padded with zeros to the next one
//!  0  [4]  magic "VFRM"
//!  4  u32  CRC-32C of the frame's position (u64), bytes 8..48 and the payload
//!  8  u32  length of the payload
//! 12  u32  number of entries
//! 16  u64  generation of the file
//! 24  u64  file number
//! 32  u64  sequence number of the frame, one more than the frame before
//! 40  u64  highest sequence number known to be durable when this frame was written
//! 48  …    payload: entries
//!
//! entry
//!  0  u8   kind: 1 batch, 2 eventlog created, 3 eventlog deleted
//!  1  [3]  zero
//!  4  u32  length of what follows
//!  8  …    a batch as it will lie in the segment, or the eventlog as u64
//! ```
//!
//! - Frames start at multiples of 4096, so that a block which holds acknowledged bytes is never written again.
//! - A frame of a file's earlier life has another generation and another file number, and is never believed.
//! - The position is part of the checksum, so a frame copied elsewhere (into the data of an event) is no frame.

use bytes::Bytes;
use vanus_types::{
    BATCH_HEADER_LEN, Batch, EventlogId,
    checksum::{crc32c, crc32c_of},
};

use crate::bytes::{put, u32_at, u64_at};

/// Frames and the file header start at multiples of this.
pub(crate) const BLOCK: u64 = 4096;
/// Length of a frame's header.
pub(crate) const FRAME_HEADER_LEN: usize = 48;
/// Length of an entry's header.
pub(crate) const ENTRY_HEADER_LEN: usize = 8;

const FILE_MAGIC: &[u8; 8] = b"VANUSWAL";
const FRAME_MAGIC: &[u8; 4] = b"VFRM";
const FORMAT: u32 = 1;
const FILE_HEADER_LEN: usize = 40;

const KIND_BATCH: u8 = 1;
const KIND_CREATED: u8 = 2;
const KIND_DELETED: u8 = 3;

/// The name of file `number`.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:020}.wal")
}

/// The number in a file's name.
pub(crate) fn file_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal")?;
    let plain = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// One life of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) number: u64,
    pub(crate) generation: u64,
    pub(crate) size: u64,
}

impl FileHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; BLOCK as usize];
        put(&mut bytes, 0, FILE_MAGIC);
        put(&mut bytes, 12, &FORMAT.to_le_bytes());
        put(&mut bytes, 16, &self.number.to_le_bytes());
        put(&mut bytes, 24, &self.generation.to_le_bytes());
        put(&mut bytes, 32, &self.size.to_le_bytes());
        let crc = crc32c(bytes.get(12..FILE_HEADER_LEN).unwrap_or_default());
        put(&mut bytes, 8, &crc.to_le_bytes());
        bytes
    }

    /// The header, if the bytes are one; `Err` holds the version when it is of a format unknown here.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Option<FileHeader>, u32> {
        let covered = bytes.get(12..FILE_HEADER_LEN).unwrap_or_default();
        if !bytes.starts_with(FILE_MAGIC) || u32_at(bytes, 8) != Some(crc32c(covered)) {
            return Ok(None);
        }
        match u32_at(bytes, 12) {
            Some(FORMAT) => {}
            version => return Err(version.unwrap_or(0)),
        }
        let fields = (u64_at(bytes, 16), u64_at(bytes, 24), u64_at(bytes, 32));
        let (Some(number), Some(generation), Some(size)) = fields else {
            return Ok(None);
        };
        Ok(Some(FileHeader {
            number,
            generation,
            size,
        }))
    }
}

/// What a frame carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A batch with its place in its eventlog.
    Batch(Batch),
    /// The eventlog exists from here on.
    LogCreated(EventlogId),
    /// The eventlog is gone from here on.
    LogDeleted(EventlogId),
}

impl Entry {
    /// Bytes of the entry in a frame.
    pub(crate) fn len(&self) -> usize {
        ENTRY_HEADER_LEN
            + match self {
                Entry::Batch(batch) => batch.len(),
                Entry::LogCreated(_) | Entry::LogDeleted(_) => 8,
            }
    }

    /// Everything of the entry but the body of a batch.
    fn head(&self, into: &mut Vec<u8>) {
        let (kind, len) = match self {
            Entry::Batch(batch) => (KIND_BATCH, batch.len()),
            Entry::LogCreated(_) => (KIND_CREATED, 8),
            Entry::LogDeleted(_) => (KIND_DELETED, 8),
        };
        into.extend_from_slice(&[kind, 0, 0, 0]);
        into.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        match self {
            Entry::Batch(batch) => into.extend_from_slice(&batch.header().encode()),
            Entry::LogCreated(log) | Entry::LogDeleted(log) => {
                into.extend_from_slice(&log.get().to_le_bytes());
            }
        }
    }

    fn body(&self) -> &[u8] {
        match self {
            Entry::Batch(batch) => batch.body(),
            Entry::LogCreated(_) | Entry::LogDeleted(_) => &[],
        }
    }
}

/// Where and as what a frame is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) number: u64,
    pub(crate) generation: u64,
    pub(crate) position: u64,
    pub(crate) lsn: u64,
    pub(crate) synced_lsn: u64,
    pub(crate) payload_len: u32,
    pub(crate) entries: u32,
}

impl FrameHeader {
    /// Bytes from the start of this frame to the earliest start of the next.
    pub(crate) fn span(&self) -> u64 {
        span(self.payload_len as usize)
    }

    fn encode(&self) -> [u8; FRAME_HEADER_LEN] {
        let mut bytes = [0; FRAME_HEADER_LEN];
        put(&mut bytes, 0, FRAME_MAGIC);
        put(&mut bytes, 8, &self.payload_len.to_le_bytes());
        put(&mut bytes, 12, &self.entries.to_le_bytes());
        put(&mut bytes, 16, &self.generation.to_le_bytes());
        put(&mut bytes, 24, &self.number.to_le_bytes());
        put(&mut bytes, 32, &self.lsn.to_le_bytes());
        put(&mut bytes, 40, &self.synced_lsn.to_le_bytes());
        bytes
    }
}

/// Bytes a frame with such a payload takes in the file.
pub(crate) fn span(payload_len: usize) -> u64 {
    ((FRAME_HEADER_LEN + payload_len) as u64).next_multiple_of(BLOCK)
}

/// A frame ready to be written: the pieces lie back to back in the file. Bodies are not copied.
#[derive(Debug, Default)]
pub(crate) struct FrameBytes {
    /// The frame's header and the heads of all entries.
    heads: Vec<u8>,
    /// For each entry, where its head ends in `heads`.
    ends: Vec<usize>,
}

const ZEROS: [u8; BLOCK as usize] = [0; BLOCK as usize];

impl FrameBytes {
    /// Lays out a frame; `header.payload_len` and `header.entries` are filled in here.
    pub(crate) fn lay_out(&mut self, header: &mut FrameHeader, entries: &[Entry]) {
        self.heads.clear();
        self.ends.clear();
        let payload: usize = entries.iter().map(Entry::len).sum();
        header.payload_len = u32::try_from(payload).unwrap_or(u32::MAX);
        header.entries = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        self.heads.extend_from_slice(&header.encode());
        for entry in entries {
            entry.head(&mut self.heads);
            self.ends.push(self.heads.len());
        }
        let position = header.position.to_le_bytes();
        let crc = {
            let mut pieces = self.pieces(entries);
            let first = pieces.next().unwrap_or_default();
            let first = first.get(8..).unwrap_or_default();
            crc32c_of([&position[..], first].into_iter().chain(pieces))
        };
        put(&mut self.heads, 4, &crc.to_le_bytes());
    }

    /// The pieces in order, without the padding.
    fn pieces<'a>(&'a self, entries: &'a [Entry]) -> impl Iterator<Item = &'a [u8]> + Clone {
        let mut from = 0;
        self.ends
            .iter()
            .zip(entries)
            .flat_map(move |(&end, entry)| {
                let head = self.heads.get(from..end).unwrap_or_default();
                from = end;
                [head, entry.body()]
            })
    }

    /// The pieces in order, with zeros up to the next block.
    pub(crate) fn padded_pieces<'a>(
        &'a self,
        entries: &'a [Entry],
    ) -> impl Iterator<Item = &'a [u8]> + Clone {
        let written: usize = FRAME_HEADER_LEN + entries.iter().map(Entry::len).sum::<usize>();
        let padding = written.next_multiple_of(BLOCK as usize) - written;
        self.pieces(entries)
            .chain([ZEROS.get(..padding).unwrap_or_default()])
            .filter(|piece| !piece.is_empty())
    }
}

/// The highest number of a frame. No log ever gets there; a frame that claims more is none, or it would leave no
/// number for those after it.
const MAX_LSN: u64 = u64::MAX / 2;

/// Bytes of the frame of file `number` whose first bytes these are, by its own account; `None` when it is none.
pub(crate) fn frame_len(bytes: &[u8], number: u64) -> Option<u64> {
    if !bytes.starts_with(FRAME_MAGIC) || u64_at(bytes, 24)? != number {
        return None;
    }
    Some(FRAME_HEADER_LEN as u64 + u64::from(u32_at(bytes, 8)?))
}

/// Reads the frame at the start of `bytes`, which lie at `position` of their file; `None` when there is none, or it
/// is damaged.
///
/// It belongs to file `number`; the caller compares the generation.
pub(crate) fn decode_frame(
    bytes: &Bytes,
    position: u64,
    number: u64,
) -> Option<(FrameHeader, Bytes)> {
    frame_len(bytes, number)?;
    let payload_len = u32_at(bytes, 8)?;
    let end = FRAME_HEADER_LEN.checked_add(payload_len as usize)?;
    let covered = bytes.get(8..end)?;
    if u32_at(bytes, 4)? != crc32c_of([&position.to_le_bytes()[..], covered]) {
        return None;
    }
    let header = FrameHeader {
        number,
        generation: u64_at(bytes, 16)?,
        position,
        lsn: u64_at(bytes, 32).filter(|lsn| *lsn <= MAX_LSN)?,
        synced_lsn: u64_at(bytes, 40)?,
        payload_len,
        entries: u32_at(bytes, 12)?,
    };
    Some((header, bytes.slice(FRAME_HEADER_LEN..end)))
}

/// What is left of a frame that does not match its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameTrace {
    pub(crate) lsn: u64,
    pub(crate) synced_lsn: u64,
}

impl FrameTrace {
    /// What `bytes` begin with, if it looks like a frame of this life of the file. One damaged field does not hide it.
    pub(crate) fn find(bytes: &[u8], file: &FileHeader) -> Option<FrameTrace> {
        let same_life = u64_at(bytes, 16)? == file.generation;
        let same_file = u64_at(bytes, 24)? == file.number && bytes.starts_with(FRAME_MAGIC);
        (same_life || same_file).then_some(FrameTrace {
            lsn: u64_at(bytes, 32)?,
            synced_lsn: u64_at(bytes, 40)?,
        })
    }
}

/// Cuts a payload into its entries; `None` when it is not made of `count` whole entries.
pub(crate) fn decode_entries(mut payload: Bytes, count: u32) -> Option<Vec<Entry>> {
    // No entry is shorter than this, so a wrong count can not reserve much.
    let most = payload.len() / (ENTRY_HEADER_LEN + 8);
    let mut entries = Vec::with_capacity((count as usize).min(most));
    while !payload.is_empty() {
        let kind = *payload.first()?;
        let len = u32_at(&payload, 4)? as usize;
        if payload.len() < ENTRY_HEADER_LEN + len {
            return None;
        }
        let mut entry = payload.split_to(ENTRY_HEADER_LEN + len);
        let content = entry.split_off(ENTRY_HEADER_LEN);
        let log = || {
            (len == 8)
                .then(|| u64_at(&content, 0))
                .flatten()
                .map(EventlogId::from_u64)
        };
        entries.push(match kind {
            KIND_BATCH => {
                let (batch, used) = Batch::parse(&content).ok()?;
                if used != len {
                    return None;
                }
                Entry::Batch(batch)
            }
            KIND_CREATED => Entry::LogCreated(log()?),
            KIND_DELETED => Entry::LogDeleted(log()?),
            _ => return None,
        });
    }
    (entries.len() == count as usize).then_some(entries)
}

/// The most bytes of a batch that fits into a file of `size` bytes.
pub(crate) fn largest_batch(size: u64) -> u64 {
    size.saturating_sub(2 * BLOCK + (ENTRY_HEADER_LEN + BATCH_HEADER_LEN) as u64)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use vanus_types::EventlogId;

    use super::*;
    use crate::testing::batch_of;

    fn frame(position: u64, lsn: u64, entries: &[Entry]) -> (FrameHeader, Vec<u8>) {
        let mut header = FrameHeader {
            number: 3,
            generation: 77,
            position,
            lsn,
            synced_lsn: lsn - 1,
            payload_len: 0,
            entries: 0,
        };
        let mut bytes = FrameBytes::default();
        bytes.lay_out(&mut header, entries);
        (
            header,
            bytes.padded_pieces(entries).collect::<Vec<_>>().concat(),
        )
    }

    fn some_entries() -> Vec<Entry> {
        let log = EventlogId::from_u64(9);
        vec![
            Entry::LogCreated(log),
            Entry::Batch(batch_of(&[b"one", b"two"]).assigned(log, 0, 5)),
            Entry::LogDeleted(EventlogId::from_u64(8)),
            Entry::Batch(batch_of(&[&[7; 5000]]).assigned(log, 2, 6)),
        ]
    }

    #[test]
    fn a_file_header_comes_back_and_any_flipped_bit_is_noticed() {
        let header = FileHeader {
            number: 12,
            generation: 0xABCD,
            size: 1 << 20,
        };
        let bytes = header.encode();
        assert_eq!(bytes.len() as u64, BLOCK);
        assert_eq!(FileHeader::decode(&bytes), Ok(Some(header)));
        for bit in 0..FILE_HEADER_LEN * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FileHeader::decode(&damaged), Ok(None), "bit {bit}");
        }
        assert_eq!(FileHeader::decode(&[]), Ok(None));
    }

    #[test]
    fn a_frame_comes_back_at_its_place_only() {
        let entries = some_entries();
        let (header, bytes) = frame(4096, 5, &entries);
        assert_eq!(bytes.len() as u64, header.span());
        assert_eq!(bytes.len() as u64 % BLOCK, 0);
        let file = Bytes::from([vec![0; 4096], bytes.clone(), bytes].concat());
        let (again, payload) = decode_frame(&file.slice(4096..), 4096, 3).unwrap();
        assert_eq!(again, header);
        assert_eq!(
            decode_entries(payload.clone(), header.entries).unwrap(),
            entries
        );
        assert!(decode_entries(payload, header.entries + 1).is_none());
        let there = file.slice(4096..);
        assert!(decode_frame(&there, 4096, 4).is_none(), "of another file");
        let copy = 4096 + header.span();
        assert!(
            decode_frame(&file.slice(usize::try_from(copy).unwrap()..), copy, 3).is_none(),
            "a copy elsewhere is no frame"
        );
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_a_frame_is_noticed() {
        let entries = &some_entries()[..3];
        let (header, bytes) = frame(0, 1, entries);
        let used = FRAME_HEADER_LEN + header.payload_len as usize;
        for bit in 0..used * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                decode_frame(&Bytes::from(damaged), 0, 3).is_none(),
                "bit {bit}"
            );
        }
        for cut in 0..used {
            let short = Bytes::from(bytes[..cut].to_vec());
            assert!(decode_frame(&short, 0, 3).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn a_frame_with_a_number_that_leaves_none_for_later_ones_is_none() {
        let entries = some_entries();
        let of = |lsn| decode_frame(&Bytes::from(frame(0, lsn, &entries).1), 0, 3);
        assert!(of(MAX_LSN).is_some());
        assert!(of(MAX_LSN + 1).is_none());
        assert!(of(u64::MAX).is_none());
    }

    #[test]
    fn names_lead_to_numbers_and_back() {
        assert_eq!(file_name(7), "00000000000000000007.wal");
        assert_eq!(file_number(&file_name(u64::MAX)), Some(u64::MAX));
        for bad in [
            "7.wal",
            "00000000000000000007.seg",
            "new.tmp",
            "+0000000000000000007.wal",
        ] {
            assert_eq!(file_number(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_entries_come_back(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20), lsn in 1..=MAX_LSN) {
            let log = EventlogId::from_u64(lsn);
            let mut entries = vec![Entry::LogCreated(log)];
            for (at, body) in bodies.iter().enumerate() {
                entries.push(Entry::Batch(batch_of(&[body]).assigned(log, at as u64, 1)));
            }
            let (header, bytes) = frame(0, lsn, &entries);
            let (again, payload) = decode_frame(&Bytes::from(bytes), 0, 3).unwrap();
            prop_assert_eq!(again, header);
            prop_assert_eq!(decode_entries(payload, header.entries).unwrap(), entries);
        }

        #[test]
        fn any_bytes_are_refused_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), count in any::<u32>()) {
            let bytes = Bytes::from(bytes);
            prop_assert!(decode_frame(&bytes, 0, 0).is_none());
            let _ = decode_entries(bytes.clone(), count);
            prop_assert_eq!(FileHeader::decode(&bytes), Ok(None));
        }
    }
}
