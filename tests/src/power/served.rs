//! The disk as a file: a FUSE file system with one file in it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyWrite, Request, WriteFlags,
};
use parking_lot::Mutex;

use super::disk::Disk;
use crate::harness::{Random, Result};

const NAME: &str = "disk";
const INODE: INodeNo = INodeNo(2);
/// How long the kernel may believe what it was told; the file never changes its size.
const TTL: Duration = Duration::from_secs(3600);

/// A disk that is mounted as a file, until it is dropped.
#[derive(Debug)]
pub struct ServedDisk {
    state: Arc<Mutex<State>>,
    folder: PathBuf,
    _session: BackgroundSession,
}

/// The disk, and whether it has power.
#[derive(Debug)]
struct State {
    disk: Disk,
    on: bool,
}

impl ServedDisk {
    /// Serves `disk` as a file in `folder`, an empty folder. Needs the right to mount.
    ///
    /// # Errors
    /// When the system does not let it mount.
    pub fn serve(disk: Disk, folder: &Path) -> Result<Self> {
        let state = Arc::new(Mutex::new(State { disk, on: true }));
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("power".to_owned())];
        config.n_threads = Some(2);
        let served = Served {
            state: Arc::clone(&state),
        };
        Ok(Self {
            state,
            folder: folder.to_owned(),
            _session: fuser::spawn_mount(served, folder, &config)?,
        })
    }

    /// Where the file is.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// Cuts the power: nothing is read, written or flushed any more. Answers what is left.
    pub fn cut(&self, random: &mut Random) -> Disk {
        let mut state = self.state.lock();
        state.on = false;
        state.disk.after_power_loss(random)
    }

    /// Blocks written and not flushed.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.state.lock().disk.cached()
    }
}

struct Served {
    state: Arc<Mutex<State>>,
}

impl Served {
    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let size = self.state.lock().disk.len();
        let folder = inode == INodeNo::ROOT;
        FileAttr {
            ino: inode,
            size: if folder { 0 } else { size },
            blocks: if folder { 0 } else { size / 512 },
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if folder {
                FileType::Directory
            } else {
                FileType::RegularFile
            },
            perm: 0o700,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == NAME {
            reply.entry(&TTL, &self.attributes(INODE), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&TTL, &self.attributes(inode));
    }

    fn open(&self, _: &Request, _inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // Nothing may be cached in front of the disk.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        _inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let state = self.state.lock();
        if !state.on {
            return reply.error(Errno::EIO);
        }
        let bytes = state.disk.read(offset, size as usize);
        drop(state);
        reply.data(&bytes);
    }

    fn write(
        &self,
        _: &Request,
        _inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut state = self.state.lock();
        if !state.on {
            return reply.error(Errno::EIO);
        }
        let written = state.disk.write(offset, data);
        drop(state);
        reply.written(u32::try_from(written).unwrap_or(u32::MAX));
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Closing a file flushes no disk.
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let mut state = self.state.lock();
        if !state.on {
            return reply.error(Errno::EIO);
        }
        state.disk.flush();
        drop(state);
        reply.ok();
    }
}
