//! Writing past the page cache: memory that such writes take, and writing all of something through it.
//!
//! Who writes large blocks and reads them back rarely, as a write-ahead log does, spares a copy into the page cache, the
//! pages themselves, and the work of the kernel that writes them out.

use std::{io, io::IoSlice};

use super::{DIRECT_BLOCK, File, write_all_vectored_at};

/// Bytes copied together before they are written.
const STAGED: usize = 1024 * 1024;

/// How often a write that moved less than one block is tried again.
const MOST_STALLS: u32 = 8;

/// Memory of a fixed address that is a multiple of [`DIRECT_BLOCK`], to gather pieces in and write them from.
#[derive(Debug)]
pub(crate) struct Staging {
    memory: Vec<u8>,
    start: usize,
}

impl Staging {
    pub(crate) fn new() -> Staging {
        let memory = vec![0; STAGED + DIRECT_BLOCK];
        let start = memory.as_ptr().align_offset(DIRECT_BLOCK).min(DIRECT_BLOCK);
        Staging { memory, start }
    }

    fn block(&mut self) -> &mut [u8] {
        let end = self.start + STAGED;
        self.memory.get_mut(self.start..end).unwrap_or_default()
    }

    /// Writes the pieces one after the other, beginning at `offset`. Together they have to fill whole blocks, and `file`
    /// to be open as [`OpenMode::Direct`](super::OpenMode::Direct).
    ///
    /// # Errors
    /// As [`File::write_at`]; a part may have been written.
    pub(crate) fn write_all_at<'a>(
        &mut self,
        file: &dyn File,
        pieces: impl Iterator<Item = &'a [u8]>,
        mut offset: u64,
    ) -> io::Result<()> {
        let block = self.block();
        let mut filled = 0;
        for mut piece in pieces {
            while !piece.is_empty() {
                let taken = piece.len().min(block.len() - filled);
                let (now, rest) = piece.split_at(taken);
                if let Some(room) = block.get_mut(filled..filled + taken) {
                    room.copy_from_slice(now);
                }
                filled += taken;
                piece = rest;
                if filled == block.len() {
                    write_blocks(file, block, offset)?;
                    offset += filled as u64;
                    filled = 0;
                }
            }
        }
        write_blocks(file, block.get(..filled).unwrap_or_default(), offset)
    }

    /// Writes the pieces one after the other, beginning at `offset`: whole blocks in between with the second file, which
    /// is open as [`OpenMode::Direct`](super::OpenMode::Direct), and with the first what comes before and after. So no
    /// block is written through both.
    ///
    /// # Errors
    /// As [`File::write_at`]; a part may have been written.
    pub(crate) fn write_around(
        &mut self,
        (file, direct): (&dyn File, &dyn File),
        pieces: &[&[u8]],
        offset: u64,
    ) -> io::Result<()> {
        let end = offset + pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        let first = offset.next_multiple_of(DIRECT_BLOCK as u64).min(end);
        let last = (end - end % DIRECT_BLOCK as u64).max(first);
        let within = |from, to| part(pieces, from - offset, to - offset);
        let through = |from, to| {
            let mut slices: Vec<IoSlice<'_>> = within(from, to).map(IoSlice::new).collect();
            write_all_vectored_at(file, &mut slices, from)
        };
        through(offset, first)?;
        self.write_all_at(direct, within(first, last), first)?;
        through(last, end)
    }

    /// Writes zeros from `offset` to `end`, both multiples of [`DIRECT_BLOCK`].
    ///
    /// # Errors
    /// As [`File::write_at`]; a part may have been written.
    pub(crate) fn write_zeros(
        &mut self,
        file: &dyn File,
        mut offset: u64,
        end: u64,
    ) -> io::Result<()> {
        let block = self.block();
        block.fill(0);
        while offset < end {
            let len = usize::try_from(end - offset).unwrap_or(STAGED).min(STAGED);
            write_blocks(file, block.get(..len).unwrap_or_default(), offset)?;
            offset += len as u64;
        }
        Ok(())
    }
}

/// What lies from byte `from` to byte `to` of the pieces.
fn part<'a>(pieces: &[&'a [u8]], from: u64, to: u64) -> impl Iterator<Item = &'a [u8]> {
    let mut at = 0;
    pieces.iter().filter_map(move |piece| {
        let begin = at;
        at += piece.len() as u64;
        let start = usize::try_from(from.clamp(begin, at) - begin).ok()?;
        let end = usize::try_from(to.clamp(begin, at) - begin).ok()?;
        piece.get(start..end).filter(|part| !part.is_empty())
    })
}

/// Writes whole blocks. What was written of the last one of a write that fell short is written again: a write past the
/// page cache begins at the start of a block.
fn write_blocks(file: &dyn File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    let mut stalls = 0;
    while !bytes.is_empty() {
        let written = match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => n - n % DIRECT_BLOCK,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        stalls = if written == 0 { stalls + 1 } else { 0 };
        if stalls > MOST_STALLS {
            return Err(io::ErrorKind::WriteZero.into());
        }
        offset += written as u64;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fs::{Action, DiskFs, Fault, FaultyFs, Fs, MemoryFs, OpKind, OpenMode, read_file};

    fn through(fs: &dyn Fs, pieces: &[&[u8]]) -> Vec<u8> {
        fs.open("f", OpenMode::OpenOrCreate).unwrap();
        let file = fs.open("f", OpenMode::Direct).unwrap();
        let mut staging = Staging::new();
        staging.write_zeros(file.as_ref(), 0, 4096).unwrap();
        staging
            .write_all_at(file.as_ref(), pieces.iter().copied(), 4096)
            .unwrap();
        file.sync_data().unwrap();
        read_file(fs, "f", u64::MAX).unwrap().unwrap()
    }

    #[test]
    fn pieces_of_any_length_come_out_as_they_went_in() {
        let long: Vec<u8> = (0..STAGED + 5000).map(|at| (at % 251) as u8).collect();
        let rest = long.len().next_multiple_of(4096) + 4096 - long.len() - 3;
        let pieces: [&[u8]; 4] = [b"abc", &long, b"", &vec![9; rest]];
        let expected = [&[0; 4096][..], &pieces.concat()].concat();
        assert!(through(&MemoryFs::new(), &pieces) == expected);
        let dir = tempfile::tempdir().unwrap();
        assert!(through(&DiskFs::open(dir.path()).unwrap(), &pieces) == expected);
    }

    #[test]
    fn whole_blocks_go_one_way_and_their_surroundings_the_other() {
        let bytes: Vec<u8> = (0..40_000).map(|at| (at % 239) as u8).collect();
        let pieces: [&[u8]; 3] = [&bytes[..10], &bytes[10..9_000], &bytes[9_000..]];
        for offset in [0, 1, 4095, 4096, 5000] {
            for len in [0, 1, 100, 4096, 9_000, 40_000] {
                let fs = MemoryFs::new();
                let file = fs.open("f", OpenMode::CreateNew).unwrap();
                let direct = fs.open("f", OpenMode::Direct).unwrap();
                let now: Vec<&[u8]> = part(&pieces, 0, len).collect();
                Staging::new()
                    .write_around((file.as_ref(), direct.as_ref()), &now, offset)
                    .unwrap();
                let read = read_file(&fs, "f", u64::MAX).unwrap().unwrap();
                let written = read.get(offset as usize..).unwrap_or_default();
                assert!(written == &bytes[..len as usize], "{len} bytes at {offset}");
            }
        }
    }

    #[test]
    fn a_write_that_fell_short_goes_on_at_a_block() {
        let fs = FaultyFs::new(Arc::new(MemoryFs::new()));
        fs.plan(Fault::once(OpKind::Write, "f", Action::Short(4096)).after(1));
        let bytes: Vec<u8> = (0..3 * 4096).map(|at| (at % 241) as u8).collect();
        assert_eq!(through(&fs, &[&bytes])[4096..], bytes);
        assert_eq!(fs.hits(), 1);
    }
}
