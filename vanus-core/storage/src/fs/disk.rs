//! The real disk. This is the only file of Vanus that opens files.
#![expect(
    clippy::disallowed_methods,
    reason = "the one implementation of the seam that names them"
)]

use std::{
    fs, io,
    io::IoSlice,
    num::NonZeroU64,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{Advice, FallocateFlags, OFlags};

use super::{DirEntry, DirLock, File, Fs, OpenMode, Space, api::check_path};

/// The flag of writes past the page cache.
const DIRECT: i32 = OFlags::DIRECT.bits().cast_signed();

/// A folder of the real file system.
#[derive(Debug, Clone)]
pub struct DiskFs {
    root: PathBuf,
}

impl DiskFs {
    /// Opens `root` as a file system, making the folder when it is missing.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<DiskFs> {
        let root = root.into();
        // What lies here is for the owner alone: events and, without a key, secrets.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&root)?;
        Ok(DiskFs { root })
    }

    /// The folder all paths are relative to.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        check_path(path)?;
        Ok(self.root.join(path))
    }
}

impl Fs for DiskFs {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let full = self.resolve(path)?;
        let mut options = fs::OpenOptions::new();
        options.read(true);
        match mode {
            OpenMode::Read => {}
            OpenMode::Write => drop(options.write(true)),
            OpenMode::CreateNew => drop(options.write(true).create_new(true)),
            OpenMode::OpenOrCreate => drop(options.write(true).create(true).truncate(false)),
            OpenMode::Direct => drop(options.write(true).custom_flags(DIRECT)),
        }
        Ok(Arc::new(DiskFile(options.open(full)?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.resolve(from)?, self.resolve(to)?);
        if from.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        fs::rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.resolve(path)?)
    }

    fn create_dir_all(&self, path: &str) -> io::Result<()> {
        fs::create_dir_all(self.resolve(path)?)
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        fs::remove_dir(self.resolve(path)?)
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.resolve(path)?)? {
            let entry = entry?;
            // A name that is not UTF-8 is not ours.
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(DirEntry {
                    name,
                    is_dir: entry.file_type()?.is_dir(),
                });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        fs::File::open(self.resolve(path)?)?.sync_all()
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.resolve(path)?.try_exists()
    }

    fn most_open_files(&self) -> u64 {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        limit.current.unwrap_or(u64::MAX)
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn DirLock>> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.resolve(path)?)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(DiskLock(file))),
            Err(fs::TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{} is locked by another process", self.root.display()),
            )),
            Err(fs::TryLockError::Error(e)) => Err(e),
        }
    }

    fn space(&self) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(Space {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }
}

#[derive(Debug)]
struct DiskFile(fs::File);

impl File for DiskFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(buf, offset)
    }

    fn write_vectored_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(&self.0, bufs, offset)?)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::KEEP_SIZE, 0, len) {
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            other => Ok(other?),
        }
    }

    fn prefetch(&self, offset: u64, len: u64) {
        // A hint that is refused costs nothing but time.
        let _ = rustix::fs::fadvise(&self.0, offset, NonZeroU64::new(len), Advice::WillNeed);
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// The lock lives as long as the open file.
#[derive(Debug)]
struct DiskLock(#[expect(dead_code, reason = "held for its lock, never used")] fs::File);

impl DirLock for DiskLock {}

#[cfg(test)]
mod tests {
    use std::io;

    use super::DiskFs;
    use crate::fs::{Fs, contract};

    #[test]
    fn the_real_disk_keeps_the_contract() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        contract::run(&|name| Box::new(DiskFs::open(root.join(name)).unwrap()));
    }

    #[test]
    fn a_lock_is_seen_through_another_handle_of_the_same_folder() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DiskFs::open(dir.path()).unwrap().lock("LOCK").unwrap();
        let second = DiskFs::open(dir.path()).unwrap().lock("LOCK");
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        DiskFs::open(dir.path()).unwrap().lock("LOCK").unwrap();
    }
}
