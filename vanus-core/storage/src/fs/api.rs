//! The file system as the store sees it: the traits [`Fs`] and [`File`], and nothing else.

use std::{fmt::Debug, io, io::IoSlice, sync::Arc};

/// How [`Fs::open`] treats a file that exists or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading; the file must exist.
    Read,
    /// For reading and writing; the file must exist.
    Write,
    /// For reading and writing; the file must not exist.
    CreateNew,
    /// For reading and writing; made empty when it does not exist.
    OpenOrCreate,
    /// For writing past the page cache; the file must exist. Position, length and memory address of every
    /// [`File::write_at`] have to be multiples of [`DIRECT_BLOCK`]. What other handles read and write stays coherent
    /// with it, and a sync is needed all the same.
    Direct,
}

/// What positions, lengths and addresses of writes past the page cache are multiples of, in bytes: no disk in use asks
/// for more.
pub const DIRECT_BLOCK: usize = 4096;

/// One name in a folder, as [`Fs::list_dir`] reports it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name without its folder.
    pub name: String,
    /// Whether it is a folder.
    pub is_dir: bool,
}

/// How much a file system holds, as [`Fs::space`] reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that can still be written by who asks.
    pub free: u64,
    /// Bytes of the whole file system, used or not.
    pub total: u64,
}

/// Holds the lock taken with [`Fs::lock`]; dropping it releases the lock.
pub trait DirLock: Send + Sync + Debug {}

/// A rooted file system: everything the store does to a disk goes through here.
///
/// Paths are UTF-8, relative to the root, separated by `/`, without `.`, `..` and empty parts; anything
/// else is refused with [`io::ErrorKind::InvalidInput`]. The empty path is the root itself.
///
/// # Durability
/// Nothing is durable until it is synced: the bytes of a file by [`File::sync_data`], its name by
/// [`Fs::sync_dir`] of the folder that holds the name. A rename replaces its target in one step: after
/// a power loss the target is the old file or the new one, never a mixture.
///
/// All calls block the calling thread.
pub trait Fs: Send + Sync + Debug {
    /// Opens a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`], [`io::ErrorKind::AlreadyExists`], [`io::ErrorKind::InvalidInput`] where the file
    /// system has no [`OpenMode::Direct`], or what the disk says.
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn File>>;

    /// Renames a file, replacing `to` when it exists. Folders can not be renamed.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when `from` does not exist, or what the disk says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Handles that are open go on working.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when it does not exist, or what the disk says.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes a folder and those above it; one that exists is fine.
    ///
    /// # Errors
    /// What the disk says.
    fn create_dir_all(&self, path: &str) -> io::Result<()>;

    /// Removes an empty folder.
    ///
    /// # Errors
    /// [`io::ErrorKind::DirectoryNotEmpty`], [`io::ErrorKind::NotFound`], or what the disk says.
    fn remove_dir(&self, path: &str) -> io::Result<()>;

    /// Lists a folder, sorted by name.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when it does not exist, or what the disk says.
    fn list_dir(&self, path: &str) -> io::Result<Vec<DirEntry>>;

    /// Makes durable which names the folder holds: files and folders made, renamed into it, or removed.
    ///
    /// # Errors
    /// What the disk says.
    fn sync_dir(&self, path: &str) -> io::Result<()>;

    /// Whether a file or folder of that name exists.
    ///
    /// # Errors
    /// What the disk says.
    fn exists(&self, path: &str) -> io::Result<bool>;

    /// Takes the lock file `path`, made when missing, for as long as the answer lives; it is released when
    /// the process dies, however it dies.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when somebody else holds it, or what the disk says.
    fn lock(&self, path: &str) -> io::Result<Box<dyn DirLock>>;

    /// How much room there is, on the file system that holds the root.
    ///
    /// # Errors
    /// What the disk says.
    fn space(&self) -> io::Result<Space>;
}

/// An open file. Reads and writes name their position, so one handle serves many threads.
pub trait File: Send + Sync + Debug {
    /// Reads at `offset` into `buf`; answers the bytes read, 0 at the end of the file, possibly fewer than
    /// asked for.
    ///
    /// # Errors
    /// What the disk says.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at `offset`; answers the bytes written, possibly fewer than given. A gap between the old end
    /// and `offset` reads as zeros.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`], [`io::ErrorKind::InvalidInput`] for a place or piece that [`OpenMode::Direct`] does
    /// not take, or what the disk says.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize>;

    /// Writes the pieces one after the other, beginning at `offset`; answers the bytes written, possibly
    /// fewer than given.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`], or what the disk says.
    fn write_vectored_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<usize>;

    /// Makes durable the bytes and whatever is needed to read them back, such as the length.
    ///
    /// # Errors
    /// What the disk says. After an error nothing is known about any byte written since the last success,
    /// and trying again proves nothing.
    fn sync_data(&self) -> io::Result<()>;

    /// As [`File::sync_data`], and all metadata.
    ///
    /// # Errors
    /// As [`File::sync_data`].
    fn sync_all(&self) -> io::Result<()>;

    /// Cuts or extends the file; an extension reads as zeros.
    ///
    /// # Errors
    /// What the disk says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Reserves space for the first `len` bytes without changing the length. Where the disk can not
    /// reserve, it succeeds and reserves nothing.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`], or what the disk says.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// What the disk says.
    fn len(&self) -> io::Result<u64>;

    /// Says that `len` bytes at `offset` will be read soon, so that the disk can begin. A hint: nothing waits for it, and
    /// a file system may do nothing.
    fn prefetch(&self, _offset: u64, _len: u64) {}

    /// Whether the length is 0.
    ///
    /// # Errors
    /// What the disk says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Splits a path into its parts, refusing what [`Fs`] refuses.
pub(crate) fn check_path(path: &str) -> io::Result<()> {
    let good = path.is_empty()
        || path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
    let good = good && !path.contains('\0') && !path.contains('\\');
    if good {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("path {path:?} is not relative to the root of the file system"),
        ))
    }
}

/// The folder that holds `path`; the root for a name without a folder.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
