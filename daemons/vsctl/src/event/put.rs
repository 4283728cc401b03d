//! `vsctl event put`.

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use vanus_client::{ProducerOptions, Receipt};
use vanus_types::{Durability, Event, EventlogId, Name, event::timestamp::format_ms};

use super::{
    draft::{Draft, events_of},
    view::raw_json,
};
use crate::{
    context::Context,
    error::CliError,
    input,
    output::Output,
    parse::{Pair, pair},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl event put orders --type order.placed --source /shop --data '{\"total\": 12}'
  vsctl event put orders --data hello --data-format plain --extension partitionkey=customer-7
  vsctl event put orders --data @order.json --durability page-cache --detail
  vsctl event put orders --file events.jsonl
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
    /// The id of the event; else a random one
    #[arg(long)]
    id: Option<String>,
    /// The source of the event, a URI reference [default: /vsctl]
    #[arg(long)]
    source: Option<String>,
    /// The type of the event [default: vsctl.event]
    #[arg(long = "type", value_name = "TYPE")]
    ty: Option<String>,
    /// The subject of the event
    #[arg(long)]
    subject: Option<String>,
    /// An extension attribute; may be given more than once
    #[arg(long, value_parser = pair, value_name = "NAME=VALUE")]
    extension: Vec<Pair>,
    /// The data of the event: text, or @file
    #[arg(long, value_name = "TEXT|@FILE")]
    data: Option<String>,
    /// What the data is
    #[arg(long, value_enum, default_value_t = DataFormat::Json, value_name = "FORMAT")]
    data_format: DataFormat,
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
    eventlog: EventlogId,
    offset: u64,
    event_id: String,
    append_time: String,
    durability: Durability,
    duplicate: bool,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
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
        let receipts = self.publish(context, &events).await?;
        let stored: Vec<_> = events
            .iter()
            .zip(receipts)
            .map(|(event, receipt)| Stored::new(event, &receipt, self.detail))
            .collect();
        print(context.output(), &stored)
    }

    fn events(&self, context: &Context) -> Result<Vec<Event>, CliError> {
        if let Some(path) = &self.file {
            return events_of(path, &input::read(path)?);
        }
        let mut data = self.data.as_deref().map(input::text_or_file).transpose()?;
        if self.print_template && data.is_none() {
            data = Some(match self.data_format {
                DataFormat::Json => json!({ "message": "hello" }).to_string(),
                DataFormat::Plain => "hello".to_owned(),
            });
        }
        let draft = Draft {
            id: self.id.as_deref(),
            source: self.source.as_deref(),
            ty: self.ty.as_deref(),
            subject: self.subject.as_deref(),
            extensions: &self.extension,
            data: data.as_deref(),
            format: self.data_format,
        };
        Ok(vec![
            draft.event(context.clock().as_ref(), context.entropy())?,
        ])
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
        Self {
            eventlog: receipt.id.eventlog,
            offset: receipt.id.offset,
            event_id: receipt.id.to_string(),
            append_time: format_ms(receipt.append_time_ms),
            durability: receipt.durability,
            duplicate: receipt.duplicate,
            id: event.id().to_owned(),
            event: raw_json(event).ok().filter(|_| detail),
        }
    }
}

fn print(output: &Output, stored: &[Stored]) -> Result<(), CliError> {
    let columns = ["EVENTLOG", "OFFSET", "EVENT ID", "DURABILITY", "ID"];
    output.many(stored, "There was no event to store.", &columns, |stored| {
        vec![
            stored.eventlog.to_string(),
            stored.offset.to_string(),
            stored.event_id.clone(),
            stored.durability.to_string(),
            stored.id.clone(),
        ]
    })?;
    if output.is_json() {
        return Ok(());
    }
    for event in stored.iter().filter_map(|stored| stored.event.as_ref()) {
        output.text(&crate::output::clean(event.get()))?;
    }
    Ok(())
}
