//! The set of write-ahead log files: which hold frames still needed, which wait to be used again, and the one
//! that is prepared ahead so that a commit does not wait for it.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use vanus_types::Entropy;

use super::layout::{BLOCK, FileHeader, file_name};
use crate::{
    fs::{File, Fs, OpenMode, Staging, remove_if_there, write_all_at},
    store::DiskError,
};

/// The folder of the write-ahead log.
pub(crate) const WAL_DIR: &str = "wal";

/// A file ready for its first frame: written full, its header synced, its name durable.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) file: Arc<dyn File>,
    /// The same file past the page cache, where the disk has that.
    pub(crate) direct: Option<Arc<dyn File>>,
    pub(crate) header: FileHeader,
    pub(crate) path: String,
}

/// All files. Shared by the committer, which uses them up, and the checkpoint, which gives them back.
#[derive(Debug)]
pub(crate) struct WalFiles {
    fs: Arc<dyn Fs>,
    entropy: Arc<dyn Entropy>,
    size: u64,
    max_files: usize,
    state: Mutex<State>,
    /// Held while a file is prepared, so that nobody prepares a second one meanwhile.
    preparing: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    next_number: u64,
    /// Files written full, oldest first, with the last frame of each.
    full: VecDeque<(String, u64)>,
    /// Whether a file is being written.
    current: bool,
    ready: Option<Ready>,
    /// Files whose frames are not needed any more.
    spare: Vec<String>,
}

impl WalFiles {
    pub(crate) fn new(
        fs: Arc<dyn Fs>,
        entropy: Arc<dyn Entropy>,
        size: u64,
        max_files: u32,
        next_number: u64,
    ) -> WalFiles {
        WalFiles {
            fs,
            entropy,
            size,
            max_files: max_files as usize,
            state: Mutex::new(State {
                next_number,
                ..State::default()
            }),
            preparing: Mutex::new(()),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Files that hold frames still needed.
    pub(crate) fn needed(&self) -> usize {
        let state = self.state.lock();
        state.full.len() + usize::from(state.current)
    }

    /// Whether one more file may be taken into use.
    pub(crate) fn has_room(&self) -> bool {
        self.needed() < self.max_files
    }

    /// The next file: the one prepared ahead, or one prepared now.
    pub(crate) fn take(&self) -> Result<Ready, DiskError> {
        self.prepare()?;
        let mut state = self.state.lock();
        state.current = true;
        match state.ready.take() {
            Some(ready) => Ok(ready),
            // Only the committer takes, so the file prepared above is still there.
            None => Err(DiskError::new("prepare", WAL_DIR)(
                std::io::ErrorKind::NotFound.into(),
            )),
        }
    }

    /// Prepares a file ahead of need; does nothing when there is one.
    pub(crate) fn prepare(&self) -> Result<(), DiskError> {
        let _one_at_a_time = self.preparing.lock();
        let (number, spare) = {
            let mut state = self.state.lock();
            if state.ready.is_some() {
                return Ok(());
            }
            let number = state.next_number;
            state.next_number += 1;
            (number, state.spare.pop())
        };
        let ready = match spare {
            Some(spare) => self.recycle(number, spare)?,
            None => self.create(number)?,
        };
        self.state.lock().ready = Some(ready);
        Ok(())
    }

    /// The current file is full; `last_lsn` is its last frame.
    pub(crate) fn retire_current(&self, path: String, last_lsn: u64) {
        let mut state = self.state.lock();
        state.current = false;
        state.full.push_back((path, last_lsn));
    }

    /// Frames up to `lsn` are not needed any more: files that hold no others are used again, or removed when there
    /// are plenty.
    pub(crate) fn release(&self, lsn: u64) -> Result<(), DiskError> {
        loop {
            let path = {
                let mut state = self.state.lock();
                match state.full.front() {
                    Some((_, last)) if *last <= lsn => {}
                    _ => return Ok(()),
                }
                let Some((path, _)) = state.full.pop_front() else {
                    return Ok(());
                };
                path
            };
            self.keep_or_remove(path)?;
        }
    }

    /// Takes a file of an earlier life whose frames are not needed any more.
    pub(crate) fn adopt(&self, path: String, size: u64) -> Result<(), DiskError> {
        if size == self.size {
            return self.keep_or_remove(path);
        }
        remove_if_there(self.fs.as_ref(), &path).map_err(DiskError::new("remove", path))
    }

    fn keep_or_remove(&self, path: String) -> Result<(), DiskError> {
        let mut state = self.state.lock();
        if state.spare.len() <= self.max_files / 2 {
            state.spare.push(path);
            return Ok(());
        }
        drop(state);
        remove_if_there(self.fs.as_ref(), &path).map_err(DiskError::new("remove", path))
    }

    fn header(&self, number: u64) -> FileHeader {
        FileHeader {
            number,
            generation: self.entropy.next_u64(),
            size: self.size,
        }
    }

    /// Gives a file a new name and life. Until the new header is synced, the name and the number in the old
    /// header differ, so nobody believes its frames.
    fn recycle(&self, number: u64, spare: String) -> Result<Ready, DiskError> {
        let path = format!("{WAL_DIR}/{}", file_name(number));
        if let Err(e) = self.fs.rename(&spare, &path) {
            self.state.lock().spare.push(spare);
            return Err(DiskError::new("recycle", path)(e));
        }
        let reused = self.new_life(&path, number);
        let (file, header) = match reused {
            Ok(reused) => reused,
            Err(e) => {
                self.state.lock().spare.push(path.clone());
                return Err(DiskError::new("recycle", path)(e));
            }
        };
        let direct = open_direct(self.fs.as_ref(), &path);
        Ok(Ready {
            file,
            direct,
            header,
            path,
        })
    }

    fn new_life(&self, path: &str, number: u64) -> std::io::Result<(Arc<dyn File>, FileHeader)> {
        let file = self.fs.open(path, OpenMode::Write)?;
        let header = self.header(number);
        write_all_at(file.as_ref(), &header.encode(), 0)?;
        file.sync_data()?;
        self.fs.sync_dir(WAL_DIR)?;
        Ok((file, header))
    }

    /// Makes a new file and writes it full, so that later syncs carry data and no metadata.
    fn create(&self, number: u64) -> Result<Ready, DiskError> {
        let path = format!("{WAL_DIR}/{}", file_name(number));
        let temporary = format!("{WAL_DIR}/new.tmp");
        let made = self.fill(&temporary, number);
        let (file, direct, header) = match made {
            Ok(made) => made,
            Err(e) => {
                // What could be written of it would only make a full disk fuller.
                let _ = remove_if_there(self.fs.as_ref(), &temporary);
                return Err(DiskError::new("create", path)(e));
            }
        };
        let fail = || DiskError::new("create", path.clone());
        self.fs.rename(&temporary, &path).map_err(fail())?;
        self.fs.sync_dir(WAL_DIR).map_err(fail())?;
        Ok(Ready {
            file,
            direct,
            header,
            path,
        })
    }

    fn fill(&self, path: &str, number: u64) -> std::io::Result<Filled> {
        let file = self.fs.open(path, OpenMode::OpenOrCreate)?;
        file.set_len(0)?;
        file.allocate(self.size)?;
        let header = self.header(number);
        write_all_at(file.as_ref(), &header.encode(), 0)?;
        let mut direct = open_direct(self.fs.as_ref(), path);
        let zeros = |file: &dyn File| Staging::new().write_zeros(file, BLOCK, self.size);
        let filled = direct.as_deref().map(zeros);
        match filled {
            Some(Err(e)) if e.kind() == std::io::ErrorKind::InvalidInput => direct = None,
            Some(other) => other?,
            None => {}
        }
        if direct.is_none() {
            zeros(file.as_ref())?;
        }
        file.sync_all()?;
        Ok((file, direct, header))
    }
}

/// A file written full, as which it is open, and its header.
type Filled = (Arc<dyn File>, Option<Arc<dyn File>>, FileHeader);

/// A file past the page cache; `None` where the disk has no such thing, or cannot open it now: everything works without.
fn open_direct(fs: &dyn Fs, path: &str) -> Option<Arc<dyn File>> {
    fs.open(path, OpenMode::Direct).ok()
}
