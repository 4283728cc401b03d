//! The batch: what is written, sent and read as one piece.
//!
//! A header of 64 bytes and a body of records back to back. The body is encoded once, by whoever
//! publishes, and never again; the store fills in the header when it assigns offsets. Little
//! endian:
//!
//! ```text
//!  0  u32  magic "VBAT"
//!  4  u32  CRC-32C of bytes 8..64 of the header
//!  8  u32  length of the body
//! 12  u32  CRC-32C of the body
//! 16  u64  eventlog              (0 until assigned)
//! 24  u64  offset of the first event
//! 32  i64  append time, milliseconds since the Unix epoch
//! 40  u32  number of events
//! 44  u16  version (1)
//! 46  u16  flags (0)
//! 48  u64  producer              (0 = none)
//! 56  u64  sequence of the first event
//! 64  …    body: records, each starting with its own length
//! ```

#[expect(clippy::module_inception, reason = "the main type of the module")]
mod batch;
mod builder;
mod header;

pub use batch::{Batch, BatchEvents};
pub use builder::BatchBuilder;
pub use header::{BATCH_HEADER_LEN, BatchError, BatchHeader};
