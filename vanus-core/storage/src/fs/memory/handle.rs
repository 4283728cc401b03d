//! Open files and held locks; those of an earlier life answer with an error.

use std::{
    io,
    io::IoSlice,
    sync::{Arc, atomic::Ordering},
};

use parking_lot::Mutex;

use super::{Shared, inode::Inode};
use crate::fs::{DIRECT_BLOCK, DirLock, File};

#[derive(Debug)]
pub(super) struct MemoryFile {
    pub(super) inode: Arc<Mutex<Inode>>,
    pub(super) shared: Arc<Shared>,
    pub(super) life: u64,
    pub(super) writable: bool,
    /// Takes whole blocks only, as a real file open past the page cache does.
    pub(super) direct: bool,
}

impl MemoryFile {
    fn check(&self) -> io::Result<()> {
        if self.life == self.shared.life.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err(io::Error::other("the handle is of a life before the crash"))
        }
    }

    fn check_direct(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let whole = |number: usize| number.is_multiple_of(DIRECT_BLOCK);
        let good = offset.is_multiple_of(DIRECT_BLOCK as u64)
            && whole(buf.len())
            && whole(buf.as_ptr().addr());
        if self.direct && !good {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(())
    }

    fn check_write(&self, end: u64) -> io::Result<()> {
        self.check()?;
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let grows = end.saturating_sub(self.inode.lock().len());
        let used = self.shared.used.load(Ordering::SeqCst);
        if used.saturating_add(grows) > self.shared.capacity.load(Ordering::SeqCst) && grows > 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl File for MemoryFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.check()?;
        Ok(self.inode.lock().read(buf, offset))
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.check_write(offset + buf.len() as u64)?;
        self.check_direct(buf, offset)?;
        self.inode.lock().write(buf, offset);
        Ok(buf.len())
    }

    fn write_vectored_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        self.check_write(offset + total as u64)?;
        for buf in bufs {
            self.check_direct(buf, offset)?;
        }
        let mut inode = self.inode.lock();
        let mut at = offset;
        for buf in bufs {
            inode.write(buf, at);
            at += buf.len() as u64;
        }
        Ok(total)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.inode.lock().sync();
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_write(len)?;
        self.inode.lock().set_len(len);
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.check_write(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.check()?;
        Ok(self.inode.lock().len())
    }
}

#[derive(Debug)]
pub(super) struct MemoryLock {
    pub(super) path: String,
    pub(super) life: u64,
    pub(super) shared: Arc<Shared>,
}

impl DirLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if state.locks.get(&self.path) == Some(&self.life) {
            state.locks.remove(&self.path);
        }
    }
}
