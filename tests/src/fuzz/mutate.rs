//! Changes bytes a little: bits, numbers that matter to decoders, and pieces cut, doubled, moved and spliced.

use crate::harness::Random;

/// Inputs grow no longer than this, in bytes.
const MOST_LEN: usize = 96 * 1024;
/// Pieces moved about are at most this long, in bytes.
const PIECE: u64 = 512;

/// Numbers at the edges of what decoders expect.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    7,
    8,
    0x7F,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    i64::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];

/// Changes `input` in one to eight places; `other` is another input to take pieces from.
pub(super) fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let times = 1 << random.below(4);
    for _ in 0..times {
        change(input, other, random);
    }
    input.truncate(MOST_LEN);
}

fn change(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = place(input.len(), random);
    let end = (at + 1 + random.below(PIECE) as usize).min(input.len());
    match random.below(9) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        2 | 3 => {
            let edge = EDGES
                .get(random.below(EDGES.len() as u64) as usize)
                .copied()
                .unwrap_or(0);
            put(input, at, edge, random);
        }
        // A small step from what is there: a length that is one too long.
        4 => {
            let old = input.get(at).copied().unwrap_or(0);
            let step = random.below(5) as u8;
            if let Some(byte) = input.get_mut(at) {
                *byte = old.wrapping_add(step).wrapping_sub(2);
            }
        }
        5 => drop(input.drain(at.min(end)..end)),
        6 => {
            let piece = input.get(at..end).unwrap_or_default().to_vec();
            let to = place(input.len() + 1, random).min(input.len());
            drop(input.splice(to..to, piece));
        }
        7 => {
            let from = place(other.len(), random);
            let until = (from + 1 + random.below(PIECE) as usize).min(other.len());
            let piece = other.get(from..until).unwrap_or_default().iter().copied();
            drop(input.splice(at.min(end)..end, piece));
        }
        _ => input.truncate(at),
    }
}

/// A place, more often near the start, where the headers are, and at multiples of four.
fn place(len: usize, random: &mut Random) -> usize {
    let len = len as u64;
    let at = match random.below(4) {
        0 => random.below(len.min(128)),
        1 => random.below(len.min(4096 + 256)) / 4 * 4,
        // The start of some block.
        2 => (random.below(len / 4096 + 1) * 4096 + random.below(200)).min(len.saturating_sub(1)),
        _ => random.below(len),
    };
    at as usize
}

fn put(input: &mut [u8], at: usize, number: u64, random: &mut Random) {
    let width = 1 << random.below(4);
    let bytes = number.to_le_bytes();
    let target = input.iter_mut().skip(at).take(width);
    target.zip(bytes).for_each(|(target, byte)| *target = byte);
}
