//! A delivery in the hands of a subscriber.

use vanus_proto::{
    Op,
    message::{AttemptKey, Received},
};
use vanus_types::{Batch, Event, EventId};

use crate::error::ClientError;

/// An event that waits to be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// The event.
    pub event: Event,
    /// Its eventlog and offset.
    pub id: EventId,
    /// The number of this attempt, from 1: more than one says that it was delivered before.
    pub attempt: u32,
}

impl Handed {
    pub(super) const fn key(&self) -> AttemptKey {
        AttemptKey {
            id: self.id,
            attempt: self.attempt,
        }
    }

    /// The deliveries of an answer.
    ///
    /// # Errors
    /// [`ClientError::Answer`] when there is not one event for each attempt.
    pub(super) fn all(
        op: Op,
        received: Received,
        batches: &[Batch],
    ) -> Result<impl Iterator<Item = Self>, ClientError> {
        let events = batches.iter().flat_map(Batch::events);
        let events: Vec<Event> = events.map(|(_, event)| event).collect();
        let attempts = received.attempts;
        if attempts.len() != events.len() {
            let detail = format!("{} of {} events came", events.len(), attempts.len());
            return Err(ClientError::Answer {
                what: op.name(),
                detail,
            });
        }
        let pairs = attempts.into_iter().zip(events);
        Ok(pairs.map(|(key, event)| Self {
            event,
            id: key.id,
            attempt: key.attempt,
        }))
    }
}
