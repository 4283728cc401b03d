//! The JSON batch format: a JSON array of events.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use super::{
    error::DecodeError,
    json::{self, EventSeed, parse},
};
use crate::{event::Event, limits::MAX_BATCH_EVENTS};

/// Reads all events of a batch, one after the other; an empty batch is valid.
///
/// # Errors
/// [`DecodeError`] when the bytes are no JSON array, have more than
/// [`MAX_BATCH_EVENTS`] elements, or one of them is no event; then none is
/// taken.
pub fn decode(bytes: &[u8]) -> Result<Vec<Event>, DecodeError> {
    let mut problem = None;
    parse(bytes, BatchSeed(&mut problem)).map_err(|error| problem.take().unwrap_or(error))
}

/// The JSON text of a batch.
#[must_use]
pub fn encode(events: &[Event]) -> Vec<u8> {
    let length: usize = events.iter().map(|event| event.record().len() + 128).sum();
    let mut out = Vec::with_capacity(length + 2);
    out.push(b'[');
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::encode_into(event, &mut out);
    }
    out.push(b']');
    out
}

struct BatchSeed<'p>(&'p mut Option<DecodeError>);

impl<'de> DeserializeSeed<'de> for BatchSeed<'_> {
    type Value = Vec<Event>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Event>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for BatchSeed<'_> {
    type Value = Vec<Event>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch: a JSON array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Event>, A::Error> {
        let mut events = Vec::new();
        loop {
            let mut problem = None;
            let element = list.next_element_seed(EventSeed(&mut problem));
            if let Some(problem) = problem {
                *self.0 = Some(problem.at(events.len()));
            }
            let Some(event) = element? else {
                return Ok(events);
            };
            if events.len() == MAX_BATCH_EVENTS {
                *self.0 = Some(DecodeError::TooManyEvents);
                return Err(A::Error::custom("too many events"));
            }
            events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::InvalidEvent;

    const EVENT: &str = r#"{"specversion":"1.0","id":"i","source":"/s","type":"t"}"#;

    #[test]
    fn batches_of_any_length_come_back() {
        for count in [0, 1, 3] {
            let text = format!("[{}]", vec![EVENT; count].join(" , "));
            let events = decode(text.as_bytes()).unwrap();
            assert_eq!(events.len(), count);
            assert_eq!(decode(&encode(&events)).unwrap(), events);
        }
    }

    #[test]
    fn the_bad_event_is_named_by_its_place() {
        let text = format!("[{EVENT},{EVENT},{}]", EVENT.replace("1.0", "0.9"));
        let expected = DecodeError::from(InvalidEvent::SpecVersion("0.9".into())).at(2);
        assert_eq!(decode(text.as_bytes()), Err(expected));
    }

    #[test]
    fn what_is_no_array_of_objects_is_refused() {
        for bad in [
            EVENT.to_owned(),
            format!("[{EVENT},]"),
            format!("[{EVENT}"),
            format!("[{EVENT}]x"),
            format!("[null,{EVENT}]"),
            format!("[\"x\",{EVENT}]"),
        ] {
            assert!(
                matches!(decode(bad.as_bytes()), Err(DecodeError::Json(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn too_many_events_are_refused() {
        let mut text = String::from("[");
        for _ in 0..MAX_BATCH_EVENTS {
            text.push_str(EVENT);
            text.push(',');
        }
        let full = format!("{}]", text.trim_end_matches(','));
        assert_eq!(decode(full.as_bytes()).unwrap().len(), MAX_BATCH_EVENTS);
        let more = format!("{text}{EVENT}]");
        assert_eq!(decode(more.as_bytes()), Err(DecodeError::TooManyEvents));
    }
}
