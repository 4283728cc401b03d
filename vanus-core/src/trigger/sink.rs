//! Where deliveries go.

#[cfg(feature = "http")]
use std::sync::Weak;
use std::{fmt, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use vanus_net::http::HttpError;
use vanus_types::{
    Coded, ErrorCode, EventbusId, SubscriptionId,
    control::{SubscriptionRecord, SubscriptionSpec},
};

use super::delivery::{Delivery, DeliveryError};
#[cfg(feature = "http")]
use super::sinks::SinkHost;

/// A receiver of deliveries.
///
/// Many deliveries may be under way at a time. The engine drops the future when the delivery
/// timeout of the subscription passes, and counts the attempt as failed.
#[async_trait]
pub trait Sink: Send + Sync + fmt::Debug {
    /// Delivers one event; `Ok` acknowledges it.
    async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError>;

    /// How long a delivery may wait inside the sink for others to go with it; added to the time-out.
    fn linger(&self) -> Duration {
        Duration::ZERO
    }

    /// Why nothing is delivered, if somebody has to do something about it.
    fn problem(&self) -> Option<String> {
        None
    }

    /// Whether the sink only gets what it asks for, so that failures need not make it be asked less.
    fn paces_itself(&self) -> bool {
        false
    }

    /// A delivery that the sink was ready for does not come.
    fn passed_over(&self) {}

    /// Waits until the sink wants to be given another delivery. Cancellation safe.
    async fn ready(&self) {}

    /// Whether the sink wants to be given another delivery now.
    fn try_ready(&self) -> bool {
        true
    }
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
    /// The sink of a subscription, which may have agreed to deliveries before.
    fn open(
        &self,
        spec: &SubscriptionSpec,
        agreement: &Agreement<'_>,
    ) -> Result<Arc<dyn Sink>, SinkError>;

    /// Says who the engine around the sinks is.
    #[cfg(feature = "http")]
    fn bind(&self, _host: Weak<dyn SinkHost>) {}
}

/// Whose sink it is, and what it has agreed to.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "only sinks that are addresses are asked")
)]
pub(crate) struct Agreement<'a> {
    pub(crate) subscription: SubscriptionId,
    /// The eventbus it reads.
    pub(crate) eventbus: EventbusId,
    /// What the sink shows when it agrees.
    pub(crate) key: Option<&'a str>,
    pub(crate) granted: bool,
    /// The most deliveries a minute it has agreed to, if not any.
    pub(crate) rate: Option<u32>,
}

impl<'a> Agreement<'a> {
    /// That of a subscription that is not there yet.
    pub(crate) const fn none() -> Self {
        Self {
            subscription: SubscriptionId::from_u64(0),
            eventbus: EventbusId::from_u64(0),
            key: None,
            granted: false,
            rate: None,
        }
    }

    pub(crate) fn of(record: &'a SubscriptionRecord) -> Self {
        Self {
            subscription: record.id,
            eventbus: record.eventbus_id,
            key: record.consent.key.expose(),
            granted: record.consent.granted,
            rate: record.consent.rate,
        }
    }
}

/// Why there is no sink for a subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// This build does not deliver to such an address.
    #[error("this build cannot deliver to \"{0}\"; it was built without the feature for it")]
    Unsupported(String),
    /// The address cannot be requested, or may not be connected to.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The credential is sealed with a key that this node was not given.
    #[error(
        "its credential is sealed with a key that this node was not given; give it the key, or the subscription a new credential"
    )]
    Sealed,
    /// The credential cannot be used.
    #[error("its credential cannot be used: {0}")]
    Credential(String),
}

impl Coded for SinkError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unsupported(_) => ErrorCode::Unsupported,
            Self::Http(error) => error.code(),
            Self::Sealed => ErrorCode::WrongState,
            Self::Credential(_) => ErrorCode::InvalidArgument,
        }
    }
}

/// A build that delivers to functions only.
#[cfg(any(test, not(feature = "http")))]
#[derive(Debug)]
pub(crate) struct NoSinks;

#[cfg(any(test, not(feature = "http")))]
impl SinkFactory for NoSinks {
    fn open(
        &self,
        spec: &SubscriptionSpec,
        _agreement: &Agreement<'_>,
    ) -> Result<Arc<dyn Sink>, SinkError> {
        Err(SinkError::Unsupported(spec.sink.clone()))
    }
}
