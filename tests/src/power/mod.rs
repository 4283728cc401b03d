//! Loss of power for a real file system on a real mount, without pulling a plug.
//!
//! ```text
//! engine ──► ext4 or xfs ──► loop device ──► one file, served by us over FUSE ──► [disk::Disk]
//! ```
//!
//! The disk knows which blocks were written and which were flushed. When the power goes, it answers
//! nothing any more, and of what was not flushed any part may be left, whole or torn. What is left
//! is mounted again, the file system repairs itself from its journal, and the engine has to open
//! and to have every event it acknowledged.
//!
//! Here are the disk, the mounts, who publishes and who judges; the order of events is in the
//! program `power-loss`.

mod disk;
mod judge;
mod publisher;
mod served;
mod volume;

pub use disk::{BLOCK, Disk};
pub use judge::{Findings, judge};
pub use publisher::publish;
pub use served::ServedDisk;
pub use volume::{FileSystem, Volume};
