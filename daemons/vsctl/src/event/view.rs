//! An event as it is printed.

use serde::Serialize;
use serde_json::value::RawValue;
use vanus_client::Received;
use vanus_types::{
    DataKind, Event, EventId, EventlogId, control::StoredEvent, event::timestamp::format_ms,
    format::json,
};

use crate::{human, output::Field};

/// An event and where it is stored.
///
/// In JSON: `{"eventlog": "…", "offset": 0, "event_id": "…", "append_time": "…", "event": {…}}`,
/// where `event` is the CloudEvent in its JSON format.
#[derive(Debug, Serialize)]
pub(crate) struct EventView {
    eventlog: EventlogId,
    offset: u64,
    event_id: String,
    append_time: String,
    #[serde(serialize_with = "as_json")]
    event: Event,
}

impl From<StoredEvent> for EventView {
    fn from(stored: StoredEvent) -> Self {
        Self::new(stored.id, stored.append_time_ms, stored.event)
    }
}

impl From<Received> for EventView {
    fn from(received: Received) -> Self {
        Self::new(received.id(), received.append_time_ms, received.event)
    }
}

impl EventView {
    pub(super) fn new(id: EventId, append_time_ms: i64, event: Event) -> Self {
        let EventId { eventlog, offset } = id;
        let append_time = format_ms(append_time_ms);
        Self {
            eventlog,
            offset,
            event_id: id.to_string(),
            append_time,
            event,
        }
    }

    pub(crate) const fn eventlog(&self) -> EventlogId {
        self.eventlog
    }

    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn append_time(&self) -> &str {
        &self.append_time
    }

    pub(crate) const fn event(&self) -> &Event {
        &self.event
    }

    /// Everything about the event, for people.
    pub(super) fn fields(&self) -> Vec<Field> {
        let event = &self.event;
        let extensions: Vec<_> = event
            .extensions()
            .map(|(name, value)| format!("{name}={}", value.canonical()))
            .collect();
        let optional = |text: Option<&str>| text.unwrap_or("-").to_owned();
        vec![
            ("Event id", self.event_id.clone()),
            ("Eventlog", self.eventlog.to_string()),
            ("Offset", self.offset.to_string()),
            ("Appended", self.append_time.clone()),
            ("id", event.id().to_owned()),
            ("source", event.source().to_owned()),
            ("type", event.ty().to_owned()),
            ("subject", optional(event.subject())),
            ("time", optional(event.time())),
            ("datacontenttype", optional(event.datacontenttype())),
            ("dataschema", optional(event.dataschema())),
            ("extensions", human::or_dash(&extensions.join(" "))),
            ("data", data_text(event, usize::MAX)),
        ]
    }
}

/// Writes an event in its JSON format.
pub(crate) fn as_json<S: serde::Serializer>(
    event: &Event,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    raw_json(event)
        .map_err(serde::ser::Error::custom)?
        .serialize(serializer)
}

/// The JSON format of an event.
pub(crate) fn raw_json(event: &Event) -> Result<Box<RawValue>, String> {
    let text = String::from_utf8(json::encode(event)).map_err(|error| error.to_string())?;
    RawValue::from_string(text).map_err(|error| error.to_string())
}

/// The text of an attribute, or a dash.
pub(crate) fn attribute(event: &Event, name: &str) -> String {
    event
        .attribute(name)
        .map_or_else(|| "-".to_owned(), |value| value.canonical().into_owned())
}

/// The data of an event, at most its first `most` characters.
pub(crate) fn data_text(event: &Event, most: usize) -> String {
    let data = event.data();
    match (data.kind, std::str::from_utf8(data.bytes)) {
        (DataKind::None, _) => "-".to_owned(),
        (DataKind::Proto, _) | (_, Err(_)) => format!("({} bytes)", data.bytes.len()),
        (_, Ok(text)) => human::shorten(text, most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_form_holds_place_and_cloud_event() {
        let event = Event::builder()
            .id("1")
            .source("/s")
            .ty("t")
            .json("{\"a\":1}")
            .build();
        let id = EventId {
            eventlog: EventlogId::from_u64(10),
            offset: 3,
        };
        let view = EventView::new(id, 0, event.unwrap());
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!(json["eventlog"], "000000000000000A");
        assert_eq!(json["offset"], 3);
        assert_eq!(json["event_id"], id.to_string());
        assert_eq!(json["append_time"], "1970-01-01T00:00:00.000Z");
        assert_eq!(json["event"]["data"]["a"], 1);
        assert_eq!(json["event"]["specversion"], "1.0");
    }

    #[test]
    fn bytes_that_are_no_text_are_counted() {
        let build = |bytes: &[u8]| {
            Event::builder()
                .id("1")
                .source("/s")
                .ty("t")
                .binary(bytes)
                .build()
        };
        assert_eq!(data_text(&build(&[0xff; 3]).unwrap(), 9), "(3 bytes)");
        assert_eq!(data_text(&build(b"abcdef").unwrap(), 3), "abc…");
        let none = Event::builder()
            .id("1")
            .source("/s")
            .ty("t")
            .build()
            .unwrap();
        assert_eq!(data_text(&none, 3), "-");
    }
}
