//! How requests to a sink look: the options that creating and changing a subscription share.

use std::time::Duration;

use clap::{Args, ValueEnum};
use vanus_types::{
    Name,
    control::{DeliveryMode, DeliverySpec, SubscriptionSpec},
};

use crate::{error::CliError, parse::duration};

/// What can be said about the requests to a sink; what is not said stays as it is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Requests to the sink")]
pub(super) struct DeliveryFlags {
    /// How an HTTP request carries events: in headers and body, as JSON, or many as a JSON array
    #[arg(long, group = "change", value_name = "MODE")]
    delivery_mode: Option<Mode>,
    /// Most events of one request, where requests carry many
    #[arg(long, group = "change", value_name = "NUMBER")]
    batch_size: Option<u32>,
    /// How long an event waits for others to share its request, where requests carry many
    #[arg(long, group = "change", value_parser = duration, value_name = "DURATION")]
    batch_linger: Option<Duration>,
    /// The eventbus, of the same namespace, for the events an HTTP sink answers with; or none
    #[arg(long, group = "change", value_name = "EVENTBUS")]
    reply: Option<Name>,
}

/// A content mode by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Binary,
    Structured,
    Batch,
}

impl DeliveryFlags {
    /// The subscription with what is said put in.
    pub(super) fn apply(&self, mut spec: SubscriptionSpec) -> Result<SubscriptionSpec, CliError> {
        spec.delivery = self.delivery(spec.delivery);
        Ok(spec)
    }

    fn delivery(&self, now: DeliverySpec) -> DeliverySpec {
        DeliverySpec {
            mode: match self.delivery_mode {
                None => now.mode,
                Some(Mode::Binary) => DeliveryMode::Binary,
                Some(Mode::Structured) => DeliveryMode::Structured,
                Some(Mode::Batch) => DeliveryMode::Batch,
            },
            batch_events: self.batch_size.unwrap_or(now.batch_events),
            batch_linger_ms: self.batch_linger.map_or(now.batch_linger_ms, |linger| {
                u32::try_from(linger.as_millis()).unwrap_or(u32::MAX)
            }),
            reply: match &self.reply {
                None => now.reply,
                Some(none) if none.as_str() == "none" => None,
                Some(eventbus) => Some(eventbus.clone()),
            },
        }
    }
}
