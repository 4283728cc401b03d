//! The abuse protection of the CloudEvents webhook specification: a sink is asked first.

use serde::{Deserialize, Serialize};

use super::invalid::{InvalidSpec, check_length, check_range};
use crate::{
    codec::{Decode, Encode},
    limits::{MAX_SINK_LEN, MAX_WEBHOOK_RATE},
};

/// What an HTTP sink is asked before anything is delivered to it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandshakeSpec {
    /// The DNS name of the system that sends: `WebHook-Request-Origin`, of the handshake and of
    /// every delivery.
    pub origin: String,
    /// The rate of deliveries that is asked for, a minute: `WebHook-Request-Rate`. It is the limit
    /// if the sink allows more, or any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// The front door of this node, as the sink reaches it: an `http://` or `https://` URL without
    /// path. With it the sink is offered a URL, `WebHook-Request-Callback`, at which it can
    /// agree later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<String>,
}

impl HandshakeSpec {
    pub(super) fn check(&self) -> Result<(), InvalidSpec> {
        let bad = |why| Err(InvalidSpec::Delivery { why });
        let label = |label: &str| {
            let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            (1..=63).contains(&label.len()) && label.bytes().all(good)
        };
        if self.origin.len() > 253 || !self.origin.split('.').all(label) {
            return bad("handshake.origin must be a DNS name, such as events.example.com");
        }
        if let Some(rate) = self.rate {
            check_range(
                "delivery.handshake.rate",
                rate.into(),
                1,
                MAX_WEBHOOK_RATE.into(),
            )?;
        }
        let Some(callback) = &self.callback else {
            return Ok(());
        };
        check_length("delivery.handshake.callback", callback, MAX_SINK_LEN)?;
        let rest = callback
            .strip_prefix("https://")
            .or_else(|| callback.strip_prefix("http://"));
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        match rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)) {
            Some(host) if !host.is_empty() && host.bytes().all(good) => Ok(()),
            _ => bad("handshake.callback must be http:// or https:// and a host, without path"),
        }
    }
}
