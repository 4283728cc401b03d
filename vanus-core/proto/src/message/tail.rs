//! Following an eventlog.
//!
//! A tail has a stream of its own. The answers to a [`TailRequest`] are frames that carry a
//! [`TailProgress`] and batches, in order and without gaps, until a frame flagged `END` (the
//! server stops) or a fault. What holds the server back is the flow control of the stream: it
//! never has more under way than the reader has room for. To stop, the reader ends the stream.

use vanus_types::{
    EventlogId,
    codec::{Decode, Encode},
};

/// Asks for all batches from an offset on, pushed as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct TailRequest {
    /// What to follow.
    pub eventlog: EventlogId,
    /// The first offset wanted. The first batch may begin with earlier events, as in a read.
    pub from: u64,
    /// Most bytes of batches in one frame; a larger batch comes alone.
    pub max_bytes: u32,
}

/// How far the batches of the same frame reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct TailProgress {
    /// The offset that the next frame begins with.
    pub next_offset: u64,
    /// The offset the next event will get.
    pub end_offset: u64,
}
