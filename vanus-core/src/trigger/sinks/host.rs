//! What sinks ask of the engine around them.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use vanus_types::{Event, Name, SubscriptionId};

/// The engine around the sinks.
#[async_trait]
pub(crate) trait SinkHost: Send + Sync + fmt::Debug {
    /// Publishes events to an eventbus; they are synced when this answers. An error says why not.
    async fn publish(
        &self,
        namespace: &Name,
        eventbus: &Name,
        events: &[Event],
    ) -> Result<(), String>;

    /// Takes note that the sink of a subscription is gone for good: the subscription is disabled
    /// soon, unless it has another sink by then.
    fn gone(self: Arc<Self>, subscription: SubscriptionId, sink: String, reason: String);
}
