//! The end of the write-ahead log: frames go in, and are made durable.

use std::{io, io::IoSlice, sync::Arc};

use super::{
    files::{Ready, WalFiles},
    layout::{BLOCK, Entry, FrameBytes, FrameHeader, span},
};
use crate::{
    fs::{File, Staging, write_all_vectored_at},
    store::DiskError,
};

/// Writes frames. Owned by the committer; there is one.
#[derive(Debug)]
pub(crate) struct WalWriter {
    files: Arc<WalFiles>,
    current: Option<Current>,
    next_lsn: u64,
    synced_lsn: u64,
    /// Bytes written so far, and how many of them are synced.
    written_bytes: u64,
    synced_bytes: u64,
    bytes: FrameBytes,
    /// Made for the first frame that is written past the page cache.
    staging: Option<Staging>,
}

/// From how many bytes on a frame is written past the page cache though nobody waits for a sync of it: as far as a copy
/// into the page cache, with the work of writing that out, takes longer than the disk.
const DIRECT_BYTES: u64 = 128 * 1024;

/// What is to be synced: everything written when it was taken. It lives on its own, so that frames go in meanwhile.
#[derive(Debug)]
pub(crate) struct Unsynced {
    file: Arc<dyn File>,
    path: String,
    lsn: u64,
    bytes: u64,
}

impl Unsynced {
    /// Makes it durable. [`WalWriter::synced`] has to be told of a success; a failure is final.
    pub(crate) fn sync(&self) -> Result<(), DiskError> {
        self.file
            .sync_data()
            .map_err(DiskError::new("sync", self.path.as_str()))
    }
}

#[derive(Debug)]
struct Current {
    ready: Ready,
    position: u64,
}

impl Current {
    /// Writes whole blocks at the end: past the page cache where there is `staging` and the disk has that.
    fn write<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]> + Clone,
        staging: Option<&mut Option<Staging>>,
    ) -> io::Result<()> {
        if let (Some(direct), Some(staging)) = (&self.ready.direct, staging) {
            let staging = staging.get_or_insert_with(Staging::new);
            match staging.write_all_at(direct.as_ref(), pieces.clone(), self.position) {
                // The disk opened the file so, and does not take such blocks after all.
                Err(e) if e.kind() == io::ErrorKind::InvalidInput => self.ready.direct = None,
                other => return other,
            }
        }
        let mut pieces: Vec<IoSlice<'_>> = pieces.map(IoSlice::new).collect();
        write_all_vectored_at(self.ready.file.as_ref(), &mut pieces, self.position)
    }
}

impl WalWriter {
    /// A writer whose first frame will be `next_lsn`, in a new file.
    pub(crate) fn new(files: Arc<WalFiles>, next_lsn: u64) -> WalWriter {
        WalWriter {
            files,
            current: None,
            next_lsn,
            synced_lsn: next_lsn.saturating_sub(1),
            written_bytes: 0,
            synced_bytes: 0,
            bytes: FrameBytes::default(),
            staging: None,
        }
    }

    /// The number of the last frame written.
    pub(crate) fn written_lsn(&self) -> u64 {
        self.next_lsn.saturating_sub(1)
    }

    /// Bytes written and not yet synced.
    pub(crate) fn unsynced_bytes(&self) -> u64 {
        self.written_bytes - self.synced_bytes
    }

    /// Whether a frame with such a payload fits into the current file.
    pub(crate) fn fits(&self, payload: usize) -> bool {
        self.current
            .as_ref()
            .is_some_and(|current| current.position + span(payload) <= self.files.size())
    }

    /// The bytes a frame with such a payload takes.
    pub(crate) fn frame_len(&self, payload: usize) -> u64 {
        span(payload)
    }

    /// Whether little is left of the current file, so that the next one should be prepared.
    pub(crate) fn past_half(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|current| current.position > self.files.size() / 2)
    }

    /// Takes the next file into use. Everything written has to be synced before, so that at most one file is ever
    /// unsynced. When it fails nothing has changed, and it can be tried again.
    pub(crate) fn next_file(&mut self) -> Result<(), DiskError> {
        debug_assert_eq!(self.unsynced_bytes(), 0);
        let ready = self.files.take()?;
        if let Some(full) = self.current.take() {
            self.files
                .retire_current(full.ready.path, self.next_lsn.saturating_sub(1));
        }
        self.current = Some(Current {
            ready,
            position: BLOCK,
        });
        Ok(())
    }

    /// Writes one frame; answers the bytes it took. It has to fit, see [`WalWriter::fits`]. Where a sync follows, or
    /// the frame is large, it goes past the page cache.
    pub(crate) fn append(&mut self, entries: &[Entry], sync: bool) -> Result<u64, DiskError> {
        let Some(current) = self.current.as_mut() else {
            return Err(DiskError::new("write to", "wal")(
                std::io::ErrorKind::NotFound.into(),
            ));
        };
        let mut header = FrameHeader {
            number: current.ready.header.number,
            generation: current.ready.header.generation,
            position: current.position,
            lsn: self.next_lsn,
            synced_lsn: self.synced_lsn,
            payload_len: 0,
            entries: 0,
        };
        self.bytes.lay_out(&mut header, entries);
        let span = header.span();
        let pieces = self.bytes.padded_pieces(entries);
        let staging = (sync || span >= DIRECT_BYTES).then_some(&mut self.staging);
        current
            .write(pieces, staging)
            .map_err(DiskError::new("write to", current.ready.path.as_str()))?;
        current.position += span;
        self.next_lsn += 1;
        self.written_bytes += span;
        Ok(span)
    }

    /// What is to be synced, if there is anything.
    pub(crate) fn unsynced(&self) -> Option<Unsynced> {
        let current = self
            .current
            .as_ref()
            .filter(|_| self.unsynced_bytes() > 0)?;
        Some(Unsynced {
            file: current.ready.file.clone(),
            path: current.ready.path.clone(),
            lsn: self.written_lsn(),
            bytes: self.written_bytes,
        })
    }

    /// What was taken with [`WalWriter::unsynced`] is durable.
    pub(crate) fn synced(&mut self, done: &Unsynced) {
        self.synced_lsn = self.synced_lsn.max(done.lsn);
        self.synced_bytes = self.synced_bytes.max(done.bytes);
    }
}
