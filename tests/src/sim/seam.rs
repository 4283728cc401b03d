//! The disk as the store sees it: every call goes into the fingerprint, faults that strike are told, reads may be
//! damaged, and a planted bug does its work here.

use std::{
    hash::Hasher,
    io::{self, IoSlice},
    sync::Arc,
};

use parking_lot::Mutex;
use vanus_storage::fs::{DirEntry, DirLock, FaultyFs, File, Fs, OpenMode, Space};
use vanus_types::checksum::crc32c;

use super::{Bug, forge, trace::Fingerprint, trace::Struck};

/// A disk between the store and [`FaultyFs`]. Clones share everything.
#[derive(Debug, Clone)]
pub struct SeamFs {
    faulty: FaultyFs,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    calls: Fingerprint,
    struck: Vec<Struck>,
    /// Where to damage the next read of a segment.
    damage: Option<usize>,
    bug: Option<Bug>,
    /// Segments whose sync a planted bug puts off.
    put_off: Vec<Arc<dyn File>>,
}

impl SeamFs {
    /// A disk over `faulty`, for a store that may have a bug.
    #[must_use]
    pub fn new(faulty: FaultyFs, bug: Option<Bug>) -> Self {
        let state = State {
            bug,
            ..State::default()
        };
        Self {
            faulty,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Damages the next read of a segment, near byte `at`.
    pub fn damage_a_read(&self, at: usize) {
        self.state.lock().damage = Some(at);
    }

    /// Damages nothing, and forgets what a planted bug put off: the machine starts anew.
    pub fn restart(&self) {
        let mut state = self.state.lock();
        state.damage = None;
        state.put_off.clear();
    }

    /// What struck since this was asked last.
    pub fn take_struck(&self) -> Vec<Struck> {
        std::mem::take(&mut self.state.lock().struck)
    }

    /// A number that differs when any call of the disk so far does.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.state.lock().calls.finish()
    }

    fn has(&self, bug: Bug) -> bool {
        self.state.lock().bug == Some(bug)
    }

    /// Makes a call: notes it with its answer, and what a fault did to it.
    fn call<T>(
        &self,
        name: &str,
        path: &str,
        numbers: [u64; 2],
        make: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let hits = self.faulty.hits();
        let answer = make();
        let mut state = self.state.lock();
        state.calls.write(name.as_bytes());
        state.calls.write(path.as_bytes());
        for number in numbers {
            state.calls.write_u64(number);
        }
        let kind = answer.as_ref().err().map(io::Error::kind);
        let said = kind.map_or_else(String::new, |kind| format!("{kind:?}"));
        state.calls.write(said.as_bytes());
        if self.faulty.hits() > hits {
            state.struck.push(match (kind, name) {
                // The machine stops in the middle of this call.
                (None, _) if self.faulty.crashed() => Struck::Failed,
                (None, _) => Struck::Short,
                (Some(io::ErrorKind::StorageFull), _) => Struck::NoSpace,
                (Some(_), "sync" | "sync_dir") => Struck::Unsynced,
                (Some(_), _) => Struck::Failed,
            });
        }
        answer
    }

    /// Retention with a bug: the segment after the one that is removed goes too.
    fn remove_next(&self, path: &str) -> io::Result<()> {
        let Some((dir, name)) = path.rsplit_once('/') else {
            return Ok(());
        };
        let names = self.faulty.list_dir(dir)?;
        let mut later = names
            .iter()
            .filter(|entry| entry.name.as_str() > name && entry.name.ends_with(".seg"));
        match (later.next(), later.next()) {
            (Some(next), Some(_)) => self.faulty.remove(&format!("{dir}/{}", next.name)),
            _ => Ok(()),
        }
    }

    fn sync_put_off(&self) -> io::Result<()> {
        let files = std::mem::take(&mut self.state.lock().put_off);
        files.iter().try_for_each(|file| file.sync_data())
    }
}

impl Fs for SeamFs {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        if self.has(Bug::DedupeLostOnRestart) && path.ends_with("producers.snap") {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inner = self.call("open", path, [0, 0], || self.faulty.open(path, mode))?;
        Ok(Arc::new(SeamFile {
            inner,
            path: path.to_owned(),
            seam: self.clone(),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if to == "wal/checkpoint" {
            self.sync_put_off()?;
        }
        self.call("rename", to, [0, 0], || self.faulty.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        if self.has(Bug::RetentionPastAReader) && path.ends_with(".seg") {
            self.remove_next(path)?;
        }
        self.call("remove", path, [0, 0], || self.faulty.remove(path))
    }

    fn create_dir_all(&self, path: &str) -> io::Result<()> {
        self.call("create_dir", path, [0, 0], || {
            self.faulty.create_dir_all(path)
        })
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.call("remove_dir", path, [0, 0], || self.faulty.remove_dir(path))
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        self.call("list_dir", path, [0, 0], || self.faulty.list_dir(path))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        if self.has(Bug::SkippedDirectoryFsync) {
            return Ok(());
        }
        self.call("sync_dir", path, [0, 0], || self.faulty.sync_dir(path))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.faulty.exists(path)
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn DirLock>> {
        self.faulty.lock(path)
    }

    fn space(&self) -> io::Result<Space> {
        self.faulty.space()
    }
}

#[derive(Debug)]
struct SeamFile {
    inner: Arc<dyn File>,
    path: String,
    seam: SeamFs,
}

impl SeamFile {
    /// Damages what was read, if that is wanted now; with a bug, so that no checksum tells.
    fn damage(&self, bytes: &mut [u8]) {
        let mut state = self.seam.state.lock();
        if bytes.is_empty() || !self.path.ends_with(".seg") {
            return;
        }
        let Some(at) = state.damage else { return };
        let done = if state.bug == Some(Bug::IgnoredChecksum) {
            forge::damage_unnoticed(bytes)
        } else {
            forge::damage(bytes, at)
        };
        if done {
            state.damage = None;
            state.struck.push(Struck::Damaged);
        }
    }

    /// The eventlog and first offset of the segment whose index this is.
    fn indexed(&self) -> Option<(u64, u64)> {
        let (dir, name) = self.path.strip_suffix(".idx")?.rsplit_once('/')?;
        let log = u64::from_str_radix(dir.strip_prefix("segments/")?, 16).ok()?;
        Some((log, name.parse().ok()?))
    }
}

impl File for SeamFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let numbers = [offset, buf.len() as u64];
        let read = self.seam.call("read", &self.path, numbers, || {
            self.inner.read_at(buf, offset)
        })?;
        let bytes = buf.get_mut(..read).unwrap_or_default();
        self.damage(bytes);
        if offset == 0
            && self.path.ends_with(".wal")
            && self.seam.has(Bug::RecycledLogBlockBelieved)
        {
            forge::believe_recycled(bytes);
        }
        Ok(read)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        let place = self
            .indexed()
            .filter(|_| self.seam.has(Bug::OffByOneAtSeal));
        let forged = place.map(|(log, base)| forge::seal_early(buf, log, base));
        let bytes = forged.as_deref().unwrap_or(buf);
        let numbers = [offset, u64::from(crc32c(bytes))];
        self.seam.call("write", &self.path, numbers, || {
            self.inner.write_at(bytes, offset)
        })
    }

    fn write_vectored_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let numbers = bufs
            .iter()
            .map(|buf| u64::from(crc32c(buf)))
            .fold(0, |sum: u64, crc| sum.rotate_left(7) ^ crc);
        self.seam.call("write", &self.path, [offset, numbers], || {
            self.inner.write_vectored_at(bufs, offset)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.path.starts_with("wal/") && self.seam.has(Bug::AckBeforeFsync) {
            return Ok(());
        }
        if self.path.ends_with(".seg") && self.seam.has(Bug::IndexAheadOfData) {
            self.seam.state.lock().put_off.push(self.inner.clone());
            return Ok(());
        }
        self.seam
            .call("sync", &self.path, [0, 0], || self.inner.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.seam
            .call("sync", &self.path, [1, 0], || self.inner.sync_all())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.seam
            .call("set_len", &self.path, [len, 0], || self.inner.set_len(len))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.seam.call("allocate", &self.path, [len, 0], || {
            self.inner.allocate(len)
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
}
