//! Events in the answer of an HTTP sink.
//!
//! An answer holds an event as a request does: in its headers and body, as JSON, or as a batch. How
//! often an event led to a reply is counted in the attribute [`HOPS`], so that two subscriptions
//! that answer each other come to an end.

use vanus_net::http::HttpResponse;
use vanus_types::{
    AttributeRef, Event, InvalidEvent,
    format::{CE_PREFIX, DecodeError, decode_http},
    limits::MAX_REPLY_HOPS,
};

use crate::trigger::delivery::{Delivery, DeliveryError};

/// The attribute of a reply that counts how many replies led to it, itself included.
const HOPS: &str = "vanusreplyhops";

/// Start of the names of attributes that belong to Vanus; a reply has none of them.
const RESERVED: &str = "xvanus";

/// The events in an answer to `deliveries`, ready to be published; none if it holds none.
pub(super) fn events(
    deliveries: &[Delivery],
    answer: &HttpResponse,
) -> Result<Vec<Event>, DeliveryError> {
    if !holds_events(answer) {
        return Ok(Vec::new());
    }
    if answer.truncated {
        let message = "the sink answered with more than an answer with events may have";
        return Err(DeliveryError::reject("ReplyTooLarge", message));
    }
    let malformed = |error: &dyn std::fmt::Display| {
        DeliveryError::retry(format!("the sink answered with a malformed event: {error}"))
    };
    let found = decode(answer).map_err(|error| malformed(&error))?;
    let hops = deliveries.iter().map(|delivery| hops(&delivery.event));
    let hops = hops.max().unwrap_or(0).saturating_add(1);
    if hops > MAX_REPLY_HOPS && !found.is_empty() {
        let message = format!("the event is the last of {MAX_REPLY_HOPS} replies to replies");
        return Err(DeliveryError::reject("ReplyLoop", message));
    }
    let marked = found.iter().map(|event| mark(event, hops));
    marked
        .collect::<Result<_, _>>()
        .map_err(|error| malformed(&error))
}

fn content_type(answer: &HttpResponse) -> Option<&str> {
    answer
        .headers
        .get(http::header::CONTENT_TYPE)?
        .to_str()
        .ok()
}

fn holds_events(answer: &HttpResponse) -> bool {
    let by_type = content_type(answer).is_some_and(|text| {
        let start = text.get(.."application/cloudevents".len());
        start.is_some_and(|start| start.eq_ignore_ascii_case("application/cloudevents"))
    });
    by_type
        || answer
            .headers
            .keys()
            .any(|name| name.as_str().starts_with(CE_PREFIX))
}

fn decode(answer: &HttpResponse) -> Result<Vec<Event>, DecodeError> {
    let headers = || {
        let all = answer.headers.iter();
        all.map(|(name, value)| (name.as_str(), value.as_bytes()))
    };
    decode_http(content_type(answer), headers, &answer.body)
}

/// How many replies led to this event.
fn hops(event: &Event) -> i32 {
    match event.attribute(HOPS) {
        Some(AttributeRef::Integer(hops)) => hops.max(0),
        // From HTTP it comes back as text.
        Some(AttributeRef::String(text)) => text.parse().unwrap_or(0).max(0),
        _ => 0,
    }
}

fn mark(event: &Event, hops: i32) -> Result<Event, InvalidEvent> {
    let mut builder = event.to_builder();
    for (name, _) in event.extensions() {
        if name.starts_with(RESERVED) {
            builder = builder.without_extension(name);
        }
    }
    builder.extension(HOPS, hops).build()
}
