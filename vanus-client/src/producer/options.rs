//! How a producer behaves, and what it did.

use std::time::Duration;

use vanus_types::{
    Durability, EventlogId,
    limits::{MAX_BATCH_EVENTS, MAX_BATCH_LEN, MAX_PRODUCER_IN_FLIGHT},
};

/// How a [`Producer`](super::Producer) behaves.
#[derive(Debug, Clone)]
pub struct ProducerOptions {
    /// What an acknowledgement shall promise. Default: [`Durability::Fsync`].
    pub durability: Durability,
    /// The eventlog all events go to, instead of that of their partition key or the next in turn.
    /// Default: none.
    pub eventlog: Option<EventlogId>,
    /// How long an event may wait for others while earlier ones are under way. With nothing under
    /// way an event is sent at once; while more than half of the window is under way it waits until
    /// its batch is full or an earlier one of its eventlog is answered. Default: 1 ms.
    pub linger: Duration,
    /// Bytes of events after which a batch is sent. Default: 256 KiB.
    pub max_batch_bytes: usize,
    /// Events after which a batch is sent. Default: 16,384.
    pub max_batch_events: usize,
    /// Most batches of one eventlog under way, at most [`MAX_PRODUCER_IN_FLIGHT`]: servers remember
    /// so many, to store none twice. Default: 8.
    pub max_in_flight: usize,
    /// Most bytes of events that are sent and not acknowledged yet; beyond it sending waits.
    /// Default: 32 MiB.
    pub window_bytes: usize,
    /// How long an event may take to be acknowledged, with all tries. Default: 30 s.
    pub delivery_timeout: Duration,
}

impl Default for ProducerOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Fsync,
            eventlog: None,
            linger: Duration::from_millis(1),
            max_batch_bytes: 256 * 1024,
            max_batch_events: 16_384,
            max_in_flight: 8,
            window_bytes: 32 * 1024 * 1024,
            delivery_timeout: Duration::from_secs(30),
        }
    }
}

impl ProducerOptions {
    /// The same options within what is possible.
    pub(super) fn within_limits(mut self) -> Self {
        self.max_batch_bytes = self.max_batch_bytes.clamp(1, MAX_BATCH_LEN);
        self.max_batch_events = self.max_batch_events.clamp(1, MAX_BATCH_EVENTS);
        self.max_in_flight = self.max_in_flight.clamp(1, MAX_PRODUCER_IN_FLIGHT);
        self.window_bytes = self.window_bytes.clamp(1, MAX_WINDOW);
        self
    }
}

/// Largest window, in bytes; what is counted in it must fit 32 bits.
const MAX_WINDOW: usize = 1 << 30;

/// What became of a producer's events so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProducerStats {
    /// Events taken in.
    pub sent: u64,
    /// Events acknowledged.
    pub acknowledged: u64,
    /// Events given up; their acknowledgements say why.
    pub failed: u64,
    /// Batches sent, those sent again included.
    pub batches: u64,
    /// Batches sent again.
    pub resent: u64,
}
