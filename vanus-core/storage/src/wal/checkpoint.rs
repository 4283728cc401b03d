//! The checkpoint record `wal/checkpoint`: up to which frame everything is safe in segments.
//!
//! ```text
//! two equal copies, at 0 and at 4096; either is enough
//!  0  [8]  magic "VANUSCKP"
//!  8  u32  CRC-32C of bytes 12..24
//! 12  u32  format version (1)
//! 16  u64  sequence number: frames up to this one are not needed any more
//! ```
//!
//! It is replaced in one step, and before any file it makes superfluous is used again.

use vanus_types::checksum::crc32c;

use super::files::WAL_DIR;
use crate::{
    bytes::{put, u32_at, u64_at},
    fs::{Fs, read_file, replace_file},
    store::{Corruption, DiskError, OpenError},
};

const MAGIC: &[u8; 8] = b"VANUSCKP";
const FORMAT: u32 = 1;
const RECORD_LEN: usize = 24;
const SECOND_COPY: usize = 4096;

pub(crate) fn path() -> String {
    format!("{WAL_DIR}/checkpoint")
}

/// Writes the record, durably.
pub(crate) fn write_checkpoint(fs: &dyn Fs, lsn: u64) -> Result<(), DiskError> {
    replace_file(fs, &path(), &encode(lsn)).map_err(DiskError::new("replace", path()))
}

/// The whole file.
pub(crate) fn encode(lsn: u64) -> Vec<u8> {
    let mut copy = [0; RECORD_LEN];
    put(&mut copy, 0, MAGIC);
    put(&mut copy, 12, &FORMAT.to_le_bytes());
    put(&mut copy, 16, &lsn.to_le_bytes());
    let crc = crc32c(copy.get(12..).unwrap_or_default());
    put(&mut copy, 8, &crc.to_le_bytes());
    let mut bytes = vec![0; SECOND_COPY + RECORD_LEN];
    put(&mut bytes, 0, &copy);
    put(&mut bytes, SECOND_COPY, &copy);
    bytes
}

/// Reads the record; 0 when there is none.
pub(crate) fn read_checkpoint(fs: &dyn Fs) -> Result<u64, OpenError> {
    let limit = (SECOND_COPY + RECORD_LEN) as u64;
    let Some(bytes) = read_file(fs, &path(), limit).map_err(DiskError::new("read", path()))? else {
        return Ok(0);
    };
    for at in [0, SECOND_COPY] {
        let Some(copy) = bytes.get(at..at + RECORD_LEN) else {
            continue;
        };
        if !copy.starts_with(MAGIC) || u32_at(copy, 8) != copy.get(12..).map(crc32c) {
            continue;
        }
        let found = u32_at(copy, 12).unwrap_or(0);
        if found != FORMAT {
            return Err(OpenError::UnknownFormat {
                file: path(),
                found,
                known: FORMAT,
            });
        }
        return Ok(u64_at(copy, 16).unwrap_or(0));
    }
    let what = "neither copy of the checkpoint record matches its checksum";
    Err(Corruption {
        file: path(),
        position: 0,
        what,
    }
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryFs;

    #[test]
    fn one_damaged_copy_is_enough_and_two_are_an_error() {
        let fs = MemoryFs::new();
        fs.create_dir_all(WAL_DIR).unwrap();
        assert_eq!(read_checkpoint(&fs).unwrap(), 0);
        write_checkpoint(&fs, 1).unwrap();
        write_checkpoint(&fs, 99).unwrap();
        for bit in 0..RECORD_LEN as u64 * 8 {
            for at in [0, SECOND_COPY as u64] {
                let fork = fs.fork();
                fork.flip_bit(&path(), at + bit / 8, (bit % 8) as u8)
                    .unwrap();
                assert_eq!(read_checkpoint(&fork).unwrap(), 99);
            }
        }
        fs.flip_bit(&path(), 16, 0).unwrap();
        fs.flip_bit(&path(), SECOND_COPY as u64 + 16, 0).unwrap();
        assert!(matches!(read_checkpoint(&fs), Err(OpenError::Corrupted(_))));
    }
}
