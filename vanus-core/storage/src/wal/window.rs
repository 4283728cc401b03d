//! A write-ahead log file read front to back, a piece at a time: recovery needs no more memory than its largest
//! frame. What the bytes mean is known by `layout`.

use std::sync::Arc;

use bytes::Bytes;

use super::layout::{BLOCK, FrameHeader, decode_frame, frame_len};
use crate::{
    fs::{File, Fs, OpenMode, read_full_at},
    store::{DiskError, MAX_WAL_FILE_BYTES},
};

/// Bytes read at once; a frame that is larger is read as a whole.
const READ_LEN: u64 = 256 * 1024;

/// The bytes around the place where somebody reads.
#[derive(Debug)]
pub(super) struct Window<'a> {
    path: &'a str,
    file: Arc<dyn File>,
    len: u64,
    /// Where in the file `bytes` begins.
    start: u64,
    bytes: Bytes,
}

impl<'a> Window<'a> {
    pub(super) fn open(fs: &dyn Fs, path: &'a str) -> Result<Self, DiskError> {
        let fail = || DiskError::new("read", path);
        let file = fs.open(path, OpenMode::Read).map_err(fail())?;
        let len = file.len().map_err(fail())?.min(MAX_WAL_FILE_BYTES);
        Ok(Self {
            path,
            file,
            len,
            start: 0,
            bytes: Bytes::new(),
        })
    }

    /// Bytes of the file.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// At least `wanted` bytes from `position` on; less where the file ends.
    pub(super) fn at(&mut self, position: u64, wanted: u64) -> Result<Bytes, DiskError> {
        let rest = self.len.saturating_sub(position);
        let wanted = wanted.min(rest);
        let held = |window: &Self| {
            let from = usize::try_from(position.checked_sub(window.start)?).ok()?;
            let there = window.bytes.len().checked_sub(from)? as u64;
            (there >= wanted).then(|| window.bytes.slice(from..))
        };
        if let Some(bytes) = held(self) {
            return Ok(bytes);
        }
        let len = wanted.max(READ_LEN.min(rest));
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = read_full_at(self.file.as_ref(), &mut bytes, position)
            .map_err(DiskError::new("read", self.path))?;
        bytes.truncate(read);
        (self.start, self.bytes) = (position, bytes.into());
        Ok(self.bytes.clone())
    }

    /// The frame at `position`, if there is a whole one of file `number`.
    pub(super) fn frame(
        &mut self,
        position: u64,
        number: u64,
    ) -> Result<Option<(FrameHeader, Bytes)>, DiskError> {
        let head = self.at(position, BLOCK)?;
        let Some(len) = frame_len(&head, number) else {
            return Ok(None);
        };
        let bytes = self.at(position, len)?;
        Ok(decode_frame(&bytes, position, number))
    }
}
