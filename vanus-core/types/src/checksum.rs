//! CRC-32C (Castagnoli), the one checksum of disk and wire.

use crc_fast::{CrcAlgorithm, Digest, checksum};

/// CRC-32C of `bytes`.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    narrow(checksum(CrcAlgorithm::Crc32Iscsi, bytes))
}

/// CRC-32C of several pieces as if they lay back to back, without copying them together.
#[must_use]
pub fn crc32c_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    for piece in pieces {
        digest.update(piece);
    }
    narrow(digest.finalize())
}

/// The library answers 64 bits for every width; a 32-bit CRC fills the lower half.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the upper half of a 32-bit CRC is zero"
)]
fn narrow(sum: u64) -> u32 {
    sum as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_algorithm_is_met() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn pieces_sum_like_the_whole() {
        assert_eq!(
            crc32c_of([&b"1234"[..], b"", b"56789"]),
            crc32c(b"123456789")
        );
    }
}
