//! A file system that ends its process at the chosen call.

use std::{
    io::{self, IoSlice},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use rustix::process::{Signal, getpid, kill_process};
use vanus_storage::fs::{DIRECT_BLOCK, DirEntry, DirLock, File, Fs, OpenMode, Space};

/// The kinds of calls that change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Writing bytes.
    Write,
    /// Syncing a file.
    Sync,
    /// Syncing a folder.
    SyncDir,
    /// Renaming a file.
    Rename,
    /// Making a file or a folder.
    Create,
    /// Removing a file or a folder.
    Remove,
    /// Cutting, extending or reserving.
    Resize,
}

impl Kind {
    /// Each of them, and about how many of its calls a second of work makes.
    pub const ALL: [(Self, u64); 7] = [
        (Self::Write, 400),
        (Self::Sync, 200),
        (Self::SyncDir, 30),
        (Self::Rename, 20),
        (Self::Create, 20),
        (Self::Remove, 10),
        (Self::Resize, 10),
    ];
}

/// At which moment of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// Nothing is done.
    Before,
    /// Of a write, half of the bytes are; otherwise nothing.
    Amid,
    /// It is done, and nobody has heard of it.
    After,
}

/// The chosen call.
#[derive(Debug)]
pub struct Failpoint {
    kind: Kind,
    when: When,
    left: AtomicU64,
}

impl Failpoint {
    /// The `nth` call of this kind, counted from 1.
    #[must_use]
    pub const fn new(kind: Kind, nth: u64, when: When) -> Self {
        Self {
            kind,
            when,
            left: AtomicU64::new(nth),
        }
    }

    /// Does `call`, which is of this kind, or dies.
    fn pass<T>(&self, kind: Kind, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.pass_partly(kind, || Ok(()), call)
    }

    fn pass_partly<T>(
        &self,
        kind: Kind,
        half: impl FnOnce() -> io::Result<()>,
        call: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let now = kind == self.kind && self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        if !now {
            return call();
        }
        match self.when {
            When::Before => {}
            When::Amid => half()?,
            When::After => drop(call()?),
        }
        die()
    }
}

fn die() -> ! {
    // It cannot fail: a process may always end itself.
    let _ = kill_process(getpid(), Signal::KILL);
    loop {
        thread::park();
    }
}

/// A file system that ends its process at the chosen call.
#[derive(Debug)]
pub struct DyingFs {
    inner: Arc<dyn Fs>,
    failpoint: Arc<Failpoint>,
}

impl DyingFs {
    /// `inner`, until `failpoint` is reached.
    #[must_use]
    pub fn new(inner: Arc<dyn Fs>, failpoint: Failpoint) -> Self {
        Self {
            inner,
            failpoint: Arc::new(failpoint),
        }
    }
}

impl Fs for DyingFs {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let open = || self.inner.open(path, mode);
        let makes = match mode {
            OpenMode::Read | OpenMode::Write | OpenMode::Direct => false,
            OpenMode::CreateNew => true,
            OpenMode::OpenOrCreate => !self.inner.exists(path)?,
        };
        let inner = if makes {
            self.failpoint.pass(Kind::Create, open)?
        } else {
            open()?
        };
        Ok(Arc::new(DyingFile {
            inner,
            direct: mode == OpenMode::Direct,
            failpoint: Arc::clone(&self.failpoint),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.failpoint
            .pass(Kind::Rename, || self.inner.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.failpoint
            .pass(Kind::Remove, || self.inner.remove(path))
    }

    fn create_dir_all(&self, path: &str) -> io::Result<()> {
        self.failpoint
            .pass(Kind::Create, || self.inner.create_dir_all(path))
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.failpoint
            .pass(Kind::Remove, || self.inner.remove_dir(path))
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        self.inner.list_dir(path)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.failpoint
            .pass(Kind::SyncDir, || self.inner.sync_dir(path))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.inner.exists(path)
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn DirLock>> {
        self.inner.lock(path)
    }

    fn space(&self) -> io::Result<Space> {
        self.inner.space()
    }
}

#[derive(Debug)]
struct DyingFile {
    inner: Arc<dyn File>,
    /// Takes whole blocks only.
    direct: bool,
    failpoint: Arc<Failpoint>,
}

impl File for DyingFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        let half = if self.direct {
            (buf.len() / 2).next_multiple_of(DIRECT_BLOCK)
        } else {
            buf.len() / 2
        };
        let (half, _) = buf.split_at(half.min(buf.len()));
        self.failpoint.pass_partly(
            Kind::Write,
            || self.inner.write_at(half, offset).map(drop),
            || self.inner.write_at(buf, offset),
        )
    }

    fn write_vectored_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let half = || {
            let (half, _) = bufs.split_at(bufs.len().div_ceil(2));
            self.inner.write_vectored_at(half, offset).map(drop)
        };
        self.failpoint.pass_partly(Kind::Write, half, || {
            self.inner.write_vectored_at(bufs, offset)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.failpoint.pass(Kind::Sync, || self.inner.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.failpoint.pass(Kind::Sync, || self.inner.sync_all())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.failpoint
            .pass(Kind::Resize, || self.inner.set_len(len))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.failpoint
            .pass(Kind::Resize, || self.inner.allocate(len))
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
}
