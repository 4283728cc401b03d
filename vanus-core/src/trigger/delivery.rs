//! One attempt to deliver one event, and what came of it.

use std::time::Duration;

use vanus_types::{Event, EventId, SubscriptionId};

/// What a sink is given: an event and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event, as it was published, or what the transformer of the subscription made of it.
    pub event: Event,
    /// Its eventlog and offset.
    pub id: EventId,
    /// The subscription it is delivered for.
    pub subscription: SubscriptionId,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The route it takes, if the subscription has routes.
    pub route: Option<String>,
}

/// What a sink says of a delivery it did not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It may work later: the event is tried again at its due time.
    #[error("{0}")]
    Retry(String),
    /// It may work later, but not before this time has passed; the engine waits no longer than
    /// [`MAX_RETRY_AFTER_MS`](vanus_types::limits::MAX_RETRY_AFTER_MS), and no shorter than for any retry.
    #[error("{message}")]
    RetryAfter {
        /// What the sink said.
        message: String,
        /// How long it asks to be left alone.
        after: Duration,
    },
    /// It will never work: the event goes to the dead letter eventbus.
    #[error("{reason}: {message}")]
    Reject {
        /// Short reason, kept as `xvanusdlreason`, such as `Response400`.
        reason: String,
        /// What the sink said, kept as `xvanuslastdlerror`.
        message: String,
    },
}

impl DeliveryError {
    /// A failure that may pass.
    pub fn retry(message: impl Into<String>) -> Self {
        Self::Retry(message.into())
    }

    /// Whether the same may work later.
    pub(crate) const fn may_pass(&self) -> bool {
        !matches!(self, Self::Reject { .. })
    }

    /// How long the sink asks to be left alone, if it does.
    #[cfg(feature = "http")]
    pub(crate) const fn pause(&self) -> Option<Duration> {
        match self {
            Self::RetryAfter { after, .. } => Some(*after),
            Self::Retry(_) | Self::Reject { .. } => None,
        }
    }

    /// A failure that stays.
    pub fn reject(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Reject {
            reason: reason.into(),
            message: message.into(),
        }
    }
}
