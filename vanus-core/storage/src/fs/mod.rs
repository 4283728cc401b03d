//! The seam to the disk: the traits [`Fs`] and [`File`], a real implementation, one in memory that loses what
//! was not synced, and one that injects faults. Nothing here knows what the store writes.

mod api;
#[cfg(test)]
mod contract;
mod direct;
mod disk;
mod faulty;
mod io;
mod memory;

pub(crate) use self::direct::Staging;
pub use self::{
    api::{DIRECT_BLOCK, DirEntry, DirLock, File, Fs, OpenMode, Space},
    disk::DiskFs,
    faulty::{Action, Fault, FaultyFs, OpKind},
    io::{
        read_exact_at, read_file, read_full_at, remove_if_there, replace_file, write_all_at,
        write_all_vectored_at,
    },
    memory::{CrashPolicy, MemoryFs},
};
