//! The one-replica event store of Vanus: the seam to the disk, the write-ahead log, segments, the
//! store over them, and the metadata store. It knows no network, no Raft and no eventbus.

pub mod fs;
pub mod meta;
