//! What callers of [`Fs`] and [`File`] need again and again: whole reads and writes, and files replaced in one step.

use std::{io, io::IoSlice};

use super::{File, Fs, OpenMode, api::parent};

/// Pieces handed to the kernel in one call: the smallest `IOV_MAX` in use.
pub(crate) const MAX_PIECES: usize = 1024;

/// Fills `buf` from `offset`, or answers [`io::ErrorKind::UnexpectedEof`].
///
/// # Errors
/// As [`File::read_at`].
pub fn read_exact_at(file: &dyn File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    let wanted = buf.len();
    if read_full_at(file, buf, offset)? == wanted {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("the file ends before {wanted} bytes at position {offset}"),
        ))
    }
}

/// Reads until `buf` is full or the file ends; answers the bytes read.
///
/// # Errors
/// As [`File::read_at`].
pub fn read_full_at(file: &dyn File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// Writes all of `buf` at `offset`.
///
/// # Errors
/// As [`File::write_at`]; a part may have been written.
pub fn write_all_at(file: &dyn File, buf: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = buf.get(done..).filter(|rest| !rest.is_empty()) {
        match file.write_at(rest, offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Writes all pieces one after the other, beginning at `offset`. The pieces are used up.
///
/// # Errors
/// As [`File::write_vectored_at`]; a part may have been written.
pub fn write_all_vectored_at(
    file: &dyn File,
    mut pieces: &mut [IoSlice<'_>],
    mut offset: u64,
) -> io::Result<()> {
    // An empty first piece would make a write of nothing look like a full disk.
    IoSlice::advance_slices(&mut pieces, 0);
    while !pieces.is_empty() {
        let now = pieces.get(..MAX_PIECES).unwrap_or(pieces);
        match file.write_vectored_at(now, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                offset += n as u64;
                IoSlice::advance_slices(&mut pieces, n);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Reads a whole file of at most `limit` bytes; `None` when it does not exist.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] beyond the limit, or as [`Fs::open`] and [`File::read_at`].
pub fn read_file(fs: &dyn Fs, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match fs.open(path, OpenMode::Read) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let len = file.len()?;
    if len > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("{path} has {len} bytes, more than the {limit} it may have"),
        ));
    }
    let mut buf = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    let read = read_full_at(file.as_ref(), &mut buf, 0)?;
    buf.truncate(read);
    Ok(Some(buf))
}

/// Replaces a file in one step and makes that durable: after a power loss it holds the old bytes or these.
///
/// # Errors
/// As the calls it makes; the old file is untouched unless the last of them, the sync of the folder, failed.
pub fn replace_file(fs: &dyn Fs, path: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{path}.tmp");
    let file = fs.open(&temporary, OpenMode::OpenOrCreate)?;
    file.set_len(0)?;
    write_all_at(file.as_ref(), bytes, 0)?;
    file.sync_all()?;
    fs.rename(&temporary, path)?;
    fs.sync_dir(parent(path))
}

/// Removes a file; one that is already gone is fine.
///
/// # Errors
/// As [`Fs::remove`].
pub fn remove_if_there(fs: &dyn Fs, path: &str) -> io::Result<()> {
    match fs.remove(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
