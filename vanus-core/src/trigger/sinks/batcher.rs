//! Many deliveries in one request.
//!
//! Deliveries that come within the linger time of the first of them are sent together, sooner when
//! they are as many, or as large, as a request may carry. What the sink answers counts for all of
//! them. How many wait is bounded by the in-flight window of the subscription.

use std::{fmt, mem, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use vanus_types::control::DeliverySpec;

use crate::trigger::delivery::{Delivery, DeliveryError};

/// Sends many deliveries as one.
#[async_trait]
pub(super) trait SendMany: Send + Sync + fmt::Debug {
    /// Sends them; the answer is that of each.
    async fn send_many(&self, deliveries: &[Delivery]) -> Result<(), DeliveryError>;
}

/// Collects deliveries to be sent together.
#[derive(Debug)]
pub(super) struct Batcher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sender: Arc<dyn SendMany>,
    max_events: usize,
    max_len: usize,
    linger: Duration,
    open: Mutex<Open>,
}

/// The request that is being filled.
#[derive(Debug, Default)]
struct Open {
    batch: Batch,
    /// How many requests were closed before.
    number: u64,
}

#[derive(Debug, Default)]
struct Batch {
    deliveries: Vec<Delivery>,
    answers: Vec<oneshot::Sender<Result<(), DeliveryError>>>,
    bytes: usize,
}

impl Open {
    fn close(&mut self) -> Batch {
        self.number += 1;
        mem::take(&mut self.batch)
    }
}

impl Batcher {
    /// Batches as `spec` says, with at most `max_len` bytes of events; one event always fits.
    pub(super) fn new(sender: Arc<dyn SendMany>, spec: &DeliverySpec, max_len: usize) -> Self {
        let shared = Shared {
            sender,
            max_events: usize::try_from(spec.batch_events).unwrap_or(usize::MAX),
            max_len,
            linger: Duration::from_millis(spec.batch_linger_ms.into()),
            open: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// How long a delivery may wait for others.
    pub(super) fn linger(&self) -> Duration {
        self.shared.linger
    }

    /// Delivers together with others. A delivery that is given up while it waits is sent all the
    /// same.
    pub(super) async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        let (answer, answered) = oneshot::channel();
        self.add(delivery, answer);
        let cut_off = |_| Err(DeliveryError::retry("the delivery was cut off"));
        answered.await.unwrap_or_else(cut_off)
    }

    fn add(&self, delivery: Delivery, answer: oneshot::Sender<Result<(), DeliveryError>>) {
        let bytes = delivery.event.record().len();
        let mut full = Vec::new();
        let mut open = self.shared.open.lock();
        if !open.batch.deliveries.is_empty() && open.batch.bytes + bytes > self.shared.max_len {
            full.push(open.close());
        }
        open.batch.deliveries.push(delivery);
        open.batch.answers.push(answer);
        open.batch.bytes += bytes;
        let is_full = open.batch.deliveries.len() >= self.shared.max_events;
        if is_full || self.shared.linger.is_zero() {
            full.push(open.close());
        } else if open.batch.deliveries.len() == 1 {
            tokio::spawn(close_later(Arc::clone(&self.shared), open.number));
        }
        drop(open);
        for batch in full {
            tokio::spawn(send(Arc::clone(&self.shared), batch));
        }
    }
}

/// Sends request `number` when its time is over, unless it was full before.
async fn close_later(shared: Arc<Shared>, number: u64) {
    tokio::time::sleep(shared.linger).await;
    let batch = {
        let mut open = shared.open.lock();
        (open.number == number).then(|| open.close())
    };
    if let Some(batch) = batch {
        send(shared, batch).await;
    }
}

async fn send(shared: Arc<Shared>, batch: Batch) {
    let answer = shared.sender.send_many(&batch.deliveries).await;
    for waiting in batch.answers {
        // Whoever does not wait any more has given the attempt up.
        let _ = waiting.send(answer.clone());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use vanus_types::{Event, EventId, EventlogId, SubscriptionId, limits::MAX_DELIVERY_BATCH_LEN};

    use super::*;

    /// Remembers how many came together; refuses those with an event "bad".
    #[derive(Debug, Default)]
    struct Sizes(Mutex<Vec<usize>>);

    #[async_trait]
    impl SendMany for Sizes {
        async fn send_many(&self, deliveries: &[Delivery]) -> Result<(), DeliveryError> {
            self.0.lock().push(deliveries.len());
            if deliveries
                .iter()
                .any(|delivery| delivery.event.id() == "bad")
            {
                return Err(DeliveryError::reject("Response400", "bad"));
            }
            Ok(())
        }
    }

    fn delivery(id: &str, data: usize) -> Delivery {
        Delivery {
            event: Event::builder()
                .id(id)
                .source("/s")
                .ty("t")
                .text("x".repeat(data))
                .build()
                .unwrap(),
            id: EventId {
                eventlog: EventlogId::from_u64(1),
                offset: 0,
            },
            subscription: SubscriptionId::from_u64(1),
            attempt: 1,
            route: None,
        }
    }

    fn batcher(events: u32, linger_ms: u32) -> (Batcher, Arc<Sizes>) {
        let sizes = Arc::new(Sizes::default());
        let spec = DeliverySpec {
            batch_events: events,
            batch_linger_ms: linger_ms,
            ..DeliverySpec::default()
        };
        (
            Batcher::new(
                Arc::clone(&sizes) as Arc<dyn SendMany>,
                &spec,
                MAX_DELIVERY_BATCH_LEN,
            ),
            sizes,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_together_is_sent_together_up_to_the_limit() {
        let (batcher, sizes) = batcher(4, 100);
        let all = (0..10).map(|_| batcher.deliver(delivery("i", 1)));
        assert!(join_all(all).await.iter().all(Result::is_ok));
        assert_eq!(*sizes.0.lock(), [4, 4, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lonely_delivery_waits_for_the_linger_time_alone() {
        let (batcher, sizes) = batcher(4, 100);
        let begun = tokio::time::Instant::now();
        batcher.deliver(delivery("i", 1)).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_millis(100));
        // The timer of a request that was full does not close the next one.
        join_all((0..4).map(|_| batcher.deliver(delivery("i", 1)))).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let begun = tokio::time::Instant::now();
        batcher.deliver(delivery("i", 1)).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_millis(100));
        assert_eq!(*sizes.0.lock(), [1, 4, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_shares_its_fate_and_is_bounded_in_bytes() {
        let (batcher, sizes) = batcher(3, 100);
        let three = ["a", "bad", "c"].map(|id| batcher.deliver(delivery(id, 1)));
        let refused = Err(DeliveryError::reject("Response400", "bad"));
        assert_eq!(
            join_all(three).await,
            [refused.clone(), refused.clone(), refused]
        );
        let large = MAX_DELIVERY_BATCH_LEN / 2;
        let two = [large, large].map(|size| batcher.deliver(delivery("i", size)));
        assert!(join_all(two).await.iter().all(Result::is_ok));
        assert_eq!(*sizes.0.lock(), [3, 1, 1]);
    }
}
