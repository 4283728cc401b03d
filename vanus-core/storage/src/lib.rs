//! The one-replica event store of Vanus: the seam to the disk, the write-ahead log, segments, the
//! store over them, and the metadata store. It knows no network, no Raft and no eventbus.

mod bytes;
pub mod check;
pub mod fs;
mod log;
pub mod meta;
mod segment;
pub mod store;
#[cfg(test)]
mod testing;
mod wal;

pub use self::{
    fs::{DiskFs, File, Fs, MemoryFs},
    store::{
        AdminError, AppendError, Appended, Corruption, DiskError, Expired, Health, LogInfo,
        OpenError, ReadChunk, ReadError, Stats, Store, StoreOptions, Threads,
    },
};
