//! The metadata store: ordered byte keys in a few named tables, written atomically and synced
//! before a write is acknowledged.
//!
//! [`MetaStore`] is the contract; [`FjallMeta`] keeps it on disk, [`MemoryMeta`] in memory. One
//! test suite runs on both. What the keys and values mean is not known here: records are encoded
//! by those who own them. Events never pass through here; they live in the log and in segments.
//!
//! What survives what, for [`FjallMeta`]:
//!
//! | fault | outcome |
//! |---|---|
//! | kill -9 | every acknowledged batch is there after reopening; an unacknowledged one is there whole or not at all |
//! | power loss | the same, as the journal is synced before the acknowledgement |
//! | failed write or sync, full disk | the batches of that group answer [`MetaError::Unknown`], everything later [`MetaError::Poisoned`]; reopening rewrites the journal before trusting it |
//! | damaged byte | refused when opened or read; acknowledged batches missing from the journal are noticed ([`MetaError::Lost`]) |
//! | second process | [`MetaError::Locked`] |

mod batch;
mod committer;
mod error;
mod fjall;
mod group;
mod memory;
mod scan;
mod store;
mod table;

pub use self::{
    batch::{MAX_META_BATCH_BYTES, MAX_META_BATCH_OPS, MAX_META_KEY, MAX_META_VALUE, MetaBatch},
    committer::MAX_META_PENDING_BYTES,
    error::{Found, MetaError},
    fjall::{FjallMeta, FjallOptions},
    memory::MemoryMeta,
    scan::{MAX_SCAN_BYTES, MAX_SCAN_ENTRIES, Scan, ScanPage},
    store::{CommitFuture, MetaHealth, MetaStore},
    table::Table,
};

#[cfg(test)]
mod tests;
