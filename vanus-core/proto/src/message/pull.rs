//! Deliveries that are fetched or pushed: the events of a subscription with the sink `pull`.
//!
//! A consumer asks for deliveries, or lets them be pushed, and settles each of them: it acknowledges it, wants it again, or
//! gives it up. What it does not settle within the delivery time-out of the subscription is
//! delivered again. An attempt is named by its event and its number, which is enough for ever: to
//! acknowledge it twice, or after another attempt has begun, changes nothing.

use vanus_types::{
    EventId, SubscriptionId,
    codec::{Decode, Encode},
};

/// Asks for deliveries of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct Receive {
    /// Whose deliveries.
    pub subscription: SubscriptionId,
    /// Most deliveries wanted, 1 to `MAX_RECEIVE_EVENTS`; the server may answer fewer.
    pub most: u32,
    /// How long to wait for the first one, in milliseconds, at most `MAX_POLL_WAIT_MS`.
    pub wait_ms: u32,
}

/// Asks for deliveries of a subscription to be pushed.
///
/// It has a stream of its own. Its answers are frames that carry a [`Received`], until a frame
/// flagged `END` (the server stops) or a fault. The server pushes as long as fewer than `window` of
/// what it has pushed on this stream are unsettled; each settlement, and each time-out, makes room for another
/// delivery. Attempts are settled with [`Settle`], best on the same stream: there that works even
/// while the server stops. To stop, the consumer ends the stream; what it has not settled is
/// pushed to others, or comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct Push {
    /// Whose deliveries.
    pub subscription: SubscriptionId,
    /// Most unsettled deliveries at a time, 1 to `MAX_RECEIVE_EVENTS`.
    pub window: u32,
}

/// Some deliveries. The body of the frame is one batch that holds their events in the same order, or
/// empty if there are none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct Received {
    /// The attempts.
    pub attempts: Vec<AttemptKey>,
}

/// One attempt to deliver one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct AttemptKey {
    /// Eventlog and offset of the event.
    pub id: EventId,
    /// The number of the attempt, from 1.
    pub attempt: u32,
}

/// Ends attempts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct Settle {
    /// Of whose deliveries.
    pub subscription: SubscriptionId,
    /// The attempts, at most `MAX_RECEIVE_EVENTS`, and what becomes of their events.
    pub attempts: Vec<(AttemptKey, Settlement)>,
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub enum Settlement {
    /// It is delivered.
    Ack,
    /// It is to be delivered again, not before this many milliseconds have passed, nor before its
    /// place in the retry schedule.
    Nack {
        /// The delay in milliseconds.
        delay_ms: u64,
    },
    /// It will never be delivered: it becomes a dead letter, for this reason.
    Reject {
        /// A short reason.
        reason: String,
    },
}

/// What came of a [`Settle`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct Settled {
    /// Attempts that were over before, for example because their time was: their events come again,
    /// or have ended otherwise.
    pub late: Vec<AttemptKey>,
}
