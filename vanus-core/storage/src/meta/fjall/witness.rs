//! The file that remembers how many commits were acknowledged.
//!
//! fjall takes the first entry of its journal that makes no sense for the torn end that a crash
//! leaves, and cuts the journal there. A flipped bit in the middle of it would so take back
//! acknowledged commits without a word. This file, written after each sync and before the
//! acknowledgement, tells the two apart.
//!
//! It is never synced, and need not be: after kill -9 it is exact, after power loss it may be
//! too old, which hides a loss but never invents one.
//!
//! Its second duty lasts exactly as long as the page cache does. After a failed sync the kernel
//! takes the pages for clean, although the disk does not have them: a reopened store would read
//! them, build on them, and lose both with the power. The flag `poisoned` makes the next opening
//! write every file anew. After power loss the pages are gone, and so, rightly, may be the flag.
//!
//! ```text
//! little endian, 24 bytes, written in one piece
//!  0 magic     u32  "VMCW"
//!  4 crc32c    u32  of bytes 8..24
//!  8 commits   u64
//! 16 poisoned  u32  0 or 1
//! 20 zero      u32
//! ```
//! A file that does not check is as good as none.

use std::{fs::File, io, os::unix::fs::FileExt, path::PathBuf};

use vanus_types::checksum::crc32c;

const MAGIC: [u8; 4] = *b"VMCW";
const LEN: usize = 24;

/// What the witness saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// How many commits were acknowledged.
    pub(super) commits: u64,
    /// Whether a write or sync failed since the files were last known to be on disk.
    pub(super) poisoned: bool,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Witness {
    file: File,
    seen: Option<Seen>,
}

impl Witness {
    /// Opens the file, creating it if absent, and reads what it saw before.
    #[expect(
        clippy::disallowed_methods,
        reason = "part of the store that goes round `Fs`"
    )]
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut bytes = [0; LEN];
        let seen = match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => decode(&bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error),
        };
        Ok(Self { file, seen })
    }

    /// What it saw before it was opened; `None` if it is new or damaged.
    pub(super) fn seen(&self) -> Option<Seen> {
        self.seen
    }

    /// Records what is true from now on.
    pub(super) fn record(&self, seen: Seen) -> io::Result<()> {
        self.file.write_all_at(&encode(seen), 0)
    }
}

fn encode(seen: Seen) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    let (head, body) = bytes.split_at_mut(8);
    let (commits, poisoned) = body.split_at_mut(8);
    commits.copy_from_slice(&seen.commits.to_le_bytes());
    poisoned.copy_from_slice(&u64::from(seen.poisoned).to_le_bytes());
    let crc = crc32c(body).to_le_bytes();
    let (magic, sum) = head.split_at_mut(4);
    magic.copy_from_slice(&MAGIC);
    sum.copy_from_slice(&crc);
    bytes
}

fn decode(bytes: &[u8; LEN]) -> Option<Seen> {
    let (commits, _) = bytes.get(8..)?.split_first_chunk()?;
    let (poisoned, _) = bytes.get(16..)?.split_first_chunk()?;
    let poisoned = u64::from_le_bytes(*poisoned) != 0;
    let seen = Seen {
        commits: u64::from_le_bytes(*commits),
        poisoned,
    };
    (encode(seen) == *bytes).then_some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_seen_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("commits");
        let seen = Seen {
            commits: 7,
            poisoned: true,
        };
        let witness = Witness::open(path.clone()).unwrap();
        assert_eq!(witness.seen(), None);
        witness.record(seen).unwrap();
        assert_eq!(Witness::open(path).unwrap().seen(), Some(seen));
    }

    #[test]
    fn a_flip_of_any_bit_makes_it_as_good_as_none() {
        let good = encode(Seen {
            commits: 0x0102_0304_0506_0708,
            poisoned: false,
        });
        for bit in 0..LEN * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bad), None, "bit {bit}");
        }
    }
}
