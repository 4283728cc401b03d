//! The store: eventlogs over one write-ahead log. Commits in groups, flushes to segments, makes checkpoints, recovers.
//!
//! The path of an append: `append` puts the batch into the `queue`; `commit` gives it its offset, writes one frame for
//! everything that waits, syncs, shows it to readers and answers. Off that path: `flush` writes what is in memory to
//! segments, `checkpoint` syncs them and frees write-ahead log files. `recover` does it all in reverse.

mod answers;
mod append;
mod block;
mod checkpoint;
mod commit;
mod error;
mod flush;
mod group;
mod health;
mod options;
mod queue;
pub(crate) mod recover;
mod scrub;
mod shared;
mod space;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod store;
pub(crate) mod superblock;
mod threads;
mod work;

pub(crate) use self::store::LOCK;
pub use self::{
    answers::{Appended, Expired, Health, LogInfo, ReadChunk, Stats},
    error::{AdminError, AppendError, Corruption, DiskError, OpenError, ReadError},
    options::{MAX_WAL_FILE_BYTES, MIN_WAL_FILE_BYTES, StoreOptions, Threads},
    store::Store,
};
