//! The one-replica event store of Vanus: the seam to the disk, the write-ahead log, segments and the store over them.
//! It knows no network, no Raft and no eventbus.

pub mod fs;
