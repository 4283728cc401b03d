//! Where deliveries go.

use std::{fmt, future::Future, sync::Arc};

use async_trait::async_trait;
use vanus_types::control::SubscriptionSpec;

use super::delivery::{Delivery, DeliveryError};

/// A receiver of deliveries.
///
/// Many deliveries may be under way at a time. The engine drops the future when the delivery
/// timeout of the subscription passes, and counts the attempt as failed.
#[async_trait]
pub trait Sink: Send + Sync + fmt::Debug {
    /// Delivers one event; `Ok` acknowledges it.
    async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError>;
}

/// A function of the embedding program as a sink.
pub(crate) struct FnSink<F>(F);

impl<F> FnSink<F> {
    pub(crate) const fn new(function: F) -> Self {
        Self(function)
    }
}

impl<F> fmt::Debug for FnSink<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FnSink")
    }
}

#[async_trait]
impl<F, R> Sink for FnSink<F>
where
    F: Fn(Delivery) -> R + Send + Sync,
    R: Future<Output = Result<(), DeliveryError>> + Send,
{
    async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        (self.0)(delivery).await
    }
}

/// Opens the sinks of subscriptions that have an address.
pub(crate) trait SinkFactory: Send + Sync + fmt::Debug {
    /// The sink of a subscription; nothing, if this build cannot deliver to its address.
    fn open(&self, spec: &SubscriptionSpec) -> Option<Arc<dyn Sink>>;
}

/// A build that delivers to functions only.
#[cfg(any(test, not(feature = "http")))]
#[derive(Debug)]
pub(crate) struct NoSinks;

#[cfg(any(test, not(feature = "http")))]
impl SinkFactory for NoSinks {
    fn open(&self, _spec: &SubscriptionSpec) -> Option<Arc<dyn Sink>> {
        None
    }
}
