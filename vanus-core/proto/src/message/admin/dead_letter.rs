//! Dead letters: events a subscription could not deliver.

use vanus_types::{
    EventId, SubscriptionId,
    codec::{Decode, Encode},
};

/// Asks for dead letters of a subscription, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct GetDeadLetters {
    /// Whose dead letters.
    pub subscription: SubscriptionId,
    /// The first offset of the dead letter eventlog to look at; its start if absent.
    pub from: Option<u64>,
    /// Most dead letters wanted, at most `MAX_DEAD_LETTERS`; the server may answer fewer.
    pub limit: u32,
}

/// Some dead letters. The body of the frame is one batch that holds their events in the same
/// order, or empty if there are none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct DeadLetterPage {
    /// Where the events are stored.
    pub letters: Vec<DeadLetter>,
    /// The offset to go on from.
    pub next_offset: u64,
    /// Where the dead letter eventlog ends; nothing more is there when `next_offset` is here.
    pub end_offset: u64,
}

/// Where one dead letter is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct DeadLetter {
    /// The dead letter eventlog and the offset there.
    pub id: EventId,
    /// When it was given up, in milliseconds since the Unix epoch.
    pub append_time_ms: i64,
}

/// Delivers dead letters of a subscription once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ResendDeadLetters {
    /// Whose dead letters.
    pub subscription: SubscriptionId,
    /// The first offset of the dead letter eventlog.
    pub from: u64,
    /// The last offset, included; to the end if absent.
    pub to: Option<u64>,
}

/// What a resend did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ResendReport {
    /// How many dead letters are being delivered once more.
    pub resent: u64,
    /// The offset to go on from, if the range held more than one call sends.
    pub next_offset: u64,
    /// Whether the whole range is done.
    pub done: bool,
}
