//! Reading events.

use vanus_types::{
    EventId, EventbusId, EventlogId,
    codec::{Decode, Encode},
};

/// Asks for the batches from an offset on.
///
/// The body of the answer holds whole batches that lie in a row. The first one is the batch that
/// holds `offset`, so it may begin with earlier events, which the reader skips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ReadRequest {
    /// Where to read.
    pub eventlog: EventlogId,
    /// The first offset wanted.
    pub offset: u64,
    /// Most bytes of batches wanted; the first batch comes even if it is larger.
    pub max_bytes: u32,
    /// How long to wait for an event when there is none yet, in milliseconds; at most
    /// `MAX_POLL_WAIT_MS`.
    pub wait_ms: u32,
}

/// What lies in the body of the answer, and where the eventlog ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ReadReply {
    /// The offset to ask for next: the one asked for, if the body is empty.
    pub next_offset: u64,
    /// The first offset that is still kept.
    pub start_offset: u64,
    /// The offset the next event will get.
    pub end_offset: u64,
}

/// Asks for one event; the body of the answer is the batch that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ReadEvent {
    /// The event wanted.
    pub event: EventId,
}

/// Asks, for each eventlog of an eventbus, for the first offset appended at or after a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct LookupOffset {
    /// Where to look.
    pub eventbus: EventbusId,
    /// The time, in milliseconds since the Unix epoch.
    pub time_ms: i64,
}

/// The offsets of a point in time.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct LookupOffsetReply {
    /// Per eventlog the first offset at or after the time; its end if there is none.
    pub offsets: Vec<(EventlogId, u64)>,
}
