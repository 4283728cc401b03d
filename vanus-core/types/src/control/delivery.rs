//! How requests to a sink look, and what is done with its answers.

use serde::{Deserialize, Serialize};

use super::{
    credential::Protocol,
    handshake::HandshakeSpec,
    invalid::{InvalidSpec, check_range},
};
use crate::{
    codec::{Decode, Encode},
    limits::{
        DEFAULT_DELIVERY_BATCH_EVENTS, DEFAULT_DELIVERY_LINGER_MS, MAX_DELIVERY_BATCH_EVENTS,
        MAX_DELIVERY_LINGER_MS,
    },
    name::Name,
};

/// The content mode of requests to an HTTP sink.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryMode {
    /// One event a request: attributes are headers, the body is the data.
    #[default]
    Binary,
    /// One event a request, as JSON.
    Structured,
    /// Many events a request, as a JSON array. They share one fate: what the sink answers counts
    /// for all of them.
    Batch,
}

impl DeliveryMode {
    /// The name of the mode.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Structured => "structured",
            Self::Batch => "batch",
        }
    }
}

/// How requests to a sink look, and what is done with its answers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliverySpec {
    /// The content mode of requests to an HTTP sink.
    pub mode: DeliveryMode,
    /// Most events of one request, where requests carry many.
    pub batch_events: u32,
    /// How long an event waits for others to share its request, where requests carry many, in
    /// milliseconds. It is not counted as time the sink takes.
    pub batch_linger_ms: u32,
    /// The eventbus, in the namespace of the subscription, to which events are published that an HTTP
    /// sink answers with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<Name>,
    /// What an HTTP sink is asked before anything is delivered to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake: Option<HandshakeSpec>,
}

impl Default for DeliverySpec {
    fn default() -> Self {
        Self {
            mode: DeliveryMode::Binary,
            batch_events: DEFAULT_DELIVERY_BATCH_EVENTS,
            batch_linger_ms: DEFAULT_DELIVERY_LINGER_MS,
            reply: None,
            handshake: None,
        }
    }
}

impl DeliverySpec {
    pub(super) fn check(&self, protocol: Protocol, ordered: bool) -> Result<(), InvalidSpec> {
        let (events, linger) = (self.batch_events, self.batch_linger_ms);
        let most = MAX_DELIVERY_BATCH_EVENTS.into();
        check_range("delivery.batch_events", events.into(), 1, most)?;
        let most = MAX_DELIVERY_LINGER_MS.into();
        check_range("delivery.batch_linger_ms", linger.into(), 0, most)?;
        if ordered && self.mode == DeliveryMode::Batch {
            return Err(InvalidSpec::Delivery {
                why: "mode batch and strict order exclude each other: one event at a time makes no batch",
            });
        }
        let only_http =
            self.mode != DeliveryMode::Binary || self.reply.is_some() || self.handshake.is_some();
        if only_http && protocol != Protocol::Http {
            return Err(InvalidSpec::Delivery {
                why: "mode, reply and handshake are for the protocol http alone",
            });
        }
        self.handshake.as_ref().map_or(Ok(()), HandshakeSpec::check)
    }
}
