//! `vsctl event put`.

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::value::RawValue;
use vanus_client::{ProducerOptions, Receipt};
use vanus_types::{Durability, Event, EventlogId, Name, TimerId, event::timestamp::format_ms};

use super::{
    args::{EventArgs, TimeArgs},
    draft::events_of,
    view::raw_json,
};
use crate::{context::Context, error::CliError, input, output::Output};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl event put orders --type order.placed --source /shop --data '{\"total\": 12}'
  vsctl event put orders --data hello --data-format plain --extension partitionkey=customer-7
  vsctl event put orders --data @order.json --durability page-cache --detail
  vsctl event put orders --file events.jsonl
  vsctl event put orders --type order.reminder --delay-time 90
  vsctl event put orders --type order.reminder --delivery-time 2026-12-24T18:00:00Z
  vsctl event put orders --print-template > event.json

A file holds CloudEvents in their JSON format, one after the other or in an array; - is
standard input.";

/// Events to publish.
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The eventbus
    #[arg(value_name = "EVENTBUS")]
    eventbus: Name,
    /// The namespace it is in
    #[arg(long, env = "VANUS_NAMESPACE", default_value = "default")]
    namespace: Name,
    #[command(flatten)]
    event: EventArgs,
    #[command(flatten)]
    time: TimeArgs,
    /// Publish the events of this file
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["id", "source", "ty", "subject", "extension", "data"])]
    file: Option<String>,
    /// The eventlog they go to, hexadecimal; else by partition key or in turn
    #[arg(long, value_name = "HEX")]
    eventlog: Option<EventlogId>,
    /// What an event must survive before it counts as stored: fsync (power loss) or page-cache
    /// (the end of the process)
    #[arg(long, env = "VANUS_DURABILITY", default_value_t = Durability::Fsync)]
    durability: Durability,
    /// Show the events too
    #[arg(long)]
    detail: bool,
    /// Print the event instead of publishing it, as a template for --file
    #[arg(long, conflicts_with = "file")]
    print_template: bool,
}

/// What the data of an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    /// JSON.
    Json,
    /// Any text.
    Plain,
}

/// An event that was stored.
#[derive(Debug, Serialize)]
struct Stored {
    #[serde(flatten)]
    place: Option<Place>,
    /// Where it waits, if it is not stored yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    timer: Option<TimerId>,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
}

/// Where an event was stored.
#[derive(Debug, Serialize)]
struct Place {
    eventlog: EventlogId,
    offset: u64,
    event_id: String,
    append_time: String,
    durability: Durability,
    duplicate: bool,
}

/// Whether an event asks to be delivered later.
fn is_delayed(event: &Event) -> bool {
    let times = ["xvanusdelay", "xvanusdeliverytime"];
    event.extensions().any(|(name, _)| times.contains(&name))
}

impl Put {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let events = self.events(context)?;
        if self.print_template {
            let text = events
                .first()
                .map(raw_json)
                .transpose()
                .map_err(CliError::argument)?;
            return context.output().json(&text);
        }
        let (waiting, now): (Vec<Event>, Vec<Event>) = events.into_iter().partition(is_delayed);
        let mut stored = Vec::with_capacity(now.len() + waiting.len());
        if !now.is_empty() || waiting.is_empty() {
            let receipts = self.publish(context, &now).await?;
            let new = |(event, receipt)| Stored::new(event, &receipt, self.detail);
            stored.extend(now.iter().zip(receipts).map(new));
        }
        let timers = self.wait(context, &waiting).await?;
        let new = |(event, timer)| Stored::waiting(event, timer, self.detail);
        stored.extend(waiting.iter().zip(timers).map(new));
        print(context.output(), &stored)
    }

    /// Lets events wait that ask for it.
    async fn wait(&self, context: &Context, events: &[Event]) -> Result<Vec<TimerId>, CliError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        if self.eventlog.is_some() {
            return Err(CliError::argument(
                "an event that waits goes to the eventlog of its partition key: leave out --eventlog",
            ));
        }
        let events: Vec<_> = events.iter().map(|event| (event.clone(), None)).collect();
        let admin = context.admin().await?;
        let set = admin.set_timers(&self.namespace, &self.eventbus, &events);
        Ok(set.await?)
    }

    fn events(&self, context: &Context) -> Result<Vec<Event>, CliError> {
        let events = self.events_as_named(context)?;
        if !self.time.is_given() {
            return Ok(events);
        }
        events.iter().map(|event| self.time.put_on(event)).collect()
    }

    fn events_as_named(&self, context: &Context) -> Result<Vec<Event>, CliError> {
        if let Some(path) = &self.file {
            return events_of(path, &input::read(path)?);
        }
        let event = self.event.event(context, self.print_template)?;
        Ok(vec![event])
    }

    async fn publish(&self, context: &Context, events: &[Event]) -> Result<Vec<Receipt>, CliError> {
        let options = ProducerOptions {
            durability: self.durability,
            eventlog: self.eventlog,
            delivery_timeout: context.timeout(),
            ..ProducerOptions::default()
        };
        let client = context.client().await?;
        let (namespace, eventbus) = (self.namespace.as_str(), self.eventbus.as_str());
        let producer = client.producer(namespace, eventbus, options).await?;
        let mut acks = Vec::with_capacity(events.len());
        for event in events {
            acks.push(producer.send(event.clone()).await?);
        }
        producer.flush().await;
        let (mut receipts, mut failed) = (Vec::with_capacity(acks.len()), None);
        for (number, ack) in (1..).zip(acks) {
            match ack.await {
                Ok(receipt) => receipts.push(receipt),
                Err(source) => failed = failed.or(Some((number, source))),
            }
        }
        let Some((number, source)) = failed else {
            return Ok(receipts);
        };
        let id = events
            .get(number - 1)
            .map(|event| event.id().to_owned())
            .unwrap_or_default();
        let (stored, all) = (receipts.len(), events.len());
        Err(CliError::NotStored {
            stored,
            all,
            number,
            id,
            source,
        })
    }
}

impl Stored {
    fn new(event: &Event, receipt: &Receipt, detail: bool) -> Self {
        let place = Place {
            eventlog: receipt.id.eventlog,
            offset: receipt.id.offset,
            event_id: receipt.id.to_string(),
            append_time: format_ms(receipt.append_time_ms),
            durability: receipt.durability,
            duplicate: receipt.duplicate,
        };
        Self::told(event, Some(place), None, detail)
    }

    fn waiting(event: &Event, timer: TimerId, detail: bool) -> Self {
        Self::told(event, None, Some(timer), detail)
    }

    fn told(event: &Event, place: Option<Place>, timer: Option<TimerId>, detail: bool) -> Self {
        Self {
            place,
            timer,
            id: event.id().to_owned(),
            event: raw_json(event).ok().filter(|_| detail),
        }
    }
}

fn print(output: &Output, stored: &[Stored]) -> Result<(), CliError> {
    if output.is_json() {
        return output.json(&stored);
    }
    let (waiting, placed): (Vec<&Stored>, Vec<&Stored>) =
        stored.iter().partition(|stored| stored.timer.is_some());
    if !placed.is_empty() || waiting.is_empty() {
        let columns = ["EVENTLOG", "OFFSET", "EVENT ID", "DURABILITY", "ID"];
        output.many(
            &placed,
            "There was no event to store.",
            &columns,
            |stored| {
                let place = stored.place.as_ref();
                let mut row = place.map_or_else(Vec::new, |place| {
                    vec![
                        place.eventlog.to_string(),
                        place.offset.to_string(),
                        place.event_id.clone(),
                        place.durability.to_string(),
                    ]
                });
                row.push(stored.id.clone());
                row
            },
        )?;
    }
    if !waiting.is_empty() {
        output.many(&waiting, "", &["TIMER", "ID"], |stored| {
            let timer = stored.timer.map(|timer| timer.to_string());
            vec![timer.unwrap_or_default(), stored.id.clone()]
        })?;
    }
    for event in stored.iter().filter_map(|stored| stored.event.as_ref()) {
        output.text(&crate::output::clean(event.get()))?;
    }
    Ok(())
}
