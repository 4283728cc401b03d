//! [`FaultyFs`]: wraps another file system and makes chosen calls fail, fall short, wait, or be the last ones.

use std::{
    fmt, io,
    io::IoSlice,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use super::{DIRECT_BLOCK, DirEntry, DirLock, File, Fs, OpenMode, Space};

/// The calls a [`Fault`] can be planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpKind {
    /// [`Fs::open`] in any mode.
    Open,
    /// [`File::read_at`].
    Read,
    /// [`File::write_at`] and [`File::write_vectored_at`].
    Write,
    /// [`File::sync_data`] and [`File::sync_all`].
    Sync,
    /// [`File::set_len`].
    SetLen,
    /// [`File::allocate`].
    Allocate,
    /// [`Fs::rename`]; the pattern is matched against the new name.
    Rename,
    /// [`Fs::remove`] and [`Fs::remove_dir`].
    Remove,
    /// [`Fs::create_dir_all`].
    CreateDir,
    /// [`Fs::sync_dir`].
    SyncDir,
    /// [`Fs::list_dir`].
    List,
    /// [`Fs::space`]; its path is the empty one.
    Space,
}

/// What happens to a call that was picked.
#[derive(Clone)]
pub enum Action {
    /// It does nothing and fails.
    Error(io::ErrorKind),
    /// A write writes, or a read reads, at most that many bytes; past the page cache, whole blocks.
    Short(usize),
    /// The function runs first, then the call goes on: to wait for something, or to look.
    Hook(Arc<dyn Fn() + Send + Sync>),
    /// A write writes at most that many bytes; this call and every later one fails, as if the machine had stopped.
    Crash(usize),
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Error(kind) => write!(f, "Error({kind:?})"),
            Action::Short(bytes) => write!(f, "Short({bytes})"),
            Action::Hook(_) => write!(f, "Hook"),
            Action::Crash(bytes) => write!(f, "Crash({bytes})"),
        }
    }
}

/// One line of the plan: which calls, and what becomes of them.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The kind of call; `None` is any.
    pub op: Option<OpKind>,
    /// A part of the path; the empty string is in every path.
    pub path: String,
    /// How many such calls pass before the first that is hit.
    pub after: u64,
    /// How many are hit; [`u64::MAX`] for all from then on.
    pub times: u64,
    /// What happens to them.
    pub action: Action,
}

impl Fault {
    /// The next call of kind `op` on a path which contains `path`, once.
    pub fn once(op: OpKind, path: &str, action: Action) -> Fault {
        Fault {
            op: Some(op),
            path: path.to_owned(),
            after: 0,
            times: 1,
            action,
        }
    }

    /// Every call of kind `op` on a path which contains `path`, until the plan is cleared.
    pub fn always(op: OpKind, path: &str, action: Action) -> Fault {
        Fault {
            times: u64::MAX,
            ..Fault::once(op, path, action)
        }
    }

    /// Lets `calls` such calls pass first.
    #[must_use]
    pub fn after(self, calls: u64) -> Fault {
        Fault {
            after: calls,
            ..self
        }
    }
}

/// A file system with planned faults. Clones share plan and files.
#[derive(Debug, Clone)]
pub struct FaultyFs {
    inner: Arc<dyn Fs>,
    plan: Arc<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    faults: Mutex<Vec<Fault>>,
    crashed: AtomicBool,
    /// Calls that met a fault.
    hits: AtomicU64,
    /// The path of each open file, which follows renames.
    open: Mutex<Vec<Weak<Mutex<String>>>>,
}

impl FaultyFs {
    /// Wraps `inner`; without a plan every call passes.
    pub fn new(inner: Arc<dyn Fs>) -> FaultyFs {
        FaultyFs {
            inner,
            plan: Arc::default(),
        }
    }

    /// Adds a fault to the plan. The first fault that matches a call decides about it.
    pub fn plan(&self, fault: Fault) {
        self.plan.faults.lock().push(fault);
    }

    /// Forgets all faults, a crash among them.
    pub fn clear(&self) {
        self.plan.faults.lock().clear();
        self.plan.crashed.store(false, Ordering::SeqCst);
    }

    /// How many calls met a fault so far, since the file system was made.
    pub fn hits(&self) -> u64 {
        self.plan.hits.load(Ordering::SeqCst)
    }

    /// Whether an [`Action::Crash`] was reached.
    pub fn crashed(&self) -> bool {
        self.plan.crashed.load(Ordering::SeqCst)
    }
}

impl Plan {
    /// The fate of a call: the most bytes it may move (`usize::MAX` without a fault), or its error.
    fn meet(&self, op: OpKind, path: &str) -> io::Result<usize> {
        if self.crashed.load(Ordering::SeqCst) {
            return Err(stopped());
        }
        match self.pick(op, path) {
            None => Ok(usize::MAX),
            Some(Action::Error(kind)) => Err(io::Error::new(
                kind,
                format!("planned fault: {op:?} of {path}"),
            )),
            Some(Action::Short(bytes)) => Ok(bytes),
            Some(Action::Hook(hook)) => {
                hook();
                Ok(usize::MAX)
            }
            Some(Action::Crash(bytes)) => {
                self.crashed.store(true, Ordering::SeqCst);
                if op == OpKind::Write && bytes > 0 {
                    Ok(bytes)
                } else {
                    Err(stopped())
                }
            }
        }
    }

    fn pick(&self, op: OpKind, path: &str) -> Option<Action> {
        let mut faults = self.faults.lock();
        let fault = faults.iter_mut().find(|fault| {
            fault.op.is_none_or(|planned| planned == op)
                && path.contains(&fault.path)
                && fault.times > 0
        })?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times -= 1;
        self.hits.fetch_add(1, Ordering::SeqCst);
        Some(fault.action.clone())
    }
}

fn stopped() -> io::Error {
    io::Error::other("planned crash: nothing works any more")
}

impl Fs for FaultyFs {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        self.plan.meet(OpKind::Open, path)?;
        let inner = self.inner.open(path, mode)?;
        let path = Arc::new(Mutex::new(path.to_owned()));
        let mut open = self.plan.open.lock();
        open.retain(|path| path.strong_count() > 0);
        open.push(Arc::downgrade(&path));
        drop(open);
        Ok(Arc::new(FaultyFile {
            inner,
            path,
            direct: mode == OpenMode::Direct,
            plan: self.plan.clone(),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.plan.meet(OpKind::Rename, to)?;
        self.inner.rename(from, to)?;
        for path in self.plan.open.lock().iter().filter_map(Weak::upgrade) {
            let mut path = path.lock();
            if *path == from {
                to.clone_into(&mut path);
            }
        }
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.plan.meet(OpKind::Remove, path)?;
        self.inner.remove(path)
    }

    fn create_dir_all(&self, path: &str) -> io::Result<()> {
        self.plan.meet(OpKind::CreateDir, path)?;
        self.inner.create_dir_all(path)
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.plan.meet(OpKind::Remove, path)?;
        self.inner.remove_dir(path)
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        self.plan.meet(OpKind::List, path)?;
        self.inner.list_dir(path)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.plan.meet(OpKind::SyncDir, path)?;
        self.inner.sync_dir(path)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.inner.exists(path)
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn DirLock>> {
        self.inner.lock(path)
    }

    fn space(&self) -> io::Result<Space> {
        self.plan.meet(OpKind::Space, "")?;
        self.inner.space()
    }
}

#[derive(Debug)]
struct FaultyFile {
    inner: Arc<dyn File>,
    path: Arc<Mutex<String>>,
    /// Moves whole blocks only.
    direct: bool,
    plan: Arc<Plan>,
}

impl FaultyFile {
    fn meet(&self, op: OpKind) -> io::Result<usize> {
        let path = self.path.lock().clone();
        let most = self.plan.meet(op, &path)?;
        if self.direct && most != usize::MAX {
            return Ok(most.next_multiple_of(DIRECT_BLOCK));
        }
        Ok(most)
    }
}

impl File for FaultyFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let most = self.meet(OpKind::Read)?.min(buf.len());
        let part = buf.get_mut(..most).unwrap_or_default();
        self.inner.read_at(part, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        let most = self.meet(OpKind::Write)?;
        self.inner.write_at(buf.get(..most).unwrap_or(buf), offset)
    }

    fn write_vectored_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let most = self.meet(OpKind::Write)?;
        if most == usize::MAX {
            return self.inner.write_vectored_at(bufs, offset);
        }
        let mut bytes: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        bytes.truncate(most);
        self.inner.write_at(&bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.meet(OpKind::Sync)?;
        self.inner.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.meet(OpKind::Sync)?;
        self.inner.sync_all()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.meet(OpKind::SetLen)?;
        self.inner.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.meet(OpKind::Allocate)?;
        self.inner.allocate(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use super::{Action, Fault, FaultyFs, OpKind};
    use crate::fs::{Fs, MemoryFs, OpenMode, contract, read_file, write_all_at};

    fn faulty() -> FaultyFs {
        FaultyFs::new(Arc::new(MemoryFs::new()))
    }

    #[test]
    fn without_a_plan_the_contract_holds() {
        contract::run(&|_| Box::new(faulty()));
    }

    #[test]
    fn the_nth_call_on_a_matching_path_fails_once() {
        let fs = faulty();
        fs.plan(Fault::once(OpKind::Sync, "b", Action::Error(ErrorKind::Other)).after(1));
        let a = fs.open("a", OpenMode::CreateNew).unwrap();
        let b = fs.open("b", OpenMode::CreateNew).unwrap();
        a.sync_data().unwrap();
        a.sync_data().unwrap();
        b.sync_data().unwrap();
        assert_eq!(fs.hits(), 0);
        assert!(b.sync_data().is_err());
        b.sync_data().unwrap();
        assert_eq!(fs.hits(), 1);
    }

    #[test]
    fn a_short_write_is_completed_by_the_caller() {
        let fs = faulty();
        fs.plan(Fault::once(OpKind::Write, "", Action::Short(3)));
        let file = fs.open("a", OpenMode::CreateNew).unwrap();
        write_all_at(file.as_ref(), b"hello", 0).unwrap();
        assert_eq!(read_file(&fs, "a", 10).unwrap().unwrap(), b"hello");
    }

    #[test]
    fn a_hook_sees_the_call_and_lets_it_pass() {
        let fs = faulty();
        let seen = Arc::new(AtomicU32::new(0));
        let counter = seen.clone();
        let hook = Action::Hook(Arc::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        }));
        fs.plan(Fault::always(OpKind::Sync, "a", hook));
        let file = fs.open("a", OpenMode::CreateNew).unwrap();
        file.sync_data().unwrap();
        file.sync_all().unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn after_a_crash_point_nothing_works_until_cleared() {
        let fs = faulty();
        fs.plan(Fault::once(OpKind::Write, "a", Action::Crash(2)));
        let file = fs.open("a", OpenMode::CreateNew).unwrap();
        assert!(write_all_at(file.as_ref(), b"hello", 0).is_err());
        assert!(fs.crashed());
        assert!(fs.open("b", OpenMode::CreateNew).is_err());
        fs.clear();
        assert_eq!(read_file(&fs, "a", 10).unwrap().unwrap(), b"he");
    }
}
