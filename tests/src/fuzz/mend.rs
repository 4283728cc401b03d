//! Puts right the checksums of mutated files, innermost first, as far as their lengths make sense.

use vanus_types::{
    BATCH_HEADER_LEN,
    checksum::{crc32c, crc32c_of},
};

const BLOCK: usize = 4096;

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(4)?)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*field)).ok()
}

pub(super) fn put(bytes: &mut [u8], at: usize, crc: u32) {
    if let Some(field) = bytes.get_mut(at..at + 4) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
}

/// The checksum at `at` of the bytes `from..to`.
pub(super) fn over(bytes: &mut [u8], at: usize, from: usize, to: usize) {
    if let Some(crc) = bytes.get(from..to).map(crc32c) {
        put(bytes, at, crc);
    }
}

/// The batch at the start; answers its length.
pub(super) fn batch(bytes: &mut [u8]) -> Option<usize> {
    let end = BATCH_HEADER_LEN.checked_add(u32_at(bytes, 8)?)?;
    let body = crc32c(bytes.get(BATCH_HEADER_LEN..end)?);
    put(bytes, 12, body);
    over(bytes, 4, 8, BATCH_HEADER_LEN);
    Some(end)
}

/// Batches back to back.
pub(super) fn batches(mut bytes: &mut [u8]) {
    while let Some(len) = batch(bytes) {
        bytes = bytes.get_mut(len..).unwrap_or_default();
    }
}

/// A frame of the write-ahead log with the batches in it.
pub(super) fn wal_frame(bytes: &mut [u8], position: u64) -> Option<()> {
    let end = 48_usize.checked_add(u32_at(bytes, 8)?)?;
    let mut rest = bytes.get_mut(48..end)?;
    while let Some(len) = u32_at(rest, 4) {
        let is_batch = rest.first() == Some(&1);
        let Some(content) = rest.get_mut(8..).filter(|content| content.len() >= len) else {
            break;
        };
        if is_batch {
            batch(content);
        }
        rest = content.get_mut(len..).unwrap_or_default();
    }
    let crc = crc32c_of([&position.to_le_bytes()[..], bytes.get(8..end)?]);
    put(bytes, 4, crc);
    Some(())
}

/// A write-ahead log file.
pub(super) fn wal(input: &mut [u8]) {
    over(input, 8, 12, 40);
    for at in (BLOCK..input.len()).step_by(BLOCK) {
        if let Some(frame) = input.get_mut(at..)
            && frame.starts_with(b"VFRM")
        {
            wal_frame(frame, at as u64);
        }
    }
}
