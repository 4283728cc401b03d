//! [`MemoryFs`]: a file system in memory that loses what was not synced, as a disk does when the power goes.
//!
//! Two images are kept: the one processes see, and the durable one. A sync carries pages of 4 KiB (shared,
//! copied when written) or names from the first to the second. [`MemoryFs::crash`] then decides about each
//! 512-byte sector and each name that differs. This file holds the crash and the calls; names
//! are in `memory/tree.rs`, the bytes of one file in `memory/inode.rs`, open files in `memory/handle.rs`.

mod dice;
mod handle;
mod inode;
mod tree;

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use self::{
    dice::Dice,
    handle::{MemoryFile, MemoryLock},
    inode::Inode,
    tree::{Change, Node, State, Tree, is_below, prune},
};
use super::{
    DirEntry, DirLock, File, Fs, OpenMode, Space,
    api::{check_path, parent},
};

/// What a crash does to everything that was written but not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPolicy {
    /// The process dies, the machine lives: nothing written is lost.
    KillProcess,
    /// The power fails and nothing unsynced reached the disk.
    LoseUnsynced,
    /// The power fails; each unsynced sector is kept, lost or torn, and each unsynced change of a name is kept
    /// or lost, all independently of each other.
    Random,
}

/// A lossy file system in memory. Clones share their files.
#[derive(Debug, Clone)]
pub struct MemoryFs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Rises with each crash; handles of an earlier life answer with an error.
    life: AtomicU64,
    used: Arc<AtomicU64>,
    capacity: AtomicU64,
}

impl Default for MemoryFs {
    fn default() -> Self {
        MemoryFs::new()
    }
}

impl MemoryFs {
    /// An empty file system without a bound.
    pub fn new() -> MemoryFs {
        MemoryFs::with_capacity(u64::MAX)
    }

    /// An empty file system which holds `bytes` bytes; beyond, writes answer [`io::ErrorKind::StorageFull`].
    pub fn with_capacity(bytes: u64) -> MemoryFs {
        let shared = Shared {
            state: Mutex::default(),
            life: AtomicU64::new(0),
            used: Arc::default(),
            capacity: AtomicU64::new(bytes),
        };
        MemoryFs {
            shared: Arc::new(shared),
        }
    }

    /// From now on it holds `bytes` bytes, whatever it has already.
    pub fn set_capacity(&self, bytes: u64) {
        self.shared.capacity.store(bytes, Ordering::SeqCst);
    }

    /// Bytes all files have together.
    pub fn used(&self) -> u64 {
        self.shared.used.load(Ordering::SeqCst)
    }

    /// Ends the life of every open handle and lock and leaves what `policy` says survives. The same seed
    /// on the same history leaves the same bytes.
    pub fn crash(&self, policy: CrashPolicy, seed: u64) {
        let mut state = self.shared.state.lock();
        self.shared.life.fetch_add(1, Ordering::SeqCst);
        let mut dice = Dice(seed);
        let pending = std::mem::take(&mut state.pending);
        let mut tree = match policy {
            CrashPolicy::KillProcess => state.live.clone(),
            CrashPolicy::LoseUnsynced | CrashPolicy::Random => std::mem::take(&mut state.durable),
        };
        if policy == CrashPolicy::Random {
            for change in pending {
                if dice.roll(2) == 0 {
                    change.apply(&mut tree);
                }
            }
        }
        prune(&mut tree);
        // Whoever survives is counted anew.
        self.shared.used.store(0, Ordering::SeqCst);
        for node in tree.values_mut() {
            if let Node::File(inode) = node {
                let survivor = inode.lock().after_crash(policy, &mut dice);
                *node = Node::File(Arc::new(Mutex::new(survivor)));
            }
        }
        // What survives a killed process is only in the page cache still: it stays as durable as it was.
        if policy == CrashPolicy::KillProcess {
            state.rebind_durable(&tree);
        } else {
            state.durable = tree.clone();
        }
        state.live = tree;
        state.locks.clear();
    }

    /// Flips one bit of a file, in the image processes see and in the durable one.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the file or the byte does not exist.
    pub fn flip_bit(&self, path: &str, position: u64, bit: u8) -> io::Result<()> {
        let inode = self.shared.state.lock().file(path)?;
        let flipped = inode.lock().flip_bit(position, bit);
        if flipped {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// A copy with the same contents, both as processes see them and as they would survive; handles and
    /// locks are not copied.
    pub fn fork(&self) -> MemoryFs {
        let copy = MemoryFs::with_capacity(self.shared.capacity.load(Ordering::SeqCst));
        let state = self.shared.state.lock();
        let mut inodes = Vec::new();
        let mut copied = |node: &Node| match node {
            Node::Dir => Node::Dir,
            Node::File(old) => Node::File(copy_once(&mut inodes, old, &copy.shared.used)),
        };
        let mut copied_tree = |tree: &Tree| -> Tree {
            tree.iter()
                .map(|(path, node)| (path.clone(), copied(node)))
                .collect()
        };
        let (live, durable) = (copied_tree(&state.live), copied_tree(&state.durable));
        let pending = state
            .pending
            .iter()
            .map(|change| change.with_node(&mut copied))
            .collect();
        *copy.shared.state.lock() = State {
            live,
            durable,
            pending,
            locks: BTreeMap::new(),
        };
        drop(state);
        copy
    }

    fn handle(&self, inode: Arc<Mutex<Inode>>, mode: OpenMode) -> Arc<dyn File> {
        Arc::new(MemoryFile {
            inode,
            shared: self.shared.clone(),
            life: self.shared.life.load(Ordering::SeqCst),
            writable: mode != OpenMode::Read,
            direct: mode == OpenMode::Direct,
        })
    }
}

type SharedInode = Arc<Mutex<Inode>>;

/// The copy of a file, made when it is asked for first: names of one file stay names of one file.
fn copy_once(
    copies: &mut Vec<(SharedInode, SharedInode)>,
    old: &SharedInode,
    used: &Arc<AtomicU64>,
) -> SharedInode {
    if let Some((_, new)) = copies.iter().find(|(seen, _)| Arc::ptr_eq(seen, old)) {
        return new.clone();
    }
    let new = Arc::new(Mutex::new(old.lock().fork(used)));
    copies.push((old.clone(), new.clone()));
    new
}

impl Fs for MemoryFs {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        check_path(path)?;
        let mut state = self.shared.state.lock();
        match (state.file(path), mode) {
            (Ok(_), OpenMode::CreateNew) => Err(io::ErrorKind::AlreadyExists.into()),
            (Ok(inode), _) => Ok(self.handle(inode, mode)),
            (Err(e), OpenMode::CreateNew | OpenMode::OpenOrCreate)
                if e.kind() == io::ErrorKind::NotFound =>
            {
                state.require_dir(parent(path))?;
                let inode = Arc::new(Mutex::new(Inode::new(&self.shared.used)));
                let node = Node::File(inode.clone());
                state.change(Change::Make {
                    path: path.to_owned(),
                    node,
                });
                Ok(self.handle(inode, mode))
            }
            (Err(e), _) => Err(e),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_path(from)?;
        check_path(to)?;
        let mut state = self.shared.state.lock();
        let inode = state.file(from)?;
        state.require_dir(parent(to))?;
        if state.is_dir(to) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if let Ok(replaced) = state.file(to) {
            replaced.lock().unlink();
        }
        let (from, to, node) = (from.to_owned(), to.to_owned(), Node::File(inode));
        state.change(Change::Rename { from, to, node });
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        check_path(path)?;
        let mut state = self.shared.state.lock();
        state.file(path)?.lock().unlink();
        state.change(Change::Remove {
            path: path.to_owned(),
        });
        Ok(())
    }

    fn create_dir_all(&self, path: &str) -> io::Result<()> {
        check_path(path)?;
        let mut state = self.shared.state.lock();
        let ends = path
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([path.len()]);
        for part in ends
            .filter_map(|end| path.get(..end))
            .filter(|part| !part.is_empty())
        {
            match state.live.get(part) {
                Some(Node::Dir) => {}
                Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
                None => state.change(Change::Make {
                    path: part.to_owned(),
                    node: Node::Dir,
                }),
            }
        }
        Ok(())
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        check_path(path)?;
        let mut state = self.shared.state.lock();
        state.require_dir(path)?;
        if state
            .live
            .keys()
            .any(|other| parent(other) == path && other != path)
        {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.change(Change::Remove {
            path: path.to_owned(),
        });
        Ok(())
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        check_path(path)?;
        let state = self.shared.state.lock();
        state.require_dir(path)?;
        let mut entries: Vec<DirEntry> = state
            .live
            .iter()
            .filter(|(other, _)| parent(other) == path)
            .map(|(other, node)| DirEntry {
                name: other.rsplit('/').next().unwrap_or(other).to_owned(),
                is_dir: matches!(node, Node::Dir),
            })
            .collect();
        entries.sort();
        Ok(entries)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        check_path(path)?;
        let mut guard = self.shared.state.lock();
        let state = &mut *guard;
        state.require_dir(path)?;
        for change in std::mem::take(&mut state.pending) {
            if change.folder() != path {
                state.pending.push(change);
                continue;
            }
            if let Change::Remove { path } = &change {
                // What happened in a folder that is gone can not come back in one made later.
                state
                    .pending
                    .retain(|earlier| !is_below(earlier.path(), path));
            }
            change.apply(&mut state.durable);
        }
        Ok(())
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        check_path(path)?;
        Ok(path.is_empty() || self.shared.state.lock().live.contains_key(path))
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn DirLock>> {
        self.open(path, OpenMode::OpenOrCreate)?;
        let mut state = self.shared.state.lock();
        if state.locks.contains_key(path) {
            return Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{path} is locked by another store"),
            ));
        }
        let life = self.shared.life.load(Ordering::SeqCst);
        state.locks.insert(path.to_owned(), life);
        Ok(Box::new(MemoryLock {
            path: path.to_owned(),
            life,
            shared: self.shared.clone(),
        }))
    }

    fn space(&self) -> io::Result<Space> {
        let total = self.shared.capacity.load(Ordering::SeqCst);
        let free = total.saturating_sub(self.used());
        Ok(Space { free, total })
    }
}

#[cfg(test)]
mod tests;
