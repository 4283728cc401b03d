//! The directory of the store: its lock, and moving whole databases and files into place.
#![expect(
    clippy::disallowed_methods,
    reason = "part of the store that goes round `Fs`"
)]

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    fs::{DiskFs, Fs as _},
    meta::MetaError,
};

/// Deepest directory tree that is rewritten; fjall's has three levels.
const MAX_DEPTH: usize = 8;

/// What must be free besides, in bytes, so that the database can go on once it is written anew.
const SPARE_BYTES: u64 = 4 * 1024 * 1024;

/// The unit of the number of blocks of a file, in bytes, whatever the file system.
const BLOCK: u64 = 512;

/// The locked directory; dropping it releases the lock.
#[derive(Debug)]
pub(super) struct Files {
    dir: PathBuf,
    _lock: File,
}

impl Files {
    /// Creates the directory if it is absent, and locks it.
    pub(super) fn lock(dir: &Path) -> Result<Self, MetaError> {
        let locked = || -> io::Result<Result<File, TryLockError>> {
            fs::create_dir_all(dir)?;
            let lock = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .open(dir.join("lock"))?;
            Ok(lock.try_lock().map(|()| lock))
        };
        let error = match locked() {
            Ok(Ok(lock)) => {
                return Ok(Self {
                    dir: dir.to_owned(),
                    _lock: lock,
                });
            }
            Ok(Err(TryLockError::WouldBlock)) => {
                return Err(MetaError::Locked {
                    path: dir.to_owned(),
                });
            }
            Ok(Err(TryLockError::Error(error))) | Err(error) => error,
        };
        Err(MetaError::Open {
            path: dir.to_owned(),
            source: Arc::new(error),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn database(&self) -> PathBuf {
        self.dir.join("db")
    }

    pub(super) fn witness(&self) -> PathBuf {
        self.dir.join("commits")
    }

    pub(super) fn open_error(&self, error: io::Error) -> MetaError {
        MetaError::Open {
            path: self.dir.clone(),
            source: Arc::new(error),
        }
    }

    pub(super) fn has_database(&self) -> io::Result<bool> {
        self.database().try_exists()
    }

    /// An absent path to create a database in, before [`adopt_new`](Self::adopt_new).
    pub(super) fn prepare_new(&self) -> io::Result<PathBuf> {
        let new = self.dir.join("db.new");
        if new.try_exists()? {
            fs::remove_dir_all(&new)?;
        }
        Ok(new)
    }

    /// Puts the created database into its place.
    pub(super) fn adopt_new(&self) -> io::Result<()> {
        fs::rename(self.dir.join("db.new"), self.database())?;
        sync_dir(&self.dir)?;
        // The directory itself may be new in its parent.
        self.dir.parent().map_or(Ok(()), sync_dir)
    }

    /// Writes every file of the database anew and syncs it, so that what is read from now on is
    /// what the disk has, even if an earlier sync failed.
    pub(super) fn rewrite_database(&self) -> io::Result<()> {
        self.rewrite_tree(&self.database(), MAX_DEPTH)
    }

    fn rewrite_tree(&self, dir: &Path, depth: usize) -> io::Result<()> {
        if depth == 0 {
            return Err(io::Error::other(
                "the database has more levels of directories than known",
            ));
        }
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.rewrite_tree(&entry.path(), depth - 1)?;
            } else {
                self.rewrite_file(&entry.path())?;
            }
        }
        sync_dir(dir)
    }

    fn rewrite_file(&self, path: &Path) -> io::Result<()> {
        let temporary = self.dir.join("copy");
        let mut from = File::open(path)?;
        let mut to = File::create(&temporary)?;
        let copied = copy(&mut from, &mut to).and_then(|()| to.sync_all());
        if let Err(error) = copied {
            // On a full disk it must not take the room that is missing.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        fs::rename(&temporary, path)
    }

    /// Bytes that must be free before the database is written anew: its largest file, and some.
    pub(super) fn room_to_rewrite(&self) -> io::Result<u64> {
        Ok(largest(&self.database(), MAX_DEPTH)?.saturating_add(SPARE_BYTES))
    }

    /// Bytes that are free.
    pub(super) fn free_bytes(&self) -> io::Result<u64> {
        Ok(DiskFs::open(&self.dir)?.space()?.free)
    }
}

/// Bytes on the disk of the largest file below `dir`.
fn largest(dir: &Path, depth: usize) -> io::Result<u64> {
    let mut most = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let bytes = if entry.file_type()?.is_dir() && depth > 0 {
            largest(&entry.path(), depth - 1)?
        } else {
            entry.metadata()?.blocks().saturating_mul(BLOCK)
        };
        most = most.max(bytes);
    }
    Ok(most)
}

/// Copies byte by byte: what the system offers for copying files may share their blocks on disk.
/// Blocks of zeros, of which a preallocated journal is full, become holes.
fn copy(from: &mut File, to: &mut File) -> io::Result<()> {
    let length = from.metadata()?.len();
    let mut block = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut block)?;
        let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        if bytes.iter().all(|&byte| byte == 0) {
            to.seek(SeekFrom::Current(
                i64::try_from(read).map_err(io::Error::other)?,
            ))?;
        } else {
            to.write_all(bytes)?;
        }
    }
    to.set_len(length)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    File::open(dir)?.sync_all()
}
