//! Deliveries that are fetched or pushed, over the wire.

use std::time::Duration;

use bytes::Bytes;
use vanus_proto::{
    message::{AttemptKey, Push, Receive, Received, Settle, Settled, Settlement},
    service::{PushSink, Reply},
};
use vanus_types::{Batch, Event, Fault};

use super::{
    read::encode_batches,
    service::{Service, fault},
};
use crate::trigger::{Delivery, DeliveryError};

/// Longest reason that is kept with an event that is given up, in characters.
const REASON_LEN: usize = 64;

/// Most deliveries of one frame that is pushed, so that those who share a subscription get their
/// share of it.
const PUSHED_AT_ONCE: usize = 64;

/// Deliveries as they travel. They are bounded so that one batch holds their events.
fn pack(deliveries: &[Delivery]) -> (Received, Vec<Bytes>) {
    let key = |delivery: &Delivery| AttemptKey {
        id: delivery.id,
        attempt: delivery.attempt,
    };
    let events: Vec<Event> = deliveries.iter().map(|d| d.event.clone()).collect();
    let batch = Batch::pack(&events).into_iter().next();
    let body = batch.map(|batch| encode_batches(&[batch]));
    let received = Received {
        attempts: deliveries.iter().map(key).collect(),
    };
    (received, body.unwrap_or_default())
}

impl Service {
    pub(super) async fn receive(&self, request: Receive) -> Result<Reply, Fault> {
        let most = usize::try_from(request.most).unwrap_or(usize::MAX);
        let wait = Duration::from_millis(request.wait_ms.into());
        let receiving = self.control.receive(request.subscription, most, wait);
        let deliveries = receiving.await.map_err(fault)?;
        let (received, body) = pack(&deliveries);
        Ok(Reply::to::<Receive>(&received).with_batches(body))
    }

    /// Pushes deliveries as they come, until whoever asked is gone, there is nothing to push any more,
    /// or the server stops and everything is settled.
    pub(super) async fn push_deliveries(
        &self,
        request: Push,
        sink: &mut dyn PushSink,
    ) -> Result<(), Fault> {
        let window = usize::try_from(request.window).unwrap_or(usize::MAX);
        let attendant = self.control.attend(request.subscription, window);
        let attendant = attendant.map_err(fault)?;
        loop {
            let next = tokio::select! {
                biased;
                () = sink.stopping() => {
                    attendant.finish().await;
                    return Ok(());
                }
                next = attendant.next(PUSHED_AT_ONCE) => next,
            };
            let Some(deliveries) = next else {
                // It was sent away: whoever has deleted or changed the subscription is the reason.
                return self
                    .control
                    .desk(request.subscription)
                    .map(drop)
                    .map_err(fault);
            };
            let (received, body) = pack(&deliveries);
            if sink.push(received, body).await.is_err() {
                return Ok(());
            }
        }
    }

    pub(super) fn settle(&self, request: Settle) -> Result<Reply, Fault> {
        let outcome = |settlement| match settlement {
            Settlement::Ack => Ok(()),
            Settlement::Nack { delay_ms } => Err(DeliveryError::RetryAfter {
                message: "the consumer wants it again".to_owned(),
                after: Duration::from_millis(delay_ms),
            }),
            Settlement::Reject { reason } => {
                let reason: String = reason.chars().take(REASON_LEN).collect();
                Err(DeliveryError::reject(reason, "the consumer gave it up"))
            }
        };
        let attempts = request
            .attempts
            .into_iter()
            .map(|(key, settlement)| ((key.id, key.attempt), outcome(settlement)));
        let settled = self
            .control
            .settle(request.subscription, attempts.collect());
        let late = settled.map_err(fault)?.into_iter();
        let late = late.map(|(id, attempt)| AttemptKey { id, attempt });
        Ok(Reply::to::<Settle>(&Settled {
            late: late.collect(),
        }))
    }
}
