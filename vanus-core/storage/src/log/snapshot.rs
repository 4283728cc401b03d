//! The file `producers.snap` of an eventlog: its idempotent producers as of one offset.
//!
//! ```text
//!  0  [8]  magic "VANUSPRD"
//!  8  u32  CRC-32C of bytes 12..
//! 12  u32  format version (1)
//! 16  u64  eventlog
//! 24  u64  offset: what was appended below it is in here
//! 32  …    producers, the least recently heard of first:
//!          u64 producer, u64 number of runs, then for each run
//!          u64 sequence, u64 count, u64 offset of its first event, i64 append time of its last batch
//! ```
//!
//! It is replaced in one step at a checkpoint, after the segment was synced up to its offset and before the index
//! says so. Where it is missing there was no producer yet.

use std::collections::VecDeque;

use vanus_types::{EventlogId, checksum::crc32c};

use super::producers::{Producers, RUNS, Run};
use crate::{
    bytes::{put, u32_at, u64_at},
    store::OpenError,
};

/// The name of the file.
pub(crate) const FILE: &str = "producers.snap";
/// The most bytes the file may have.
pub(crate) const MAX_BYTES: u64 = 256 * 1024 * 1024;

const MAGIC: &[u8; 8] = b"VANUSPRD";
const FORMAT: u32 = 1;
const HEADER_LEN: usize = 32;

pub(crate) fn encode(producers: &Producers, log: EventlogId, offset: u64) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN];
    put(&mut bytes, 0, MAGIC);
    put(&mut bytes, 12, &FORMAT.to_le_bytes());
    put(&mut bytes, 16, &log.get().to_le_bytes());
    put(&mut bytes, 24, &offset.to_le_bytes());
    for (producer, runs) in producers.iter() {
        bytes.extend(producer.to_le_bytes());
        bytes.extend((runs.len() as u64).to_le_bytes());
        for run in runs {
            bytes.extend(run.sequence.to_le_bytes());
            bytes.extend(run.count.to_le_bytes());
            bytes.extend(run.base_offset.to_le_bytes());
            bytes.extend(run.time_ms.to_le_bytes());
        }
    }
    let crc = crc32c(bytes.get(12..).unwrap_or_default());
    put(&mut bytes, 8, &crc.to_le_bytes());
    bytes
}

/// The format version, if the bytes are whole and of one that is not known here.
pub(crate) fn unknown_format(bytes: &[u8]) -> Option<u32> {
    let whole = bytes.starts_with(MAGIC) && u32_at(bytes, 8)? == crc32c(bytes.get(12..)?);
    u32_at(bytes, 12).filter(|found| whole && *found != FORMAT)
}

/// Refuses bytes of a format that is not known here: they are no damage, and must not be replaced.
pub(crate) fn check_format(bytes: &[u8], path: &str) -> Result<(), OpenError> {
    match unknown_format(bytes) {
        None => Ok(()),
        Some(found) => Err(OpenError::UnknownFormat {
            file: path.to_owned(),
            found,
            known: FORMAT,
        }),
    }
}

/// The producers and the offset; `None` when the bytes are damaged or of an unknown format.
pub(crate) fn decode(bytes: &[u8], log: EventlogId, most: usize) -> Option<(Producers, u64)> {
    let good = bytes.starts_with(MAGIC)
        && u32_at(bytes, 8)? == crc32c(bytes.get(12..)?)
        && u32_at(bytes, 12)? == FORMAT
        && u64_at(bytes, 16)? == log.get();
    if !good {
        return None;
    }
    let offset = u64_at(bytes, 24)?;
    let mut rest = bytes.get(HEADER_LEN..)?;
    let mut next = || -> Option<u64> {
        let (field, after) = rest.split_first_chunk()?;
        rest = after;
        Some(u64::from_le_bytes(*field))
    };
    let mut producers = Producers::new(most);
    while let Some(producer) = next() {
        let count = next()?;
        let mut runs = VecDeque::with_capacity(RUNS);
        for _ in 0..count {
            let run = Run {
                sequence: next()?,
                count: next()?,
                base_offset: next()?,
                time_ms: next()?.cast_signed(),
            };
            if runs.len() < RUNS {
                runs.push_back(run);
            }
        }
        producers.restore(producer, runs);
    }
    Some((producers, offset))
}

#[cfg(test)]
mod tests {
    use vanus_types::ProducerId;

    use super::*;
    use crate::testing::batch_of;

    #[test]
    fn producers_come_back_and_any_flipped_bit_is_noticed() {
        let log = EventlogId::from_u64(5);
        let mut producers = Producers::new(10);
        for turn in 0..6_u64 {
            let batch = batch_of(&[b"x"]).produced_by(ProducerId::from_u64(turn % 2 + 1), turn / 2);
            producers.record(batch.assigned(log, turn, turn as i64).header());
        }
        let bytes = encode(&producers, log, 6);
        let (again, offset) = decode(&bytes, log, 10).unwrap();
        assert_eq!(offset, 6);
        assert_eq!(
            again.iter().collect::<Vec<_>>(),
            producers.iter().collect::<Vec<_>>()
        );
        assert!(decode(&bytes, EventlogId::from_u64(6), 10).is_none());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&damaged, log, 10).is_none(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], log, 10).is_none(), "cut at {cut}");
        }
    }
}
