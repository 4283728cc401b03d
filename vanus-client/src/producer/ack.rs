//! Acknowledgements: one shared state per batch, an index per event.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;
use vanus_types::{Durability, EventId, EventlogId};

use super::SendError;

/// Where and how an event is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Eventlog and offset.
    pub id: EventId,
    /// When it was appended, in milliseconds since the Unix epoch.
    pub append_time_ms: i64,
    /// What the acknowledgement promises.
    pub durability: Durability,
    /// Whether it was stored by an earlier try.
    pub duplicate: bool,
}

/// The acknowledgement of one event: a future of its [`Receipt`].
///
/// Need not be awaited: dropping it changes nothing for the event.
#[derive(Debug, Clone)]
#[must_use = "an event counts as stored only when its acknowledgement says so"]
pub struct Ack {
    batch: Arc<BatchAck>,
    index: u32,
}

impl Future for Ack {
    type Output = Result<Receipt, SendError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(outcome) = self.batch.outcome.get() {
            return Poll::Ready(self.pick(outcome));
        }
        {
            let mut wakers = self.batch.wakers.lock();
            // One task usually awaits many events of a batch, one after the other.
            if !wakers
                .last()
                .is_some_and(|last| last.will_wake(context.waker()))
            {
                wakers.push(context.waker().clone());
            }
        }
        // The outcome may have come before the waker was in place.
        match self.batch.outcome.get() {
            Some(outcome) => Poll::Ready(self.pick(outcome)),
            None => Poll::Pending,
        }
    }
}

impl Ack {
    /// The receipt, if the outcome is known.
    #[must_use]
    pub fn try_get(&self) -> Option<Result<Receipt, SendError>> {
        self.batch.outcome.get().map(|outcome| self.pick(outcome))
    }

    fn pick(&self, outcome: &Result<Stored, SendError>) -> Result<Receipt, SendError> {
        let stored = outcome.as_ref().map_err(Clone::clone)?;
        let offset = stored.base_offset + u64::from(self.index);
        Ok(Receipt {
            id: EventId {
                eventlog: stored.eventlog,
                offset,
            },
            append_time_ms: stored.append_time_ms,
            durability: stored.durability,
            duplicate: stored.duplicate,
        })
    }
}

/// Where and how a batch is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) eventlog: EventlogId,
    pub(super) base_offset: u64,
    pub(super) append_time_ms: i64,
    pub(super) durability: Durability,
    pub(super) duplicate: bool,
}

/// What all acknowledgements of a batch share.
#[derive(Debug, Default)]
pub(super) struct BatchAck {
    outcome: OnceLock<Result<Stored, SendError>>,
    wakers: Mutex<Vec<Waker>>,
}

impl BatchAck {
    /// The acknowledgement of the event at `index`.
    pub(super) fn of(self: &Arc<Self>, index: u32) -> Ack {
        Ack {
            batch: Arc::clone(self),
            index,
        }
    }

    /// Tells all who wait. The first outcome stays.
    pub(super) fn settle(&self, outcome: Result<Stored, SendError>) {
        // Whoever polled before now has its waker in place; whoever polls later sees the outcome.
        let _ = self.outcome.set(outcome);
        for waker in std::mem::take(&mut *self.wakers.lock()) {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Stored {
        Stored {
            eventlog: EventlogId::from_u64(3),
            base_offset: 100,
            append_time_ms: 5,
            durability: Durability::Fsync,
            duplicate: false,
        }
    }

    #[tokio::test]
    async fn each_event_of_a_batch_has_its_own_offset() {
        let batch = Arc::new(BatchAck::default());
        let acks: Vec<_> = (0..3).map(|index| batch.of(index)).collect();
        assert!(acks[0].try_get().is_none());
        let waiting = tokio::spawn(acks[2].clone());
        tokio::task::yield_now().await;
        batch.settle(Ok(stored()));
        batch.settle(Err(SendError::Closed {
            may_be_stored: true,
        }));
        assert_eq!(waiting.await.unwrap().unwrap().id.offset, 102);
        for (offset, ack) in (100..).zip(acks) {
            assert_eq!(ack.await.unwrap().id.offset, offset);
        }
    }
}
