//! Writes events as protobuf messages.

use std::collections::BTreeMap;

use prost::Message as _;

use super::messages::{
    AttributeMessage, BatchEvent, CloudEvent, CloudEventBatch, DataMessage, TimestampMessage,
    ValueMessage,
};
use crate::{
    event::{AttributeRef, DataKind, Event, timestamp},
    format::http::content_type,
};

/// The message of `event`.
#[must_use]
pub fn encode(event: &Event) -> Vec<u8> {
    message(event).encode_to_vec()
}

/// The message of a batch.
#[must_use]
pub fn encode_batch(events: &[Event]) -> Vec<u8> {
    let events = events.iter().map(message).collect();
    CloudEventBatch { events }.encode_to_vec()
}

/// The message `vanus.core.cloudevents.BatchEvent` of a batch from an eventbus.
#[must_use]
pub fn encode_vanus_batch(events: &[Event], eventbus_id: u64) -> Vec<u8> {
    let events = Some(CloudEventBatch {
        events: events.iter().map(message).collect(),
    });
    let message = BatchEvent {
        events,
        eventbus_id,
    };
    message.encode_to_vec()
}

fn message(event: &Event) -> CloudEvent {
    let mut attributes = BTreeMap::new();
    let optional = [
        // JSON data without a content type is JSON only in the JSON format, so it is said here.
        (
            "datacontenttype",
            content_type(event).map(AttributeRef::String),
        ),
        ("dataschema", event.attribute("dataschema")),
        ("subject", event.attribute("subject")),
        ("time", event.attribute("time")),
    ];
    let present = optional
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    for (name, value) in present.chain(event.extensions()) {
        let attr = Some(value_message(value));
        attributes.insert(name.to_owned(), AttributeMessage { attr });
    }
    let data = event.data();
    let data = match (data.kind, data.as_str()) {
        (DataKind::None, _) => None,
        (DataKind::Text | DataKind::Json, Some(text)) => Some(DataMessage::Text(text.to_owned())),
        (DataKind::Proto, _) => Some(DataMessage::Proto(event.data_bytes())),
        _ => Some(DataMessage::Binary(event.data_bytes())),
    };
    CloudEvent {
        id: event.id().to_owned(),
        source: event.source().to_owned(),
        spec_version: "1.0".to_owned(),
        ty: event.ty().to_owned(),
        attributes,
        data,
    }
}

fn value_message(value: AttributeRef<'_>) -> ValueMessage {
    match value {
        AttributeRef::Boolean(value) => ValueMessage::Boolean(value),
        AttributeRef::Integer(value) => ValueMessage::Integer(value),
        AttributeRef::String(text) => ValueMessage::String(text.to_owned()),
        AttributeRef::Binary(bytes) => ValueMessage::Bytes(bytes.to_vec()),
        AttributeRef::Uri(text) => ValueMessage::Uri(text.to_owned()),
        AttributeRef::UriRef(text) => ValueMessage::UriRef(text.to_owned()),
        AttributeRef::Timestamp(text) => match timestamp::parse(text) {
            Some((seconds, nanos)) => ValueMessage::Timestamp(TimestampMessage {
                seconds,
                nanos: i32::try_from(nanos).unwrap_or_default(),
            }),
            // No valid event has such a timestamp.
            None => ValueMessage::String(text.to_owned()),
        },
    }
}
