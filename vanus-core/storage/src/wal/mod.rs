//! The write-ahead log of the node: one sequence of frames for all eventlogs, in files of one size that are
//! prepared before use, so that a commit is one write and one sync of bytes that lie there already.
//!
//! It knows entries and frames. What an entry means to an eventlog is known above.

mod checkpoint;
mod files;
mod layout;
mod recovery;
mod window;
mod writer;

pub(crate) use self::{
    checkpoint::{
        encode as encode_checkpoint, path as checkpoint_path, read_checkpoint, write_checkpoint,
    },
    files::{WAL_DIR, WalFiles},
    layout::{Entry, largest_batch},
    recovery::{Missing, Replay, WalFile, replay, survey},
    writer::{Unsynced, WalWriter},
};
