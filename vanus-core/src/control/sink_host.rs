//! What sinks ask for: replies are published, and a sink that is gone disables its subscription.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use vanus_types::{Event, Name, SubscriptionId};

use super::{control::Control, error::ControlError};
use crate::{eventbus::PublishOptions, trigger::SinkHost};

impl Control {
    /// Lets the sinks ask this control plane.
    pub(super) fn bind_sinks(self: &Arc<Self>) {
        let host: Weak<Self> = Arc::downgrade(self);
        self.triggers.bind(host);
    }

    /// Disables a subscription whose sink is gone, unless it was changed meanwhile.
    async fn disable_gone(
        &self,
        id: SubscriptionId,
        sink: &str,
        reason: String,
    ) -> Result<(), ControlError> {
        let still_there = |record: &vanus_types::control::SubscriptionRecord| {
            record.spec.sink == sink && !record.spec.disabled
        };
        if self
            .subscription(id)
            .is_ok_and(|record| still_there(&record))
        {
            tracing::warn!(subscription = %id, %reason, "a subscription is disabled");
            self.disable_if(id, still_there, reason).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl SinkHost for Control {
    async fn publish(
        &self,
        namespace: &Name,
        eventbus: &Name,
        events: &[Event],
    ) -> Result<(), String> {
        let bus = self
            .bus(namespace, eventbus)
            .map_err(|error| error.to_string())?;
        let published = self.publish(&bus, events, PublishOptions::default()).await;
        published.map(drop).map_err(|error| error.to_string())
    }

    fn gone(self: Arc<Self>, subscription: SubscriptionId, sink: String, reason: String) {
        // Every delivery in flight may meet the same answer; one of them is enough.
        if !self.going.lock().insert(subscription) {
            return;
        }
        tokio::spawn(async move {
            let disabled = self.disable_gone(subscription, &sink, reason).await;
            self.going.lock().remove(&subscription);
            if let Err(error) = disabled {
                tracing::error!(%subscription, %error, "a subscription whose sink is gone cannot be disabled");
            }
        });
    }
}
