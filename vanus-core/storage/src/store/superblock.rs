//! The file `superblock`: what the data directory is, written once.
//!
//! ```text
//! two equal copies, at 0 and at 4096; either is enough
//!  0  [8]   magic "VANUSDIR"
//!  8  u32   CRC-32C of bytes 12..32
//! 12  u32   format version of the directory (1)
//! 16  [16]  random id of the store
//! ```

use vanus_types::{Entropy, checksum::crc32c};

use super::{Corruption, DiskError, OpenError};
use crate::{
    bytes::{put, u32_at},
    fs::{Fs, read_file, replace_file},
};

pub(crate) const PATH: &str = "superblock";
const MAGIC: &[u8; 8] = b"VANUSDIR";
const FORMAT: u32 = 1;
const RECORD_LEN: usize = 32;
const SECOND_COPY: usize = 4096;

/// Reads the id of the store; makes a new one where there is nothing yet.
pub(crate) fn open(fs: &dyn Fs, entropy: &dyn Entropy) -> Result<[u8; 16], OpenError> {
    let limit = (SECOND_COPY + RECORD_LEN) as u64;
    match read_file(fs, PATH, limit).map_err(DiskError::new("read", PATH))? {
        Some(bytes) => {
            let id = decode(&bytes)?;
            // After a kill its name may be in memory only; nothing else may become durable before it.
            fs.sync_dir("")
                .map_err(DiskError::new("sync", "the data directory"))?;
            Ok(id)
        }
        None => create(fs, entropy),
    }
}

fn create(fs: &dyn Fs, entropy: &dyn Entropy) -> Result<[u8; 16], OpenError> {
    for dir in [crate::wal::WAL_DIR, crate::segment::SEGMENTS_DIR] {
        if fs.exists(dir).map_err(DiskError::new("look at", dir))? {
            let what = "it is missing, though the directory holds data";
            return Err(Corruption {
                file: PATH.to_owned(),
                position: 0,
                what,
            }
            .into());
        }
    }
    let mut id = [0; 16];
    entropy.fill(&mut id);
    replace_file(fs, PATH, &encode(id)).map_err(DiskError::new("create", PATH))?;
    Ok(id)
}

pub(crate) fn encode(id: [u8; 16]) -> Vec<u8> {
    let mut copy = [0; RECORD_LEN];
    put(&mut copy, 0, MAGIC);
    put(&mut copy, 12, &FORMAT.to_le_bytes());
    put(&mut copy, 16, &id);
    let crc = crc32c(copy.get(12..).unwrap_or_default());
    put(&mut copy, 8, &crc.to_le_bytes());
    let mut bytes = vec![0; SECOND_COPY + RECORD_LEN];
    put(&mut bytes, 0, &copy);
    put(&mut bytes, SECOND_COPY, &copy);
    bytes
}

pub(crate) fn decode(bytes: &[u8]) -> Result<[u8; 16], OpenError> {
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
                file: PATH.to_owned(),
                found,
                known: FORMAT,
            });
        }
        if let Some(id) = copy.get(16..).and_then(|rest| rest.first_chunk()) {
            return Ok(*id);
        }
    }
    let what = "neither copy matches its checksum; this is no data directory of Vanus";
    Err(Corruption {
        file: PATH.to_owned(),
        position: 0,
        what,
    }
    .into())
}

#[cfg(test)]
mod tests {
    use vanus_types::SeededEntropy;

    use super::*;
    use crate::fs::{MemoryFs, OpenMode, write_all_at};

    #[test]
    fn the_id_stays_and_either_copy_is_enough() {
        let fs = MemoryFs::new();
        let id = open(&fs, &SeededEntropy::new(1)).unwrap();
        assert_eq!(open(&fs, &SeededEntropy::new(2)).unwrap(), id);
        for bit in 0..RECORD_LEN as u64 * 8 {
            for at in [0, SECOND_COPY as u64] {
                let fork = fs.fork();
                fork.flip_bit(PATH, at + bit / 8, (bit % 8) as u8).unwrap();
                assert_eq!(open(&fork, &SeededEntropy::new(2)).unwrap(), id);
            }
        }
        fs.flip_bit(PATH, 20, 0).unwrap();
        fs.flip_bit(PATH, SECOND_COPY as u64 + 20, 0).unwrap();
        assert!(matches!(
            open(&fs, &SeededEntropy::new(2)),
            Err(OpenError::Corrupted(_))
        ));
    }

    #[test]
    fn a_later_format_and_a_lost_superblock_are_refused() {
        let fs = MemoryFs::new();
        let mut bytes = encode([7; 16]);
        for at in [0, SECOND_COPY] {
            bytes[at + 12] = 2;
            let crc = crc32c(&bytes[at + 12..at + RECORD_LEN]);
            bytes[at + 8..at + 12].copy_from_slice(&crc.to_le_bytes());
        }
        let file = fs.open(PATH, OpenMode::CreateNew).unwrap();
        write_all_at(file.as_ref(), &bytes, 0).unwrap();
        assert!(matches!(
            open(&fs, &SeededEntropy::new(1)),
            Err(OpenError::UnknownFormat {
                found: 2,
                known: 1,
                ..
            })
        ));
        fs.remove(PATH).unwrap();
        fs.create_dir_all("segments").unwrap();
        assert!(matches!(
            open(&fs, &SeededEntropy::new(1)),
            Err(OpenError::Corrupted(_))
        ));
    }
}
