//! [`MemoryFs`]: a file system in memory that loses what was not synced, as a disk does when the power goes.
//!
//! Two images are kept: the one processes see, and the durable one. A sync carries pages of 4 KiB (shared,
//! copied when written) or names from the first to the second. [`MemoryFs::crash`] then decides about each
//! 512-byte sector and each name that differs. This file holds names and the crash; the bytes of one file
//! are in `memory/inode.rs`.

mod inode;

use std::{
    collections::BTreeMap,
    io,
    io::IoSlice,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use self::inode::Inode;
use super::{
    DirEntry, DirLock, File, Fs, OpenMode,
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

#[derive(Debug, Default)]
struct State {
    live: Tree,
    durable: Tree,
    pending: Vec<Change>,
    locks: BTreeMap<String, u64>,
}

type Tree = BTreeMap<String, Node>;

#[derive(Debug, Clone)]
enum Node {
    Dir,
    File(Arc<Mutex<Inode>>),
}

/// A change of names not yet synced.
#[derive(Debug, Clone)]
enum Change {
    Make {
        path: String,
        node: Node,
    },
    Remove {
        path: String,
    },
    Rename {
        from: String,
        to: String,
        node: Node,
    },
}

impl Change {
    /// The name it is about; the new one of a rename.
    fn path(&self) -> &str {
        match self {
            Change::Make { path, .. } | Change::Remove { path } => path,
            Change::Rename { to, .. } => to,
        }
    }

    /// The folder whose sync makes the change durable.
    fn folder(&self) -> &str {
        parent(self.path())
    }

    /// The same change of another node.
    fn with_node(&self, node: &mut impl FnMut(&Node) -> Node) -> Change {
        let mut change = self.clone();
        match &mut change {
            Change::Make { node: old, .. } | Change::Rename { node: old, .. } => *old = node(old),
            Change::Remove { .. } => {}
        }
        change
    }

    fn apply(self, tree: &mut Tree) {
        match self {
            Change::Make { path, node } => drop(tree.insert(path, node)),
            Change::Remove { path } => {
                // A folder that is gone takes along whatever is left of it.
                if matches!(tree.remove(&path), Some(Node::Dir)) {
                    tree.retain(|other, _| !is_below(other, &path));
                }
            }
            Change::Rename { from, to, node } => {
                let still_there = matches!((tree.get(&from), &node),
                    (Some(Node::File(a)), Node::File(b)) if Arc::ptr_eq(a, b));
                if still_there {
                    tree.remove(&from);
                }
                tree.insert(to, node);
            }
        }
    }
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

    /// Changes the capacity; what is stored already stays.
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
        })
    }
}

impl State {
    fn file(&self, path: &str) -> io::Result<Arc<Mutex<Inode>>> {
        match self.live.get(path) {
            Some(Node::File(inode)) => Ok(inode.clone()),
            Some(Node::Dir) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || matches!(self.live.get(path), Some(Node::Dir))
    }

    fn require_dir(&self, path: &str) -> io::Result<()> {
        match self.live.get(path) {
            _ if path.is_empty() => Ok(()),
            Some(Node::Dir) => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.live);
        self.pending.push(change);
    }

    /// Points the durable names at the new lives of the same files; those without a live name are kept as they are.
    fn rebind_durable(&mut self, tree: &Tree) {
        let old_live = std::mem::take(&mut self.live);
        let pairs: Vec<_> = old_live
            .iter()
            .filter_map(|(path, old)| match (old, tree.get(path)) {
                (Node::File(old), Some(Node::File(new))) => Some((old.clone(), new.clone())),
                _ => None,
            })
            .collect();
        for node in self.durable.values_mut() {
            if let Node::File(inode) = node
                && let Some((_, new)) = pairs.iter().find(|(old, _)| Arc::ptr_eq(old, inode))
            {
                *inode = new.clone();
            }
        }
        // Names made durable by nobody would be forgotten: keep them pending against the new life.
        self.pending = tree
            .iter()
            .filter(|(path, node)| !same(self.durable.get(*path), node))
            .map(|(path, node)| Change::Make {
                path: path.clone(),
                node: node.clone(),
            })
            .chain(
                self.durable
                    .keys()
                    .filter(|path| !tree.contains_key(*path))
                    .map(|path| Change::Remove { path: path.clone() }),
            )
            .collect();
    }
}

fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn same(a: Option<&Node>, b: &Node) -> bool {
    match (a, b) {
        (Some(Node::Dir), Node::Dir) => true,
        (Some(Node::File(a)), Node::File(b)) => Arc::ptr_eq(a, b),
        _ => false,
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

/// Drops the names whose folder did not survive.
fn prune(tree: &mut Tree) {
    let paths: Vec<String> = tree.keys().cloned().collect();
    // Parents sort before their children, so one pass sees folders first.
    for path in paths {
        let folder = parent(&path);
        if !folder.is_empty() && !matches!(tree.get(folder), Some(Node::Dir)) {
            tree.remove(&path);
        }
    }
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

    fn free_space(&self) -> io::Result<u64> {
        Ok(self
            .shared
            .capacity
            .load(Ordering::SeqCst)
            .saturating_sub(self.used()))
    }
}

#[derive(Debug)]
struct MemoryFile {
    inode: Arc<Mutex<Inode>>,
    shared: Arc<Shared>,
    life: u64,
    writable: bool,
}

impl MemoryFile {
    fn check(&self) -> io::Result<()> {
        if self.life == self.shared.life.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err(io::Error::other("the handle is of a life before the crash"))
        }
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
        self.inode.lock().write(buf, offset);
        Ok(buf.len())
    }

    fn write_vectored_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        self.check_write(offset + total as u64)?;
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
struct MemoryLock {
    path: String,
    life: u64,
    shared: Arc<Shared>,
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

/// A splitmix64 sequence: enough to decide what a crash keeps, and the same everywhere.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `sides`, which is not 0.
    fn roll(&mut self, sides: u64) -> u64 {
        self.next().checked_rem(sides).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{CrashPolicy, MemoryFs};
    use crate::fs::{Fs, OpenMode, contract, read_file, write_all_at};

    #[test]
    fn memory_keeps_the_contract() {
        contract::run(&|_| Box::new(MemoryFs::new()));
    }

    fn put(fs: &MemoryFs, path: &str, bytes: &[u8]) -> std::sync::Arc<dyn crate::fs::File> {
        let file = fs.open(path, OpenMode::OpenOrCreate).unwrap();
        write_all_at(file.as_ref(), bytes, 0).unwrap();
        file
    }

    #[test]
    fn a_killed_process_loses_nothing_but_the_power_still_can() {
        let fs = MemoryFs::new();
        put(&fs, "f", b"bytes");
        fs.crash(CrashPolicy::KillProcess, 1);
        assert_eq!(read_file(&fs, "f", 10).unwrap().unwrap(), b"bytes");
        fs.crash(CrashPolicy::LoseUnsynced, 1);
        assert!(!fs.exists("f").unwrap());
    }

    #[test]
    fn bytes_and_names_each_need_their_own_sync() {
        let fs = MemoryFs::new();
        put(&fs, "named", b"bytes");
        put(&fs, "synced", b"bytes").sync_data().unwrap();
        fs.crash(CrashPolicy::LoseUnsynced, 1);
        assert!(!fs.exists("synced").unwrap(), "its folder was not synced");
        put(&fs, "both", b"bytes").sync_data().unwrap();
        put(&fs, "named", b"bytes");
        fs.sync_dir("").unwrap();
        put(&fs, "both", b"later");
        fs.crash(CrashPolicy::LoseUnsynced, 1);
        assert_eq!(read_file(&fs, "both", 10).unwrap().unwrap(), b"bytes");
        assert_eq!(read_file(&fs, "named", 10).unwrap().unwrap(), b"");
    }

    #[test]
    fn a_folder_that_was_not_synced_takes_its_files_along() {
        let fs = MemoryFs::new();
        fs.create_dir_all("a/b").unwrap();
        put(&fs, "a/b/f", b"x").sync_data().unwrap();
        fs.sync_dir("a/b").unwrap();
        fs.sync_dir("").unwrap();
        fs.crash(CrashPolicy::LoseUnsynced, 1);
        assert!(fs.exists("a").unwrap());
        assert!(!fs.exists("a/b").unwrap());
        assert!(!fs.exists("a/b/f").unwrap());
    }

    #[test]
    fn what_was_in_a_removed_folder_does_not_come_back_in_a_new_one() {
        for seed in 0..20 {
            let fs = MemoryFs::new();
            fs.create_dir_all("d").unwrap();
            put(&fs, "d/old", b"x").sync_data().unwrap();
            fs.sync_dir("d").unwrap();
            put(&fs, "d/newer", b"x");
            fs.sync_dir("").unwrap();
            fs.remove("d/old").unwrap();
            fs.remove("d/newer").unwrap();
            fs.remove_dir("d").unwrap();
            fs.sync_dir("").unwrap();
            fs.create_dir_all("d").unwrap();
            fs.sync_dir("").unwrap();
            fs.crash(CrashPolicy::Random, seed);
            assert!(fs.list_dir("d").unwrap().is_empty());
        }
    }

    #[test]
    fn an_unsynced_rename_or_removal_is_undone() {
        let fs = MemoryFs::new();
        put(&fs, "a", b"a").sync_data().unwrap();
        put(&fs, "b", b"b").sync_data().unwrap();
        put(&fs, "c", b"c").sync_data().unwrap();
        fs.sync_dir("").unwrap();
        fs.rename("a", "b").unwrap();
        fs.remove("c").unwrap();
        fs.crash(CrashPolicy::LoseUnsynced, 1);
        for name in ["a", "b", "c"] {
            assert_eq!(read_file(&fs, name, 10).unwrap().unwrap(), name.as_bytes());
        }
    }

    #[test]
    fn a_random_crash_keeps_loses_and_tears_sectors_and_repeats_itself() {
        let run = |seed| {
            let fs = MemoryFs::new();
            let file = put(&fs, "f", &[1; 64 * 512]);
            file.sync_data().unwrap();
            fs.sync_dir("").unwrap();
            put(&fs, "f", &[2; 64 * 512]);
            fs.crash(CrashPolicy::Random, seed);
            read_file(&fs, "f", 1 << 20).unwrap().unwrap()
        };
        let bytes = run(7);
        assert_eq!(bytes, run(7));
        let sectors: Vec<&[u8]> = bytes.chunks(512).collect();
        assert!(sectors.contains(&&[1; 512][..]), "some are lost");
        assert!(sectors.contains(&&[2; 512][..]), "some are kept");
        let torn = sectors.iter().any(|s| s.contains(&1) && s.contains(&2));
        assert!(torn, "some are torn");
    }

    #[test]
    fn synced_bytes_survive_every_crash() {
        for seed in 0..50 {
            let fs = MemoryFs::new();
            put(&fs, "f", &[3; 5000]).sync_data().unwrap();
            fs.sync_dir("").unwrap();
            fs.crash(CrashPolicy::Random, seed);
            fs.crash(CrashPolicy::Random, seed);
            assert_eq!(read_file(&fs, "f", 1 << 20).unwrap().unwrap(), [3; 5000]);
        }
    }

    #[test]
    fn handles_and_locks_end_with_a_crash() {
        let fs = MemoryFs::new();
        let lock = fs.lock("LOCK").unwrap();
        let file = put(&fs, "f", b"x");
        fs.crash(CrashPolicy::KillProcess, 1);
        assert!(file.len().is_err());
        let again = fs.lock("LOCK").unwrap();
        drop(lock);
        assert!(
            fs.lock("LOCK").is_err(),
            "the old guard does not release the new lock"
        );
        drop(again);
    }

    #[test]
    fn a_full_disk_refuses_and_has_room_again_after_a_removal() {
        let fs = MemoryFs::with_capacity(10_000);
        put(&fs, "a", &[1; 9_000]);
        let file = fs.open("b", OpenMode::CreateNew).unwrap();
        let full = write_all_at(file.as_ref(), &[1; 2_000], 0).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        assert_eq!(
            file.allocate(2_000).unwrap_err().kind(),
            std::io::ErrorKind::StorageFull
        );
        fs.remove("a").unwrap();
        write_all_at(file.as_ref(), &[1; 2_000], 0).unwrap();
        assert_eq!(fs.free_space().unwrap(), 8_000);
    }

    #[test]
    fn a_fork_shares_nothing() {
        let fs = MemoryFs::new();
        put(&fs, "f", b"x").sync_data().unwrap();
        fs.sync_dir("").unwrap();
        let fork = fs.fork();
        put(&fs, "f", b"y");
        fork.flip_bit("f", 0, 0).unwrap();
        assert_eq!(read_file(&fs, "f", 10).unwrap().unwrap(), b"y");
        assert_eq!(
            read_file(&fork, "f", 10).unwrap().unwrap(),
            b"y",
            "x with its lowest bit set"
        );
        fork.crash(CrashPolicy::LoseUnsynced, 0);
        assert_eq!(read_file(&fork, "f", 10).unwrap().unwrap(), b"y");
        fs.crash(CrashPolicy::LoseUnsynced, 0);
        assert_eq!(read_file(&fs, "f", 10).unwrap().unwrap(), b"x");
    }
}
