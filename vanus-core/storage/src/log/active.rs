//! The segment that is written to: its handles, its end, and what of its index is not in a file yet.

use std::{io, io::IoSlice, sync::Arc};

use super::FileContext;
use crate::{
    fs::{DIRECT_BLOCK, File, OpenMode, write_all_vectored_at},
    segment::{EntryKind, INDEX_EVERY, IndexEntry, Segment},
    store::{DiskError, StoreOptions},
};

/// From how many bytes on a write goes past the page cache, mostly: a sixty-fourth of a segment, at most 1 MiB. Smaller
/// ones are likely to be read from there soon.
fn direct_bytes(options: &StoreOptions) -> u64 {
    (options.segment_bytes / 64).clamp(DIRECT_BLOCK as u64, 1024 * 1024)
}

/// A segment that is written to, or was.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) segment: Arc<Segment>,
    /// Open while it is dirty, so that an error of a later sync is not lost with the handle.
    pub(super) file: Option<Arc<dyn File>>,
    /// The same file past the page cache, open as long, once a large write wanted it.
    pub(super) direct: Option<Direct>,
    pub(super) position: u64,
    /// Position of the last sparse entry, 0 when there is none.
    pub(super) indexed: u64,
    /// Entries not in the index file yet.
    pub(super) pending: Vec<IndexEntry>,
    /// Bytes of the index file that are right.
    pub(super) index_len: u64,
    /// The end as of the last checkpoint.
    pub(super) checkpointed: u64,
}

/// A file past the page cache, or that the disk has no such thing.
#[derive(Debug, Clone)]
pub(super) enum Direct {
    Open(Arc<dyn File>),
    Refused,
}

impl Active {
    pub(super) fn is_dirty(&self) -> bool {
        self.position != self.checkpointed
    }

    /// The handle to write with.
    pub(super) fn open(&mut self, context: &FileContext) -> Result<Arc<dyn File>, DiskError> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        let file = self
            .segment
            .reopen(context.fs.as_ref())
            .map_err(DiskError::new("open", self.segment.path()))?;
        self.file = Some(file.clone());
        Ok(file)
    }

    /// The handle to write large pieces with, if there can be one now: everything works without, so that no error is
    /// worth stopping for, such as having too many files open.
    fn open_direct(&mut self, context: &FileContext) -> Option<Arc<dyn File>> {
        if self.direct.is_none() {
            self.direct = match context.fs.open(self.segment.path(), OpenMode::Direct) {
                Ok(file) => Some(Direct::Open(file)),
                Err(e) if e.kind() == io::ErrorKind::InvalidInput => Some(Direct::Refused),
                Err(_) => None,
            };
        }
        match &self.direct {
            Some(Direct::Open(file)) => Some(file.clone()),
            Some(Direct::Refused) | None => None,
        }
    }

    /// Writes the pieces, `len` bytes, at the end: what is large past the page cache.
    pub(super) fn write(
        &mut self,
        context: &FileContext,
        pieces: &[&[u8]],
        len: u64,
    ) -> Result<(), DiskError> {
        let file = self.open(context)?;
        let fail = DiskError::new("write to", self.segment.path().to_owned());
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().copied().map(IoSlice::new).collect();
        if len >= direct_bytes(&context.options)
            && let Some(direct) = self.open_direct(context)
        {
            let files = (file.as_ref(), direct.as_ref());
            match context
                .staging
                .lock()
                .write_around(files, pieces, self.position)
            {
                Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                    self.direct = Some(Direct::Refused);
                }
                other => return other.map_err(fail),
            }
        }
        write_all_vectored_at(file.as_ref(), &mut slices, self.position).map_err(fail)
    }

    /// Lets go of the handle; readers may keep it.
    pub(super) fn release(&mut self, context: &FileContext) {
        self.file = None;
        self.direct = None;
        self.segment.release(&context.handles);
    }

    /// Notes a batch that begins at `position` if an entry is due.
    pub(super) fn index(&mut self, batch: &vanus_types::BatchHeader, position: u64) {
        if self.indexed != 0 && position - self.indexed < INDEX_EVERY {
            return;
        }
        self.indexed = position;
        let entry = IndexEntry {
            offset: batch.base_offset,
            position,
            time_ms: batch.append_time_ms,
            kind: EntryKind::Sparse,
        };
        self.pending.push(entry);
        self.segment.with_index(|index| index.push(entry));
    }
}
