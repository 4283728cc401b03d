//! Writing groups to fjall, and going on after the disk was full.
//!
//! When a write meets a full disk, the group may be in the journal of fjall or not; its readers do
//! not see it. So what its keys held before is remembered. Once there is room the database is
//! closed, written anew and opened, as after a restart with the mark of a failed sync, because the
//! page cache may hold what the disk does not. If the group turns out to be there, the values of
//! before are put back. An error of a thread of fjall, which it does not tell, is treated likewise,
//! unless it comes back soon. Then nothing is left of it, and what the engine has in memory is what the
//! database holds.

use ::fjall::PersistMode;
use bytes::Bytes;
use std::{io, sync::Arc};

use super::{
    COMMITS_KEY, Fault, Files, FjallOptions, Live, Tables, guarded,
    witness::{Seen, Witness},
};
use crate::meta::{
    MetaError, Table,
    committer::{Journal, WriteError},
    group::Group,
};

/// An error that fjall does not tell is taken for a full disk when less than this is free, in
/// bytes: what a table and its compaction may want.
const SCARCE_BYTES: u64 = 64 * 1024 * 1024;

/// A background error with room on the disk is final when fewer commits than this came after the last
/// one: then it was not a disk that was full for a moment.
const STEADY_COMMITS: u64 = 64;

/// The database as the committer sees it.
pub(super) struct FjallJournal {
    live: Live,
    /// How many commits the database holds.
    commits: u64,
    witness: Witness,
    files: Arc<Files>,
    options: FjallOptions,
    interrupted: Option<Interrupted>,
    /// Which commit last met a background error, though there was room.
    stopped_at: Option<u64>,
    /// Makes the next group meet a background error.
    #[cfg(test)]
    stopped: bool,
    /// Runs when the database is closed to be opened again.
    #[cfg(test)]
    on_close: Option<fn()>,
    /// Makes the next group meet a full disk, and says whether it is found to be stored.
    #[cfg(test)]
    full: Option<bool>,
    /// That group.
    #[cfg(test)]
    found: Option<Group>,
}

/// A group that met a full disk.
struct Interrupted {
    /// The number it had.
    commit: u64,
    /// What its keys held before it.
    before: Group,
}

impl FjallJournal {
    pub(super) fn new(
        live: Live,
        commits: u64,
        witness: Witness,
        files: Arc<Files>,
        options: FjallOptions,
    ) -> Self {
        Self {
            live,
            commits,
            witness,
            files,
            options,
            interrupted: None,
            stopped_at: None,
            #[cfg(test)]
            stopped: false,
            #[cfg(test)]
            on_close: None,
            #[cfg(test)]
            full: None,
            #[cfg(test)]
            found: None,
        }
    }

    fn write_group(&mut self, group: &Group, commits: u64) -> Result<(), Fault> {
        let live = self.live.0.read();
        let Ok(tables) = live.as_ref() else {
            return Err(Fault::Io(io::ErrorKind::StorageFull.into()));
        };
        #[cfg(test)]
        if std::mem::take(&mut self.stopped) {
            return Err(Fault::Stopped);
        }
        #[cfg(test)]
        if let Some(stored) = self.full.take() {
            self.found = stored.then(|| group.clone());
            return Err(Fault::Io(io::ErrorKind::StorageFull.into()));
        }
        apply(tables, group, commits)
    }

    /// What the keys of `group` hold, which readers see.
    fn before(&self, group: &Group) -> Result<Group, MetaError> {
        self.live.with(|tables| {
            let mut before = Group::default();
            for slot in group.changes.keys() {
                let value = tables.get(slot.0, &slot.1)?;
                before.changes.insert(slot.clone(), value);
            }
            Ok(before)
        })
    }

    fn is_full(&self, fault: &Fault) -> bool {
        match fault {
            Fault::Io(error) => is_full(error),
            Fault::Stopped => self
                .files
                .free_bytes()
                .is_ok_and(|free| free < SCARCE_BYTES),
            Fault::Locked | Fault::Damaged(_) => false,
        }
    }

    /// Whether commit number `commit` met a background error that opening the database again may heal. Where the disk
    /// was full, there may be room again before anybody asks: what is free now does not tell.
    fn may_pass(&mut self, fault: &Fault, commit: u64) -> bool {
        if !matches!(fault, Fault::Stopped) {
            return false;
        }
        let before = self.stopped_at.replace(commit);
        before.is_none_or(|before| commit - before >= STEADY_COMMITS)
    }

    fn record(&self, commits: u64, poisoned: bool) -> io::Result<()> {
        self.witness.record(Seen { commits, poisoned })
    }

    /// Opens the database again; answers it with the number of its commits.
    fn reopen(&self) -> Result<(Tables, u64), Fault> {
        self.files.rewrite_database().map_err(Fault::Io)?;
        let (tables, found) = Tables::open_checked(&self.files, &self.options)?;
        if found < self.commits {
            let acknowledged = self.commits;
            return Err(Fault::Damaged(format!(
                "{acknowledged} commits were acknowledged, {found} are left"
            )));
        }
        Ok((tables, found))
    }

    /// Closes the database, opens it again and takes back what was interrupted.
    fn go_on(&mut self) -> Result<(), Fault> {
        let live = self.live.clone();
        let mut live = live.0.write();
        // The last handle: fjall lets go of its lock when it is dropped.
        drop(std::mem::replace(&mut *live, Err(MetaError::Full)));
        #[cfg(test)]
        if let Some(on_close) = self.on_close {
            on_close();
        }
        #[cfg(test)]
        if let Some(group) = self.found.take() {
            let (tables, found) = Tables::open_checked(&self.files, &self.options)?;
            apply(&tables, &group, found + 1)?;
        }
        let (tables, mut commits) = self.reopen()?;
        if let Some(interrupted) = &self.interrupted
            && interrupted.commit == commits
        {
            commits += 1;
            apply(&tables, &interrupted.before, commits)?;
        }
        self.record(commits, false).map_err(Fault::Io)?;
        self.interrupted = None;
        self.commits = commits;
        *live = Ok(tables);
        Ok(())
    }
}

fn apply(tables: &Tables, group: &Group, commits: u64) -> Result<(), Fault> {
    guarded(|| {
        let mut batch = tables.db.batch().durability(Some(PersistMode::SyncData));
        for ((table, key), value) in &group.changes {
            let keyspace = tables.keyspace(*table);
            match value {
                Some(value) => batch.insert(keyspace, key.clone(), value.clone()),
                None => batch.remove(keyspace, key.clone()),
            }
        }
        batch.insert(&tables.commits, COMMITS_KEY, commits.to_be_bytes());
        Ok(batch.commit()?)
    })
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

impl Journal for FjallJournal {
    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError> {
        self.live.with(|tables| tables.get(table, key))
    }

    fn write(&mut self, group: Group) -> Result<(), WriteError> {
        let commits = self.commits + 1;
        let Err(fault) = self.write_group(&group, commits) else {
            self.commits = commits;
            return self.record(commits, false).map_err(|error| {
                let _ = self.record(commits, true);
                WriteError::Failed(error.to_string())
            });
        };
        // What cannot be recorded here is recorded nowhere; the disk is failing already.
        let _ = self.record(self.commits, true);
        if (self.is_full(&fault) || self.may_pass(&fault, commits))
            && let Ok(before) = self.before(&group)
        {
            self.interrupted = Some(Interrupted {
                commit: commits,
                before,
            });
            return Err(WriteError::Full(fault.text()));
        }
        Err(WriteError::Failed(fault.text()))
    }

    fn heal(&mut self) -> Result<bool, String> {
        let room = self.files.room_to_rewrite();
        let (Ok(room), Ok(free)) = (room, self.files.free_bytes()) else {
            return Ok(false);
        };
        if free < room {
            return Ok(false);
        }
        // Before the database is closed, so that it can still be read where a disk takes nothing any more.
        match self.record(self.commits, true) {
            Ok(()) => {}
            Err(error) if is_full(&error) => return Ok(false),
            Err(error) => return Err(error.to_string()),
        }
        // Closing may panic too: that must not end the thread, which would leave everybody waiting for room.
        match guarded(|| self.go_on()) {
            Ok(()) => Ok(true),
            Err(fault) if self.is_full(&fault) => Ok(false),
            Err(fault) => {
                let cause = fault.text();
                self.live.fail(&cause);
                Err(cause)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Missing, *};
    use crate::meta::MetaBatch;

    const T: Table = Table::Cursors;

    fn journal(dir: &std::path::Path) -> FjallJournal {
        let options = FjallOptions::new(dir);
        let files = Arc::new(Files::lock(dir).unwrap());
        let witness = Witness::open(files.witness()).unwrap();
        let tables = Tables::open(&files.database(), &options, Missing::IsCreated).unwrap();
        let commits = tables.commits().unwrap();
        FjallJournal::new(Live::new(tables), commits, witness, files, options)
    }

    fn group(batch: MetaBatch) -> Group {
        let mut group = Group::default();
        group.admit(batch, |_, _| Ok(None)).unwrap();
        group
    }

    fn value(journal: &FjallJournal, key: &str) -> Option<Bytes> {
        journal.read(T, key.as_bytes()).unwrap()
    }

    #[test]
    fn after_a_full_disk_nothing_is_left_of_the_group_that_met_it() {
        for stored in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let mut journal = journal(dir.path());
            let first = MetaBatch::new().put(T, "kept", "1").put(T, "gone", "1");
            journal.write(group(first)).unwrap();
            journal.full = Some(stored);
            let change = MetaBatch::new()
                .put(T, "kept", "2")
                .put(T, "new", "2")
                .delete(T, "gone");
            let refused = journal.write(group(change));
            assert!(matches!(refused, Err(WriteError::Full(_))), "{refused:?}");
            assert_eq!(value(&journal, "kept"), Some("1".into()), "reads go on");
            assert_eq!(journal.heal(), Ok(true));
            let found = ["kept", "gone", "new"].map(|key| value(&journal, key));
            assert_eq!(found, [Some("1".into()), Some("1".into()), None]);
            journal
                .write(group(MetaBatch::new().put(T, "later", "3")))
                .unwrap();
            drop(journal);
            let store = super::super::FjallMeta::open(&FjallOptions::new(dir.path())).unwrap();
            use crate::meta::MetaStore as _;
            assert_eq!(store.get(T, b"kept").unwrap(), Some("1".into()));
            assert_eq!(store.get(T, b"new").unwrap(), None);
            assert_eq!(store.get(T, b"later").unwrap(), Some("3".into()));
        }
    }

    fn put(journal: &mut FjallJournal, value: &'static str) -> Result<(), WriteError> {
        journal.write(group(MetaBatch::new().put(T, "key", value)))
    }

    #[test]
    fn a_background_error_heals_though_there_is_room_unless_it_comes_back_soon() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = journal(dir.path());
        put(&mut journal, "1").unwrap();
        for _ in 0..2 {
            journal.stopped = true;
            let refused = put(&mut journal, "2");
            assert!(matches!(refused, Err(WriteError::Full(_))), "{refused:?}");
            assert_eq!(journal.heal(), Ok(true));
            assert_eq!(value(&journal, "key"), Some("1".into()));
            for _ in 0..STEADY_COMMITS {
                put(&mut journal, "1").unwrap();
            }
        }
        journal.stopped = true;
        assert!(matches!(put(&mut journal, "2"), Err(WriteError::Full(_))));
        assert_eq!(journal.heal(), Ok(true));
        put(&mut journal, "3").unwrap();
        journal.stopped = true;
        let refused = put(&mut journal, "4");
        assert!(matches!(refused, Err(WriteError::Failed(_))), "{refused:?}");
    }

    #[test]
    fn a_panic_while_the_database_is_closed_is_final_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = journal(dir.path());
        journal.full = Some(false);
        put(&mut journal, "1").unwrap_err();
        journal.on_close = Some(|| panic!("it broke"));
        assert_eq!(journal.heal(), Err("it broke".to_owned()));
        let read = journal.read(T, b"key");
        assert!(matches!(read, Err(MetaError::Poisoned { .. })), "{read:?}");
    }
}
