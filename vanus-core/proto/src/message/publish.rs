//! Appending events.

use vanus_types::{
    Durability, EventlogId,
    codec::{Decode, Encode},
};

/// Asks to append the one batch that is the body of the frame.
///
/// The batch is unassigned (eventlog, offset and time are zero). If it names a producer, its
/// sequence is one more than that of the producer's batch before it on the same eventlog,
/// starting at 1; the answer to a sequence that is stored already is the place it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct PublishRequest {
    /// Where to append.
    pub eventlog: EventlogId,
    /// What the acknowledgement shall promise.
    pub durability: Durability,
}

/// Acknowledges a batch: its events have the offsets `base_offset .. base_offset + count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct PublishReply {
    /// Offset of the first event.
    pub base_offset: u64,
    /// Number of events.
    pub count: u32,
    /// When the batch was appended, in milliseconds since the Unix epoch.
    pub append_time_ms: i64,
    /// What this acknowledgement promises; at least what was asked for.
    pub durability: Durability,
    /// Whether the batch was stored by an earlier try.
    pub duplicate: bool,
}
