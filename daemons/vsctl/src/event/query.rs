//! `vsctl event query`.

use clap::Args;
use serde::Serialize;
use vanus_types::{EventlogId, Name};

use crate::{context::Context, error::CliError, eventbus::key, parse::time_ms};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl event query orders --time 2026-01-31T12:00:00Z
  vsctl event query orders --time 2026-01-31T12:00:00+01:00 --eventlog 00000000000000AB";

/// Which point in time to look up.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The eventbus
    #[arg(value_name = "EVENTBUS")]
    eventbus: Name,
    /// The namespace it is in
    #[arg(long, env = "VANUS_NAMESPACE", default_value = "default")]
    namespace: Name,
    /// The time, in RFC 3339
    #[arg(long, value_parser = time_ms)]
    time: i64,
    /// Only this eventlog, hexadecimal; else all of them
    #[arg(long, value_name = "HEX")]
    eventlog: Option<EventlogId>,
}

/// The first offset at or after the time.
#[derive(Debug, Serialize)]
struct Found {
    eventlog: EventlogId,
    offset: u64,
}

impl Query {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let client = context.client().await?;
        let bus = client
            .admin()
            .get_eventbus(key(&self.namespace, &self.eventbus), false)
            .await?;
        let offsets = client.lookup_offset(bus.record.id, self.time).await?;
        let found: Vec<_> = offsets
            .into_iter()
            .filter(|(eventlog, _)| self.eventlog.is_none_or(|wanted| wanted == *eventlog))
            .map(|(eventlog, offset)| Found { eventlog, offset })
            .collect();
        let none = "The eventbus has no such eventlog.";
        context
            .output()
            .many(&found, none, &["EVENTLOG", "OFFSET"], |found| {
                vec![found.eventlog.to_string(), found.offset.to_string()]
            })
    }
}
