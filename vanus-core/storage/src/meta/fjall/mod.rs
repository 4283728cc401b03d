//! Metadata on disk, in fjall.
//!
//! **The one exception to the `Fs` seam.** fjall opens, writes and syncs its files itself, so
//! the faults an injected `Fs` makes cannot reach it; what this folder does with files of its own
//! it does directly as well, in [`files`], [`manifest`]
//! and [`witness`] alone. Failures of writing are tried
//! out on the committer instead, damage and crashes on copies of real directories.
//!
//! ```text
//! <dir>/lock      held while the store is open
//! <dir>/commits   how many commits were acknowledged (see `witness`)
//! <dir>/db/       the fjall database
//! <dir>/db.new/   a database being created, of no value before it is renamed
//! <dir>/copy      a file being rewritten, of no value
//! ```
//!
//! Each table is a fjall keyspace: cursors and retries are overwritten and deleted all the
//! time, and apart they neither make the cold tables be compacted with them nor make scans of
//! them wade through their tombstones. The set is fixed because a keyspace costs a memtable, a
//! file or more and several syncs when created. A tenth keyspace holds the number of commits,
//! which is part of every write and lets a reopened store notice that its journal was cut.
//!
//! All keyspaces share one journal, which has no group commit of its own: it holds its lock
//! while it syncs. That is why there is one committer.
//!
//! After an error of writing, fjall writes no more until it is opened again. Where the disk was
//! full, the journal does that by itself as soon as there is room, exactly as a restart of the
//! process would; see [`journal`].

mod files;
mod journal;
mod manifest;
mod witness;

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use bytes::Bytes;
use parking_lot::RwLock;

use self::{
    files::Files,
    journal::FjallJournal,
    witness::{Seen, Witness},
};
use super::{
    CommitFuture, MetaBatch, MetaError, MetaHealth, MetaStore, Scan, ScanPage, Table,
    committer::Committer,
};

/// The keyspace of the number of commits, and its one key.
const COMMITS: &str = "commits";
const COMMITS_KEY: &str = "n";

/// Where and how to keep metadata. The defaults suit a hundred thousand resources on a small
/// machine.
#[derive(Debug, Clone)]
pub struct FjallOptions {
    /// The directory of the store; created with its parents if absent.
    pub dir: PathBuf,
    /// Bytes a table gathers in memory before it writes a file; a table may hold up to four such
    /// memtables while the disk is behind. At least 1 MiB; fixed when the store is created.
    pub memtable_bytes: u64,
    /// Bytes of file blocks kept in memory, of all tables together.
    pub cache_bytes: u64,
    /// Bytes of journals on disk before tables are made to write their files. At least 64 MiB.
    pub journal_bytes: u64,
    /// Threads that write and compact files. At least 1.
    pub workers: usize,
    /// Files kept open for reading. At least 10.
    pub open_files: usize,
}

impl FjallOptions {
    /// The defaults, in `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            memtable_bytes: 4 * 1024 * 1024,
            cache_bytes: 16 * 1024 * 1024,
            journal_bytes: 64 * 1024 * 1024,
            workers: 2,
            open_files: 64,
        }
    }
}

/// A [`MetaStore`] on disk.
///
/// Dropping it writes what is queued, ends its thread and releases the directory.
#[derive(Debug)]
pub struct FjallMeta {
    // Fields drop in this order: the committer writes its queue to the database, and the
    // directory is released last.
    committer: Committer,
    live: Live,
    _files: Arc<Files>,
}

impl FjallMeta {
    /// Opens the store, creating it if its directory is empty or absent. Blocks: call it where
    /// waiting for the disk is allowed.
    ///
    /// # Errors
    ///
    /// [`MetaError::Locked`] when it is open already, [`MetaError::Lost`] when acknowledged
    /// commits are missing, [`MetaError::Damaged`] when its files make no sense, and
    /// [`MetaError::Open`] when the disk fails.
    pub fn open(options: &FjallOptions) -> Result<Self, MetaError> {
        let files = Arc::new(Files::lock(&options.dir)?);
        let witness = Witness::open(files.witness()).map_err(|error| files.open_error(error))?;
        let io = |error| files.open_error(error);
        if !files.has_database().map_err(io)? {
            Self::create(&files, options)?;
        }
        if witness.seen().is_some_and(|seen| seen.poisoned) {
            files.rewrite_database().map_err(io)?;
        }
        let (tables, commits) =
            Tables::open_checked(&files, options).map_err(|error| error.opening(&files))?;
        let acknowledged = witness.seen().map_or(0, |seen| seen.commits);
        if commits < acknowledged {
            let (path, witness) = (files.dir().to_owned(), files.witness());
            return Err(MetaError::Lost {
                path,
                witness,
                acknowledged,
                found: commits,
            });
        }
        witness
            .record(Seen {
                commits,
                poisoned: false,
            })
            .map_err(|error| files.open_error(error))?;
        let live = Live::new(tables);
        let journal = FjallJournal::new(
            live.clone(),
            commits,
            witness,
            Arc::clone(&files),
            options.clone(),
        );
        let committer = Committer::start(journal).map_err(|error| files.open_error(error))?;
        Ok(Self {
            committer,
            live,
            _files: files,
        })
    }

    /// Creates the database beside its place and moves it there whole: fjall cannot go on with a
    /// database whose creation was cut short.
    fn create(files: &Files, options: &FjallOptions) -> Result<(), MetaError> {
        let new = files
            .prepare_new()
            .map_err(|error| files.open_error(error))?;
        guarded(|| {
            let tables = Tables::open(&new, options, Missing::IsCreated)?;
            Ok(tables.db.persist(PersistMode::SyncAll)?)
        })
        .map_err(|error| error.opening(files))?;
        files.adopt_new().map_err(|error| files.open_error(error))
    }
}

impl MetaStore for FjallMeta {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError> {
        self.live.with(|tables| tables.get(table, key))
    }

    fn scan(&self, table: Table, scan: &Scan) -> Result<ScanPage, MetaError> {
        let Some(range) = scan.bounds() else {
            return Ok(ScanPage {
                entries: Vec::new(),
                more: false,
            });
        };
        self.live.with(|tables| {
            guarded(|| {
                let snapshot = tables.db.snapshot();
                let entries = snapshot.range::<Bytes, _>(tables.keyspace(table), range);
                scan.page(entries.map(|entry| {
                    let (key, value) = entry.into_inner()?;
                    Ok((key.into(), value.into()))
                }))
            })
            .map_err(|error| error.reading(table))
        })
    }

    fn commit(&self, batch: MetaBatch) -> CommitFuture {
        self.committer.commit(batch)
    }

    fn health(&self) -> MetaHealth {
        match self.committer.poison() {
            Some(cause) => MetaHealth::Poisoned(cause),
            None if self.committer.is_full() => MetaHealth::Full,
            None => MetaHealth::Ready,
        }
    }
}

/// What a table that does not exist means. fjall drops a keyspace whose files make no sense to
/// it, so one that is missing later was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsCreated,
    IsDamage,
}

/// The database as its readers and its writer share it: another one after the disk was full, and why there is none
/// when reopening met a full disk again, or failed.
#[derive(Debug, Clone)]
struct Live(Arc<RwLock<Result<Tables, MetaError>>>);

impl Live {
    fn new(tables: Tables) -> Self {
        Self(Arc::new(RwLock::new(Ok(tables))))
    }

    /// Runs `work` on the database. It must keep no part of it.
    fn with<T>(&self, work: impl FnOnce(&Tables) -> Result<T, MetaError>) -> Result<T, MetaError> {
        match self.0.read().as_ref() {
            Ok(tables) => work(tables),
            Err(error) => Err(error.clone()),
        }
    }

    /// Reopening failed for good.
    fn fail(&self, cause: &str) {
        let mut live = self.0.write();
        if live.is_err() {
            let cause = cause.into();
            *live = Err(MetaError::Poisoned { cause });
        }
    }
}

/// The open database and its keyspaces.
struct Tables {
    db: Database,
    /// In the order of [`Table::ALL`].
    keyspaces: [Keyspace; Table::ALL.len()],
    commits: Keyspace,
}

impl Tables {
    /// Opens a database that is there, after checking what can be checked; answers it with the
    /// number of commits it holds.
    fn open_checked(files: &Files, options: &FjallOptions) -> Result<(Self, u64), Fault> {
        manifest::check_all(&files.database())?;
        guarded(|| {
            let tables = Self::open(&files.database(), options, Missing::IsDamage)?;
            let commits = tables.commits()?;
            Ok((tables, commits))
        })
    }

    fn open(path: &Path, options: &FjallOptions, missing: Missing) -> Result<Self, Fault> {
        const MIN_JOURNAL: u64 = 64 * 1024 * 1024;
        const MIN_MEMTABLE: u64 = 1024 * 1024;
        let db = Database::builder(path)
            .cache_size(options.cache_bytes)
            .max_journaling_size(options.journal_bytes.max(MIN_JOURNAL))
            .worker_threads(options.workers.max(1))
            .max_cached_files(Some(options.open_files.max(10)))
            .open()?;
        let memtable = options.memtable_bytes.max(MIN_MEMTABLE);
        let keyspace = |name: &str| {
            // The index of timers is a cache: whoever uses it notices that it is empty, and makes it anew.
            let cache = name == Table::Timers.name();
            if missing == Missing::IsDamage && !cache && !db.keyspace_exists(name) {
                return Err(Fault::Damaged(format!("table {name} is missing")));
            }
            let options = || KeyspaceCreateOptions::default().max_memtable_size(memtable);
            Ok(db.keyspace(name, options)?)
        };
        let [a, b, c, d, e, f, g, h, i, j, k] = Table::ALL.map(|table| keyspace(table.name()));
        let keyspaces = [a?, b?, c?, d?, e?, f?, g?, h?, i?, j?, k?];
        let commits = keyspace(COMMITS)?;
        Ok(Self {
            db,
            keyspaces,
            commits,
        })
    }

    fn keyspace(&self, table: Table) -> &Keyspace {
        let [
            cluster,
            namespaces,
            eventbuses,
            eventlogs,
            subscriptions,
            cursors,
            retries,
            garbage,
            timers,
            schedules,
            schedule_progress,
        ] = &self.keyspaces;
        match table {
            Table::Cluster => cluster,
            Table::Namespaces => namespaces,
            Table::Eventbuses => eventbuses,
            Table::Eventlogs => eventlogs,
            Table::Subscriptions => subscriptions,
            Table::Cursors => cursors,
            Table::Retries => retries,
            Table::Garbage => garbage,
            Table::Timers => timers,
            Table::Schedules => schedules,
            Table::ScheduleProgress => schedule_progress,
        }
    }

    /// Reads through a snapshot: fjall's direct reads also see what a write in progress has
    /// applied so far, which would break atomicity.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError> {
        if key.is_empty() {
            return Ok(None);
        }
        guarded(|| {
            Ok(self
                .db
                .snapshot()
                .get(self.keyspace(table), key)?
                .map(Bytes::from))
        })
        .map_err(|error| error.reading(table))
    }

    /// How many commits the database holds.
    fn commits(&self) -> Result<u64, Fault> {
        let Some(value) = self.commits.get(COMMITS_KEY)? else {
            return Ok(0);
        };
        match <[u8; 8]>::try_from(&*value) {
            Ok(bytes) => Ok(u64::from_be_bytes(bytes)),
            Err(_) => Err(Fault::Damaged(
                "the number of commits is not 8 bytes".to_owned(),
            )),
        }
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tables")
    }
}

/// What fjall answers, sorted into what it means.
#[derive(Debug)]
enum Fault {
    Io(std::io::Error),
    Locked,
    /// It writes no more, because a thread of its own met an error, which it tells nobody.
    Stopped,
    Damaged(String),
}

impl From<::fjall::Error> for Fault {
    fn from(error: ::fjall::Error) -> Self {
        match error {
            ::fjall::Error::Io(error) | ::fjall::Error::Storage(::fjall::LsmError::Io(error)) => {
                Self::Io(error)
            }
            ::fjall::Error::Locked => Self::Locked,
            ::fjall::Error::Poisoned => Self::Stopped,
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// What is known of [`Fault::Stopped`].
const STOPPED: &str = "a background write of the metadata failed";

impl Fault {
    /// For people.
    fn text(&self) -> String {
        match self {
            Self::Io(error) => error.to_string(),
            Self::Locked => "the database is locked".to_owned(),
            Self::Stopped => STOPPED.to_owned(),
            Self::Damaged(detail) => detail.clone(),
        }
    }

    fn opening(self, files: &Files) -> MetaError {
        match self {
            Self::Io(error) => files.open_error(error),
            Self::Locked => MetaError::Locked {
                path: files.dir().to_owned(),
            },
            Self::Stopped => files.open_error(std::io::Error::other(STOPPED)),
            Self::Damaged(detail) => MetaError::Damaged {
                what: format!("metadata in {}", files.dir().display()),
                detail,
            },
        }
    }

    fn reading(self, table: Table) -> MetaError {
        match self {
            Self::Io(source) => MetaError::Read {
                table,
                source: Arc::new(source),
            },
            Self::Locked => MetaError::Closed,
            Self::Stopped => MetaError::Read {
                table,
                source: Arc::new(std::io::Error::other(STOPPED)),
            },
            Self::Damaged(detail) => MetaError::Damaged {
                what: format!("metadata table {table}"),
                detail,
            },
        }
    }
}

/// Runs `work`, turning a panic into an error: fjall asserts on some kinds of damage, and a
/// damaged byte must be an answer, not the end of the process.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Fault::Damaged(
            text.unwrap_or("the store panicked").to_owned(),
        ))
    })
}

/// Leaves the mark of a failed sync in a closed store.
#[cfg(test)]
pub(super) fn mark_poisoned(dir: &Path) {
    let witness = Witness::open(dir.join("commits")).unwrap();
    let seen = witness.seen().unwrap();
    witness
        .record(Seen {
            poisoned: true,
            ..seen
        })
        .unwrap();
}
