//! Deliveries that are fetched or pushed to clients, and settled by whoever got them.

use std::{sync::Arc, time::Duration};

use vanus_types::{
    SubscriptionId,
    control::SubscriptionSpec,
    limits::{MAX_POLL_WAIT_MS, MAX_RECEIVE_EVENTS},
};

use super::{control::Control, error::ControlError};
use crate::trigger::{Attendant, Delivery, DeliveryError, Desk, Handed};

impl Control {
    /// Takes deliveries of a subscription with the sink `pull`; waits up to `wait` for the first.
    pub(crate) async fn receive(
        &self,
        id: SubscriptionId,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, ControlError> {
        if !(1..=MAX_RECEIVE_EVENTS).contains(&most) {
            return Err(ControlError::Range {
                field: "most",
                value: most as u64,
                most: MAX_RECEIVE_EVENTS as u64,
            });
        }
        let wait = wait.min(Duration::from_millis(MAX_POLL_WAIT_MS));
        Ok(self.desk(id)?.receive(most, wait).await)
    }

    /// Lets somebody have deliveries of a subscription with the sink `pull` pushed, who may hold
    /// `window` of them at a time.
    pub(crate) fn attend(
        &self,
        id: SubscriptionId,
        window: usize,
    ) -> Result<Attendant, ControlError> {
        if !(1..=MAX_RECEIVE_EVENTS).contains(&window) {
            return Err(ControlError::Range {
                field: "window",
                value: window as u64,
                most: MAX_RECEIVE_EVENTS as u64,
            });
        }
        Ok(self.desk(id)?.attend(window))
    }

    /// Ends attempts; answers those that were over before.
    pub(crate) fn settle(
        &self,
        id: SubscriptionId,
        attempts: Vec<(Handed, Result<(), DeliveryError>)>,
    ) -> Result<Vec<Handed>, ControlError> {
        let count = attempts.len();
        if count > MAX_RECEIVE_EVENTS {
            return Err(ControlError::Range {
                field: "the number of attempts",
                value: count as u64,
                most: MAX_RECEIVE_EVENTS as u64,
            });
        }
        let desk = self.desk(id)?;
        let settle = |(handed, outcome)| (!desk.settle(handed, outcome)).then_some(handed);
        Ok(attempts.into_iter().filter_map(settle).collect())
    }

    /// Where deliveries of a subscription with the sink `pull` wait.
    pub(crate) fn desk(&self, id: SubscriptionId) -> Result<Arc<Desk>, ControlError> {
        let record = self.subscription(id)?;
        if record.spec.sink != SubscriptionSpec::PULL {
            return Err(ControlError::NotPulled(id));
        }
        Ok(self.triggers.desk(id))
    }
}
