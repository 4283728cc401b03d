//! An event together with where and when it was stored.

use crate::{event::Event, id::EventId};

/// An event as a reader gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Eventlog and offset.
    pub id: EventId,
    /// When it was appended, in milliseconds since the Unix epoch.
    pub append_time_ms: i64,
    /// The event, as it was published.
    pub event: Event,
}
