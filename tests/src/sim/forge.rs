//! The bytes behind three of the planted bugs: what a store that does not check would take for good is given the
//! checksum that it has not looked at. The layouts are those of `docs/disk.md`.

use bytes::Bytes;
use vanus_types::{
    BATCH_HEADER_LEN, Batch, BatchHeader,
    checksum::{crc32c, crc32c_of},
};

const BLOCK: usize = 4096;
const FRAME_HEADER_LEN: usize = 48;
const ENTRY_LEN: usize = 32;
const SEALED: u32 = 3;

/// Flips a bit of what was read; says whether there was anything.
pub(super) fn damage(bytes: &mut [u8], at: usize) -> bool {
    let at = at.checked_rem(bytes.len()).unwrap_or(0);
    bytes.get_mut(at).is_some_and(|byte| {
        *byte ^= 0x10;
        true
    })
}

/// Damages the body of the first batch in what was read of a segment, and makes its checksums match; says whether
/// there was one.
pub(super) fn damage_unnoticed(bytes: &mut [u8]) -> bool {
    let Ok((batch, len)) = Batch::parse(&Bytes::copy_from_slice(bytes)) else {
        return false;
    };
    let mut body = batch.body().to_vec();
    let Some(last) = body.last_mut() else {
        return false;
    };
    *last ^= 0x10;
    let header = BatchHeader {
        body_crc: crc32c(&body),
        ..*batch.header()
    };
    let forged = header.encode();
    let (head, tail) = bytes.split_at_mut(BATCH_HEADER_LEN);
    head.copy_from_slice(&forged);
    tail.get_mut(..len - BATCH_HEADER_LEN).is_some_and(|place| {
        place.copy_from_slice(&body);
        true
    })
}

/// What is written to the index of a segment, with one event less in its sealed entry.
pub(super) fn seal_early(bytes: &[u8], log: u64, base: u64) -> Vec<u8> {
    let mut forged = bytes.to_vec();
    for entry in forged.chunks_exact_mut(ENTRY_LEN) {
        let offset = u64_at(entry, 0);
        if u32_at(entry, 24) != SEALED || offset <= base {
            continue;
        }
        set(entry, 0, &(offset - 1).to_le_bytes());
        let covered = entry.get(..28).unwrap_or_default();
        let crc = crc32c_of([&log.to_le_bytes()[..], &base.to_le_bytes()[..], covered]);
        set(entry, 28, &crc.to_le_bytes());
    }
    forged
}

/// Gives the frames of earlier lives that follow the last frame of a write-ahead log file what frames of this life
/// have, as if nobody looked at it.
pub(super) fn believe_recycled(file: &mut [u8]) {
    if !file.starts_with(b"VANUSWAL") {
        return;
    }
    let (number, generation) = (u64_at(file, 16), u64_at(file, 24));
    let mut last: Option<u64> = None;
    let mut position = BLOCK;
    while let Some(frame) = file.get_mut(position..).filter(|rest| !rest.is_empty()) {
        let len = FRAME_HEADER_LEN + u32_at(frame, 8) as usize;
        if !frame.starts_with(b"VFRM") || len > frame.len() {
            return;
        }
        if u64_at(frame, 16) == generation {
            last = Some(u64_at(frame, 32));
        } else {
            let Some(before) = last else { return };
            let place = (position as u64).to_le_bytes();
            let covered = frame.get(8..len).unwrap_or_default();
            if u32_at(frame, 4) != crc32c_of([&place[..], covered]) {
                return;
            }
            last = Some(before + 1);
            set(frame, 16, &generation.to_le_bytes());
            set(frame, 24, &number.to_le_bytes());
            set(frame, 32, &(before + 1).to_le_bytes());
            let covered = frame.get(8..len).unwrap_or_default();
            let crc = crc32c_of([&place[..], covered]);
            set(frame, 4, &crc.to_le_bytes());
        }
        position += len.next_multiple_of(BLOCK);
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    word.map_or(0, |word| u32::from_le_bytes(*word))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    word.map_or(0, |word| u64::from_le_bytes(*word))
}

fn set(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}
