//! Reads events out of protobuf messages.

use prost::Message as _;

use super::messages::{
    AnyMessage, BatchEvent, CloudEvent, CloudEventBatch, DataMessage, TimestampMessage,
    ValueMessage,
};
use crate::{
    event::{AttributeValue, Data, DataKind, Event, EventParts, InvalidEvent, timestamp},
    format::DecodeError,
    limits::MAX_BATCH_EVENTS,
};

/// Reads one event.
///
/// # Errors
/// [`DecodeError`] when the bytes are no such message, or the event in it is invalid.
pub fn decode(bytes: &[u8]) -> Result<Event, DecodeError> {
    let message = CloudEvent::decode(bytes);
    event(message.map_err(|error| DecodeError::Protobuf(error.to_string()))?)
}

/// Reads all events of a batch; an empty batch is valid.
///
/// # Errors
/// [`DecodeError`] when the bytes are no such message, have more than
/// [`MAX_BATCH_EVENTS`] events, or one of them is invalid; then none is taken.
pub fn decode_batch(bytes: &[u8]) -> Result<Vec<Event>, DecodeError> {
    let message = CloudEventBatch::decode(bytes);
    events(message.map_err(|error| DecodeError::Protobuf(error.to_string()))?)
}

/// Reads the message `vanus.core.cloudevents.BatchEvent`: all events of a batch, and the id of the
/// eventbus in it.
///
/// # Errors
/// As those of [`decode_batch`].
pub fn decode_vanus_batch(bytes: &[u8]) -> Result<(Vec<Event>, u64), DecodeError> {
    let message = BatchEvent::decode(bytes);
    let message = message.map_err(|error| DecodeError::Protobuf(error.to_string()))?;
    let batch = message.events.unwrap_or_default();
    Ok((events(batch)?, message.eventbus_id))
}

fn events(message: CloudEventBatch) -> Result<Vec<Event>, DecodeError> {
    if message.events.len() > MAX_BATCH_EVENTS {
        return Err(DecodeError::TooManyEvents);
    }
    let events = message.events.into_iter().enumerate();
    events
        .map(|(index, message)| event(message).map_err(|error| error.at(index)))
        .collect()
}

fn event(message: CloudEvent) -> Result<Event, DecodeError> {
    // Protobuf cannot tell an absent string from an empty one.
    for (name, value) in [
        ("specversion", &message.spec_version),
        ("id", &message.id),
        ("source", &message.source),
        ("type", &message.ty),
    ] {
        if value.is_empty() {
            return Err(InvalidEvent::Missing(name).into());
        }
    }
    if message.spec_version != "1.0" {
        let version = message.spec_version.chars().take(16).collect();
        return Err(InvalidEvent::SpecVersion(version).into());
    }
    let mut optional = [const { None }; 4];
    let mut extensions = Vec::with_capacity(message.attributes.len());
    for (name, value) in message.attributes {
        let Some(value) = value.attr else { continue };
        let value = attribute(&name, value)?;
        let [datacontenttype, dataschema, subject, time] = &mut optional;
        match name.as_str() {
            "datacontenttype" => *datacontenttype = Some(text(&name, value)?),
            "dataschema" => *dataschema = Some(text(&name, value)?),
            "subject" => *subject = Some(text(&name, value)?),
            "time" => *time = Some(text(&name, value)?),
            _ => extensions.push((name, value)),
        }
    }
    let data = message.data.as_ref();
    if let Some(DataMessage::Proto(any)) = data {
        let readable = AnyMessage::decode(any.clone());
        readable.map_err(|error| DecodeError::Protobuf(format!("proto_data: {error}")))?;
    }
    let [datacontenttype, dataschema, subject, time] = &optional;
    let parts = EventParts {
        id: &message.id,
        source: &message.source,
        ty: &message.ty,
        datacontenttype: datacontenttype.as_deref(),
        dataschema: dataschema.as_deref(),
        subject: subject.as_deref(),
        time: time.as_deref(),
        extensions: extensions
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref()))
            .collect(),
        data: match data {
            None => Data::NONE,
            Some(DataMessage::Binary(bytes)) => Data::new(DataKind::Binary, bytes),
            Some(DataMessage::Text(text)) => Data::new(DataKind::Text, text.as_bytes()),
            Some(DataMessage::Proto(any)) => Data::new(DataKind::Proto, any),
        },
    };
    Ok(parts.encode()?)
}

fn attribute(name: &str, value: ValueMessage) -> Result<AttributeValue, DecodeError> {
    Ok(match value {
        ValueMessage::Boolean(value) => AttributeValue::Boolean(value),
        ValueMessage::Integer(value) => AttributeValue::Integer(value),
        ValueMessage::String(text) => AttributeValue::String(text),
        ValueMessage::Bytes(bytes) => AttributeValue::Binary(bytes),
        ValueMessage::Uri(text) => AttributeValue::Uri(text),
        ValueMessage::UriRef(text) => AttributeValue::UriRef(text),
        ValueMessage::Timestamp(TimestampMessage { seconds, nanos }) => {
            let text = u32::try_from(nanos)
                .ok()
                .and_then(|nanos| timestamp::format(seconds, nanos));
            let out_of_range = || DecodeError::MemberType {
                name: name.chars().take(64).collect(),
                found: "a timestamp out of range",
                expected: "in the years 0 to 9999, with less than 1,000,000,000 nanoseconds",
            };
            AttributeValue::Timestamp(text.ok_or_else(out_of_range)?)
        }
    })
}

fn text(name: &str, value: AttributeValue) -> Result<String, DecodeError> {
    match value {
        AttributeValue::String(text)
        | AttributeValue::Uri(text)
        | AttributeValue::UriRef(text)
        | AttributeValue::Timestamp(text) => Ok(text),
        AttributeValue::Boolean(_) | AttributeValue::Integer(_) | AttributeValue::Binary(_) => {
            Err(DecodeError::MemberType {
                name: name.to_owned(),
                found: "a boolean, an integer or bytes",
                expected: "text, a URI or a timestamp",
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        event::AttributeRef,
        format::protobuf::{encode, encode_batch, messages::AttributeMessage},
    };

    fn message() -> CloudEvent {
        CloudEvent {
            id: "i".into(),
            source: "/s".into(),
            spec_version: "1.0".into(),
            ty: "t".into(),
            attributes: BTreeMap::new(),
            data: None,
        }
    }

    fn with(name: &str, value: ValueMessage) -> Result<Event, DecodeError> {
        let mut message = message();
        let attr = Some(value);
        message
            .attributes
            .insert(name.into(), AttributeMessage { attr });
        decode(&message.encode_to_vec())
    }

    #[test]
    fn every_attribute_type_and_data_kind_comes_back() {
        for (kind, data) in [
            (DataKind::None, &b""[..]),
            (DataKind::Binary, b"\x00\xFF"),
            (DataKind::Binary, b""),
            (DataKind::Text, b"text"),
            (DataKind::Proto, b"\x0A\x01a\x12\x02\x08\x01"),
        ] {
            let event = Event::builder()
                .id("i")
                .source("/s")
                .ty("t")
                .subject("sub")
                .time("2018-04-05T17:31:00.5Z")
                .datacontenttype("text/plain")
                .dataschema("https://a.b/c")
                .extension("b", true)
                .extension("n", i32::MIN)
                .extension("s", "x")
                .extension("y", vec![0, 255])
                .extension("u", AttributeValue::Uri("urn:x:y".into()))
                .extension("r", AttributeValue::UriRef("/r".into()))
                .extension(
                    "t",
                    AttributeValue::Timestamp("1969-12-31T23:59:59Z".into()),
                )
                .data(kind, data)
                .build()
                .unwrap();
            assert_eq!(decode(&encode(&event)).unwrap(), event);
            let batch = [event.clone(), event];
            assert_eq!(decode_batch(&encode_batch(&batch)).unwrap(), batch);
        }
        assert_eq!(decode_batch(b"").unwrap(), []);
    }

    #[test]
    fn json_becomes_text_with_its_content_type() {
        let event = Event::builder()
            .id("i")
            .source("/s")
            .ty("t")
            .data(DataKind::Json, "[1]")
            .build()
            .unwrap();
        let again = decode(&encode(&event)).unwrap();
        assert_eq!(again.datacontenttype(), Some("application/json"));
        assert_eq!(again.data(), Data::new(DataKind::Text, b"[1]"));
    }

    #[test]
    fn a_wrong_type_or_time_is_refused_and_an_empty_value_is_absent() {
        assert!(with("subject", ValueMessage::Integer(1)).is_err());
        assert!(with("id", ValueMessage::String("x".into())).is_err());
        assert!(with("Upper", ValueMessage::Boolean(true)).is_err());
        assert!(with("time", ValueMessage::String("noon".into())).is_err());
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0)] {
            let bad = TimestampMessage { seconds, nanos };
            assert!(with("x", ValueMessage::Timestamp(bad)).is_err());
        }
        let time = TimestampMessage {
            seconds: 0,
            nanos: 5,
        };
        let event = with("time", ValueMessage::Timestamp(time)).unwrap();
        assert_eq!(event.time(), Some("1970-01-01T00:00:00.000000005Z"));
        let mut empty = message();
        empty
            .attributes
            .insert("x".into(), AttributeMessage { attr: None });
        assert_eq!(decode(&empty.encode_to_vec()).unwrap().attribute("x"), None);
        let uri = with("u", ValueMessage::UriRef("/u".into())).unwrap();
        assert_eq!(uri.attribute("u"), Some(AttributeRef::UriRef("/u")));
    }

    #[test]
    fn missing_attributes_and_broken_bytes_are_refused() {
        assert!(matches!(
            decode(b""),
            Err(DecodeError::Invalid(InvalidEvent::Missing(_)))
        ));
        let mut old = message();
        old.spec_version = "0.3".into();
        assert!(decode(&old.encode_to_vec()).is_err());
        let batch = CloudEventBatch {
            events: vec![message(), old],
        };
        assert!(matches!(
            decode_batch(&batch.encode_to_vec()),
            Err(DecodeError::At { index: 1, .. })
        ));
        let mut any = message();
        any.data = Some(DataMessage::Proto(bytes::Bytes::from_static(b"\xFF")));
        assert!(matches!(
            decode(&any.encode_to_vec()),
            Err(DecodeError::Protobuf(_))
        ));
        let good = message().encode_to_vec();
        for cut in 1..good.len() {
            assert!(decode(&good[..cut]).is_err(), "{cut}");
        }
    }
}
