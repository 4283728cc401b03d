//! What a disk does at best, without Vanus: the floor that figures are compared with.

use std::{io, sync::Arc};

use vanus_storage::fs::{DiskFs, File, Fs as _, OpenMode, remove_if_there, write_all_at};
use vanus_types::{Clock, Durability};

use super::{recorder::Latencies, report::Row, stop::Stop};
use crate::error::CliError;

/// Bytes of the file that is overwritten.
const OVERWRITTEN_LEN: usize = 16 * 1024 * 1024;

/// A file of its own on the disk that is measured; gone when dropped.
#[derive(Debug)]
pub(super) struct ScratchFile {
    fs: DiskFs,
    name: String,
    pub(super) file: Arc<dyn File>,
}

impl ScratchFile {
    pub(super) fn make(directory: &str, name: &str) -> io::Result<Self> {
        let fs = DiskFs::open(directory)?;
        let file = fs.open(name, OpenMode::CreateNew)?;
        Ok(Self {
            fs,
            name: name.to_owned(),
            file,
        })
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // What stays behind has a name that tells whose it is.
        let _ = remove_if_there(&self.fs, &self.name);
    }
}

/// How often something is done, and how long at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) times: usize,
    pub(super) ns: u64,
}

/// Writes `len` bytes and syncs, `most` often, over space that was written before.
pub(super) fn overwrite_and_sync(
    file: &dyn File,
    clock: &dyn Clock,
    len: usize,
    most: Most,
    stop: &Stop,
) -> Result<Row, CliError> {
    let block = vec![0x5A; OVERWRITTEN_LEN];
    measured(write_all_at(file, &block, 0).and_then(|()| file.sync_all()))?;
    let places = (OVERWRITTEN_LEN / len).max(1);
    let offset = |turn: usize| ((turn % places) * len) as u64;
    write_and_sync(file, clock, "overwrite, fdatasync", len, most, offset, stop)
}

/// Writes `len` bytes and syncs, `most` often, at the end of a growing file.
pub(super) fn append_and_sync(
    file: &dyn File,
    clock: &dyn Clock,
    len: usize,
    most: Most,
    stop: &Stop,
) -> Result<Row, CliError> {
    measured(file.set_len(0))?;
    write_and_sync(
        file,
        clock,
        "append, fdatasync",
        len,
        most,
        |turn| (turn * len) as u64,
        stop,
    )
}

fn write_and_sync(
    file: &dyn File,
    clock: &dyn Clock,
    name: &str,
    len: usize,
    most: Most,
    offset: impl Fn(usize) -> u64,
    stop: &Stop,
) -> Result<Row, CliError> {
    let block = vec![0xA5; len];
    let (mut latencies, mut done) = (Latencies::new()?, 0);
    let begin = clock.monotonic_ns();
    for turn in 0..most.times {
        if stop.is_asked() || clock.monotonic_ns() - begin > most.ns {
            break;
        }
        let before = clock.monotonic_ns();
        measured(write_all_at(file, &block, offset(turn)).and_then(|()| file.sync_data()))?;
        latencies.record(clock.monotonic_ns() - before);
        done += 1;
    }
    let row = Row {
        payload_bytes: Some(len),
        durability: Some(Durability::Fsync),
        ..Row::named(name)
    };
    Ok(row
        .rate(done, clock.monotonic_ns() - begin)
        .latencies(&latencies))
}

fn measured<T>(done: io::Result<T>) -> Result<T, CliError> {
    done.map_err(|source| CliError::Disk {
        path: "the disk".to_owned(),
        source,
    })
}
