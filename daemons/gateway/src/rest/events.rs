//! Reading events, a page at a time.

use std::time::Duration;

use axum::{
    extract::{Path, State},
    response::Response,
};
use serde::Deserialize;
use vanus_core::ReadOptions;
use vanus_types::{
    ErrorCode, EventId,
    control::StartFrom,
    limits::{MAX_POLL_WAIT_MS, MAX_READ_EVENTS},
};

use super::{place::Place, stored::events_body};
use crate::{
    gateway::Gateway,
    http::{Parameters, Problem, parse, within},
};

/// How many events come if nothing is said.
const DEFAULT_NUMBER: usize = 100;

/// Which events are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadQuery {
    eventlog: Option<String>,
    offset: Option<String>,
    time: Option<String>,
    event_id: Option<String>,
    number: Option<usize>,
    wait_ms: Option<u64>,
}

/// Reads events of an eventbus.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    Path((namespace, name)): Path<(String, String)>,
    Parameters(query): Parameters<ReadQuery>,
) -> Result<Response, Problem> {
    let bus = gateway.vanus().eventbus(&namespace, &name)?;
    let limit = gateway.options().timeout;
    if let Some(id) = &query.event_id {
        let id = event_id(id)?;
        if query.eventlog.is_some() || query.offset.is_some() || query.time.is_some() {
            let detail = "event_id says it all: leave out eventlog, offset and time";
            return Err(Problem::new(ErrorCode::InvalidArgument, detail));
        }
        let stored = within(limit, bus.event(id)).await??;
        let next = stored.id.offset.saturating_add(1);
        let end = gateway.vanus().eventbus_info(bus.id(), false)?;
        let end = end.logs.iter().find(|log| log.id == id.eventlog);
        let end = end.map_or(next, |log| log.end_offset);
        return Ok(events_body(&[stored], next, end));
    }
    let max_events = in_range("number", query.number, DEFAULT_NUMBER, 1, MAX_READ_EVENTS)?;
    let most = usize::try_from(MAX_POLL_WAIT_MS).unwrap_or(usize::MAX);
    let wait = query
        .wait_ms
        .map(|ms| usize::try_from(ms).unwrap_or(usize::MAX));
    let wait = Duration::from_millis(in_range("wait_ms", wait, 0, 0, most)? as u64);
    let place = Place {
        eventlog: query.eventlog,
        offset: query.offset,
        time: query.time,
    };
    let (eventlog, offset) = within(limit, place.find(&bus, StartFrom::Earliest)).await??;
    let options = ReadOptions {
        max_events,
        wait,
        ..ReadOptions::default()
    };
    let page = tokio::select! {
        page = within(limit + wait, bus.read(eventlog, offset, options)) => page??,
        () = gateway.stopping().cancelled() => {
            let now = ReadOptions { wait: Duration::ZERO, ..options };
            within(limit, bus.read(eventlog, offset, now)).await??
        }
    };
    Ok(events_body(&page.events, page.next_offset, page.end_offset))
}

/// An event id. A plus sign means a space in a query, and no id has a space.
pub(super) fn event_id(text: &str) -> Result<EventId, Problem> {
    parse("event_id", &text.replace(' ', "+"))
}

fn in_range(
    name: &str,
    value: Option<usize>,
    default: usize,
    least: usize,
    most: usize,
) -> Result<usize, Problem> {
    let value = value.unwrap_or(default);
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    let detail = format!("{name} is {value}, allowed are {least} to {most}");
    Err(Problem::new(ErrorCode::InvalidArgument, detail))
}
