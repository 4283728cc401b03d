//! The work of one checkpoint for one eventlog, done without any lock.

use std::sync::Arc;

use super::{FileContext, Log};
use crate::{
    fs::{File, OpenMode, replace_file, write_all_at},
    log::snapshot,
    segment::{IndexEntry, Segment},
    store::DiskError,
};

/// The work of one checkpoint for one eventlog.
#[derive(Debug)]
pub(crate) struct CheckpointJob {
    pub(super) log: Arc<Log>,
    pub(super) parts: Vec<Part>,
    /// The segments made when the job was taken, if their names are to be synced.
    pub(super) names: Option<u64>,
    pub(super) producers: Option<Saved>,
}

#[derive(Debug)]
pub(super) struct Part {
    pub(super) segment: Arc<Segment>,
    pub(super) file: Option<Arc<dyn File>>,
    pub(super) position: u64,
    /// How many of the entries were waiting in the writer; one more is the checkpoint's own.
    pub(super) pending: usize,
    pub(super) entries: Vec<IndexEntry>,
    pub(super) index_at: u64,
    pub(super) seal: bool,
}

#[derive(Debug)]
pub(super) struct Saved {
    pub(super) bytes: Vec<u8>,
    pub(super) version: u64,
    pub(super) written: u64,
}

/// Why a job failed.
#[derive(Debug)]
pub(crate) struct JobError {
    pub(crate) error: DiskError,
    /// A sync failed: what is on the disk is not known any more.
    pub(crate) fatal: bool,
}

impl CheckpointJob {
    /// Makes everything durable in the order that recovery relies on: segments, their names, the producers, and only
    /// then the index which says so. Answers the number of syncs.
    pub(crate) fn run(&self, context: &FileContext) -> Result<u64, JobError> {
        let fs = context.fs.as_ref();
        let fatal = |error| JobError { error, fatal: true };
        // A failed sync is fatal whatever it says; a failed write only unless the disk is full.
        let write = |error: DiskError| JobError {
            fatal: !error.is_full(),
            error,
        };
        let mut syncs = 0;
        for part in &self.parts {
            let path = part.segment.path();
            let file = match &part.file {
                Some(file) => Ok(file.clone()),
                None => fs.open(path, OpenMode::Write),
            };
            let file = file.map_err(DiskError::new("open", path)).map_err(write)?;
            file.sync_data()
                .map_err(DiskError::new("sync", path))
                .map_err(fatal)?;
            syncs += 1;
        }
        if self.names.is_some() {
            let dir = self.log.dir();
            fs.sync_dir(dir)
                .map_err(DiskError::new("sync", dir))
                .map_err(fatal)?;
            syncs += 1;
        }
        if let Some(saved) = &self.producers {
            let path = format!("{}/{}", self.log.dir(), snapshot::FILE);
            replace_file(fs, &path, &saved.bytes)
                .map_err(DiskError::new("replace", path))
                .map_err(write)?;
            syncs += 1;
        }
        for part in &self.parts {
            let path = part.segment.index_path();
            let bytes: Vec<u8> = part
                .entries
                .iter()
                .flat_map(|entry| entry.encode(self.log.id(), part.segment.base()))
                .collect();
            let file = fs
                .open(path, OpenMode::OpenOrCreate)
                .map_err(DiskError::new("open", path))
                .map_err(write)?;
            write_all_at(file.as_ref(), &bytes, part.index_at)
                .map_err(DiskError::new("write to", path))
                .map_err(write)?;
            file.sync_data()
                .map_err(DiskError::new("sync", path))
                .map_err(fatal)?;
            syncs += 1;
        }
        Ok(syncs)
    }

    /// Tells the writer what is durable now.
    pub(crate) fn finish(&self, context: &FileContext) {
        self.log.writer.lock().finish(self, context);
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.producers.is_none() && self.names.is_none()
    }
}
