//! A live tail as server-sent events.
//!
//! ```text
//! id: AAAAAAAAAAEAAAAAAAAAAg==
//! data: {"eventlog":"…","offset":2,"event_id":"…","append_time":"…","event":{…}}
//! ```
//!
//! The id is the event id, so that a client that was cut off goes on after it with
//! `Last-Event-ID`. An error is told as an event of the type `error` with a problem as its data,
//! and ends the stream; so does the drain, without a word: clients come back by themselves.

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    http::{
        HeaderMap, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::Response,
};
use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use vanus_core::Tail;
use vanus_types::control::{StartFrom, StoredEvent};

use super::{events::event_id, place::Place, stored::put_stored};
use crate::{
    gateway::Gateway,
    http::{Parameters, Problem, ReaderPermit, within},
};

/// How often something is said where nothing happens, so that nobody in between hangs up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events that are there already are sent together up to this many bytes.
const MAX_CHUNK: usize = 64 * 1024;

/// Where to begin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TailQuery {
    eventlog: Option<String>,
    offset: Option<String>,
    time: Option<String>,
}

/// Follows an eventlog: from the next event on, if nothing is said.
pub(crate) async fn tail(
    State(gateway): State<Gateway>,
    Extension(permit): Extension<ReaderPermit>,
    Path((namespace, name)): Path<(String, String)>,
    Parameters(query): Parameters<TailQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let bus = gateway.vanus().eventbus(&namespace, &name)?;
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    let (eventlog, offset) = match last {
        Some(last) => {
            let last = event_id(last)?;
            (last.eventlog, last.offset.saturating_add(1))
        }
        None => {
            let place = Place {
                eventlog: query.eventlog,
                offset: query.offset,
                time: query.time,
            };
            let finding = place.find(&bus, StartFrom::Latest);
            within(gateway.options().timeout, finding).await??
        }
    };
    let live = Live {
        tail: bus.tail(eventlog, offset)?,
        stopping: gateway.stopping().clone(),
        _permit: permit,
    };
    let begin = stream::iter([Ok(Bytes::from_static(b": live\n\n"))]);
    let events = stream::unfold(Some(live), |live| async {
        let (chunk, live) = live?.next().await?;
        Some((Ok::<_, Infallible>(chunk), live))
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(begin, events));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Live {
    tail: Tail,
    stopping: CancellationToken,
    /// The place among the readers, held to the end of the stream.
    _permit: ReaderPermit,
}

impl Live {
    /// What to send next, and what goes on after that; nothing at the drain.
    async fn next(mut self) -> Option<(Bytes, Option<Self>)> {
        let waited = tokio::select! {
            biased;
            () = self.stopping.cancelled() => return None,
            waited = tokio::time::timeout(KEEP_ALIVE, self.tail.next()) => waited,
        };
        let Ok(first) = waited else {
            return Some((Bytes::from_static(b": quiet\n\n"), Some(self)));
        };
        let mut chunk = Vec::new();
        let mut event = Some(first);
        while let Some(found) = event {
            match found {
                Ok(stored) => put_message(&mut chunk, &stored),
                Err(error) => {
                    let problem = Problem::from(error).json("");
                    chunk.extend_from_slice(b"event: error\ndata: ");
                    chunk.extend_from_slice(problem.as_bytes());
                    chunk.extend_from_slice(b"\n\n");
                    return Some((chunk.into(), None));
                }
            }
            event = None;
            if chunk.len() < MAX_CHUNK {
                event = self.tail.next().now_or_never();
            }
        }
        Some((chunk.into(), Some(self)))
    }
}

fn put_message(chunk: &mut Vec<u8>, stored: &StoredEvent) {
    chunk.extend_from_slice(format!("id: {}\ndata: ", stored.id).as_bytes());
    let start = chunk.len();
    put_stored(chunk, stored);
    // A line end would end the field. In JSON it can only be white space between values.
    for byte in chunk.iter_mut().skip(start) {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    chunk.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use vanus_types::{Event, EventId, EventlogId};

    use super::*;

    #[test]
    fn a_message_has_one_line_of_data() {
        let event = Event::builder()
            .id("1")
            .source("/s")
            .ty("t")
            .json("{\r\n\"a\": \"\\n\"\n}")
            .build()
            .unwrap();
        let id = EventId {
            eventlog: EventlogId::from_u64(1),
            offset: 2,
        };
        let mut chunk = Vec::new();
        let append_time_ms = 0;
        put_message(
            &mut chunk,
            &StoredEvent {
                id,
                append_time_ms,
                event,
            },
        );
        let text = String::from_utf8(chunk).unwrap();
        let lines: Vec<_> = text.split('\n').collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[0], "id: AAAAAAAAAAEAAAAAAAAAAg==");
        let data: serde_json::Value =
            serde_json::from_str(lines[1].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["event"]["data"]["a"], "\n");
        assert_eq!(data["append_time"], "1970-01-01T00:00:00.000Z");
    }
}
