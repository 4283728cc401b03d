//! Consuming: one reader per eventlog, merged.
//!
//! Each reader follows its eventlog by server push or by long polls, verifies every checksum and
//! that offsets follow each other without a gap, and goes on where it was after a broken
//! connection. What holds a reader back is its consumer: a bounded queue of batches, then the flow
//! control of the stream.

#[expect(clippy::module_inception, reason = "the main type of the module")]
mod consumer;
mod options;
mod reader;

pub use consumer::{Consumer, Received, ReceivedBatch};
pub use options::{ConsumerOptions, ReadMode, StartAt};
