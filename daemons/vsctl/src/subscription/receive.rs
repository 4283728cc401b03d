//! `vsctl subscription receive`.

use clap::Args;
use serde::Serialize;
use vanus_client::{Handed, SubscribeMode, SubscriberOptions};
use vanus_types::{Event, EventlogId, SubscriptionId};

use crate::{
    context::Context,
    error::CliError,
    event::{as_json, data_text},
    output::clean,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl subscription receive --id 00000000000000AB
  vsctl subscription receive --id 00000000000000AB --number 10 --format json
  vsctl subscription receive --id 00000000000000AB --leave

The subscription must have the sink pull. The server pushes its deliveries as they come; each is printed
on a line and then acknowledged, until interrupted.";

/// Whose deliveries to receive.
#[derive(Debug, Args)]
pub(crate) struct Receive {
    /// The subscription, hexadecimal
    #[arg(long, value_name = "HEX")]
    id: SubscriptionId,
    /// Most deliveries [default: no end]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    number: Option<u64>,
    /// Most deliveries that are held at a time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    prefetch: u16,
    /// Acknowledge nothing: what was printed goes to others, or comes again
    #[arg(long)]
    leave: bool,
}

/// A delivery.
#[derive(Debug, Serialize)]
struct DeliveryView {
    eventlog: EventlogId,
    offset: u64,
    event_id: String,
    attempt: u32,
    #[serde(serialize_with = "as_json")]
    event: Event,
}

impl Receive {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let options = SubscriberOptions {
            prefetch: self.prefetch.into(),
            mode: SubscribeMode::Push,
        };
        let mut subscriber = context.client().await?.subscriber(self.id, options);
        context.output().note("Receiving; interrupt to end.");
        let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
        let mut left = self.number.unwrap_or(u64::MAX);
        while left > 0 {
            let handed = tokio::select! {
                handed = subscriber.next() => handed?,
                _ = &mut interrupt => break,
            };
            left -= 1;
            print(context, &handed)?;
            if !self.leave {
                // One that was too late comes again, and is printed again.
                subscriber.ack(&handed).await?;
            }
        }
        Ok(())
    }
}

fn print(context: &Context, handed: &Handed) -> Result<(), CliError> {
    let Handed { event, id, attempt } = handed;
    let output = context.output();
    if output.is_json() {
        return output.json_line(&DeliveryView {
            eventlog: id.eventlog,
            offset: id.offset,
            event_id: id.to_string(),
            attempt: *attempt,
            event: event.clone(),
        });
    }
    let line = format!(
        "{} {} {attempt} {} {} {} {}",
        id.eventlog,
        id.offset,
        event.ty(),
        event.source(),
        event.id(),
        data_text(event, 200)
    );
    output.text(&clean(&line))
}
