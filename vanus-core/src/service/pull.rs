//! Deliveries that are fetched, over the wire.

use std::time::Duration;

use vanus_proto::{
    message::{AttemptKey, Receive, Received, Settle, Settled, Settlement},
    service::Reply,
};
use vanus_types::{Batch, Event, Fault};

use super::{
    read::encode_batches,
    service::{Service, fault},
};
use crate::trigger::DeliveryError;

/// Longest reason that is kept with an event that is given up, in characters.
const REASON_LEN: usize = 64;

impl Service {
    pub(super) async fn receive(&self, request: Receive) -> Result<Reply, Fault> {
        let most = usize::try_from(request.most).unwrap_or(usize::MAX);
        let wait = Duration::from_millis(request.wait_ms.into());
        let receiving = self.control.receive(request.subscription, most, wait);
        let deliveries = receiving.await.map_err(fault)?;
        let key = |delivery: &crate::trigger::Delivery| AttemptKey {
            id: delivery.id,
            attempt: delivery.attempt,
        };
        // They are bounded so that one batch holds them.
        let events: Vec<Event> = deliveries.iter().map(|d| d.event.clone()).collect();
        let batch = Batch::pack(&events).into_iter().next();
        let body = batch
            .map(|batch| encode_batches(&[batch]))
            .unwrap_or_default();
        let received = Received {
            attempts: deliveries.iter().map(key).collect(),
        };
        Ok(Reply::to::<Receive>(&received).with_batches(body))
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
