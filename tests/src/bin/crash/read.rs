//! Readers: one that follows the tail of an eventlog through every crash, and what they share.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;
use vanus_tests::{
    harness::{Connection, Result, of_json},
    history::{Act, Message, Outcome, Poll},
};

use crate::world::{EVENTBUS, World};

const PAGE: u64 = 1_000;
const LONG_POLL_MS: u64 = 200;
const ANSWER_TIME: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// A page of events as it is answered.
#[derive(Debug, Deserialize)]
struct Page {
    events: Vec<Stored>,
    next_offset: u64,
    end_offset: u64,
}

#[derive(Debug, Deserialize)]
struct Stored {
    offset: u64,
    event: Box<RawValue>,
}

/// How far a reading came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    /// Where to go on.
    pub(crate) next: u64,
    /// Where the eventlog ended.
    pub(crate) end: u64,
}

/// Follows the tail of an eventlog until it is told to stop, whatever happens to the daemon.
pub(crate) async fn follow(world: World, eventlog: String) -> Result<()> {
    let name = format!("reader-{eventlog}");
    let mut connection = None;
    let mut next = 0;
    while !world.is_stopped() {
        let Some(open) = connection.as_mut() else {
            match Connection::open(&world.http).await {
                Ok(made) => connection = Some(made),
                Err(_) => tokio::time::sleep(BETWEEN_TRIES).await,
            }
            continue;
        };
        let path = format!("{}&wait_ms={LONG_POLL_MS}", events_path(&eventlog, next));
        match timeout(
            ANSWER_TIME,
            poll(&world, open, &name, &eventlog, next, &path),
        )
        .await
        {
            Ok(Ok((position, _))) => next = position.next,
            Ok(Err(_)) | Err(_) => connection = None,
        }
    }
    Ok(())
}

/// Where the events of an eventlog are read.
pub(crate) fn events_path(eventlog: &str, offset: u64) -> String {
    let bus = format!("/api/v1/namespaces/default/eventbuses/{EVENTBUS}/events");
    format!("{bus}?eventlog={eventlog}&offset={offset}&number={PAGE}")
}

/// Reads once at `at` and records it as a poll of `log`; answers the ids too.
pub(crate) async fn poll(
    world: &World,
    connection: &mut Connection,
    name: &str,
    log: &str,
    at: u64,
    path: &str,
) -> Result<(Position, Vec<String>)> {
    let t0 = world.recorder.now();
    let answer = connection
        .send(Request::get(path).body(Bytes::new())?)
        .await?;
    if answer.status != 200 {
        let text = String::from_utf8_lossy(&answer.body);
        return Err(format!("{path}: {} {text}", answer.status).into());
    }
    let page: Page = serde_json::from_slice(&answer.body)?;
    let mut msgs = Vec::with_capacity(page.events.len());
    for stored in &page.events {
        let (id, hash) = of_json(&stored.event)?;
        let off = stored.offset;
        msgs.push(Message { off, id, hash });
    }
    let ids = msgs.iter().map(|message| message.id.clone()).collect();
    let poll = Poll {
        outcome: Outcome::Ok,
        log: log.to_owned(),
        at,
        msgs,
    };
    world.recorder.record(name, t0, Act::Poll(poll))?;
    let position = Position {
        next: page.next_offset,
        end: page.end_offset,
    };
    Ok((position, ids))
}
