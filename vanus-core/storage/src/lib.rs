//! The one-replica event store of Vanus: the seam to the disk, the write-ahead log, segments and the store over them.
//! It knows no network, no Raft and no eventbus.

mod bytes;
pub mod fs;
mod log;
mod segment;
pub mod store;
#[cfg(test)]
mod testing;
mod wal;

pub use self::{
    fs::{DiskFs, File, Fs, MemoryFs},
    store::{
        AdminError, AppendError, Appended, Corruption, DiskError, Health, LogInfo, OpenError,
        ReadChunk, ReadError, Stats, Store, StoreOptions, Threads,
    },
};
