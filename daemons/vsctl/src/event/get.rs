//! `vsctl event get`.

use std::time::Duration;

use clap::Args;
use vanus_client::{Client, ConsumerOptions, StartAt};
use vanus_types::{
    EventId, EventlogId, Name,
    control::{EventbusInfo, EventlogInfo},
};

use super::view::{EventView, data_text};
use crate::{context::Context, error::CliError, eventbus::key, output::Output};

/// Bytes asked for at a time.
const READ_LEN: u32 = 1024 * 1024;

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl event get orders
  vsctl event get orders --offset 100 --number 20
  vsctl event get orders --eventlog 00000000000000AB --format json
  vsctl event get orders --event-id AAAAAAAAAAEAAAAAAAAAAA==
  vsctl event get orders --follow";

/// Which events to read.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The eventbus
    #[arg(value_name = "EVENTBUS")]
    eventbus: Name,
    /// The namespace it is in
    #[arg(long, env = "VANUS_NAMESPACE", default_value = "default")]
    namespace: Name,
    /// Only this eventlog, hexadecimal; else all of them
    #[arg(long, value_name = "HEX")]
    eventlog: Option<EventlogId>,
    /// The first offset, in each eventlog; else the first that is kept, with --follow the next
    #[arg(long)]
    offset: Option<u64>,
    /// Most events, earliest first [default: 10; with --follow no end]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    number: Option<u64>,
    /// Only the event with this id, as the answer to publishing told it
    #[arg(long, value_name = "ID", conflicts_with_all = ["eventlog", "offset", "number", "follow"])]
    event_id: Option<EventId>,
    /// Go on with events as they come, until interrupted
    #[arg(long)]
    follow: bool,
}

impl Get {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let client = context.client().await?;
        let bus = client
            .admin()
            .get_eventbus(key(&self.namespace, &self.eventbus), false)
            .await?;
        if let Some(id) = self.event_id {
            self.logs(&bus, Some(id.eventlog))?;
            let view = EventView::from(client.read_event(id).await?);
            return context.output().one(&view, || view.fields());
        }
        let logs = self.logs(&bus, self.eventlog)?;
        if self.follow {
            return self.follow(context, client, &logs).await;
        }
        let views = self.read(client, &logs).await?;
        let none = format!(
            "There are no events in eventbus \"{}\" from there on.",
            self.eventbus
        );
        print(context.output(), &views, &none, bus.logs.len() > 1)
    }

    /// The eventlogs of the eventbus, or the one that is wanted.
    fn logs(
        &self,
        bus: &EventbusInfo,
        wanted: Option<EventlogId>,
    ) -> Result<Vec<EventlogInfo>, CliError> {
        let of_bus = bus.logs.iter().cloned();
        let logs: Vec<_> = of_bus
            .filter(|log| wanted.is_none_or(|id| log.id == id))
            .collect();
        match (wanted, logs.is_empty()) {
            (Some(id), true) => {
                let name = &self.eventbus;
                let message = format!("eventlog {id} is none of eventbus \"{name}\"");
                Err(CliError::Invalid(vanus_types::Fault::new(
                    vanus_types::ErrorCode::EventlogNotFound,
                    message,
                )))
            }
            _ => Ok(logs),
        }
    }

    /// The first events of all eventlogs, in the order in which they were appended.
    async fn read(
        &self,
        client: &Client,
        logs: &[EventlogInfo],
    ) -> Result<Vec<EventView>, CliError> {
        let number = usize::try_from(self.number.unwrap_or(10)).unwrap_or(usize::MAX);
        let mut stored = Vec::new();
        for log in logs {
            let first = self.offset.unwrap_or(log.start_offset);
            // What is beyond the end of one eventlog may be within another.
            if logs.len() > 1 && first > log.end_offset {
                continue;
            }
            stored.extend(read_log(client, log.id, first, number).await?);
        }
        if logs.len() > 1 {
            stored.sort_by_key(|(time, id, _)| (*time, id.eventlog, id.offset));
        }
        stored.truncate(number);
        Ok(stored
            .into_iter()
            .map(|(time, id, event)| EventView::new(id, time, event))
            .collect())
    }

    async fn follow(
        &self,
        context: &Context,
        client: &Client,
        logs: &[EventlogInfo],
    ) -> Result<(), CliError> {
        let start = match self.offset {
            None => StartAt::Latest,
            Some(offset) => StartAt::Offsets(logs.iter().map(|log| (log.id, offset)).collect()),
        };
        let eventlogs = Some(logs.iter().map(|log| log.id).collect());
        let options = ConsumerOptions {
            start,
            eventlogs,
            ..ConsumerOptions::default()
        };
        let (namespace, eventbus) = (self.namespace.as_str(), self.eventbus.as_str());
        let mut consumer = client.consumer(namespace, eventbus, options).await?;
        let output = context.output();
        output.note("Following; interrupt to end.");
        let interrupt = tokio::signal::ctrl_c();
        let mut interrupt = std::pin::pin!(interrupt);
        let mut left = self.number.unwrap_or(u64::MAX);
        while left > 0 {
            let received = tokio::select! {
                received = consumer.next() => received?,
                _ = &mut interrupt => break,
            };
            left -= 1;
            let view = EventView::from(received);
            if output.is_json() {
                output.json_line(&view)?;
            } else {
                output.text(&crate::output::clean(&line(&view)))?;
            }
        }
        Ok(())
    }
}

type StoredAt = (i64, EventId, vanus_types::Event);

/// At most `number` events of one eventlog.
async fn read_log(
    client: &Client,
    eventlog: EventlogId,
    first: u64,
    number: usize,
) -> Result<Vec<StoredAt>, CliError> {
    let (mut next, mut stored) = (first, Vec::new());
    while stored.len() < number {
        let (reply, batches) = client
            .read(eventlog, next, READ_LEN, Duration::ZERO)
            .await?;
        for batch in &batches {
            let time = batch.header().append_time_ms;
            let wanted = batch.events().filter(|(offset, _)| *offset >= next);
            let events = wanted.map(|(offset, event)| (time, EventId { eventlog, offset }, event));
            stored.extend(events.take(number - stored.len()));
        }
        if reply.next_offset <= next || reply.next_offset >= reply.end_offset {
            break;
        }
        next = reply.next_offset;
    }
    Ok(stored)
}

fn print(output: &Output, views: &[EventView], none: &str, many: bool) -> Result<(), CliError> {
    let mut columns = vec![
        "EVENTLOG", "OFFSET", "APPENDED", "TYPE", "SOURCE", "ID", "DATA",
    ];
    if !many {
        columns.remove(0);
    }
    output.many(views, none, &columns, |view| {
        let (event, mut cells) = (view.event(), Vec::with_capacity(columns.len()));
        if many {
            cells.push(view.eventlog().to_string());
        }
        cells.extend([
            view.offset().to_string(),
            view.append_time().to_owned(),
            event.ty().to_owned(),
            event.source().to_owned(),
            event.id().to_owned(),
            data_text(event, 60),
        ]);
        cells
    })
}

/// An event on one line.
fn line(view: &EventView) -> String {
    let event = view.event();
    format!(
        "{} {} {} {} {} {} {}",
        view.append_time(),
        view.eventlog(),
        view.offset(),
        event.ty(),
        event.source(),
        event.id(),
        data_text(event, 200)
    )
}
