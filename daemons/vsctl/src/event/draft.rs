//! Events from the command line and from files.

use serde_json::value::RawValue;
use vanus_types::{
    Clock, Entropy, ErrorCode, Event, Fault, event::timestamp::format_ms, format::json,
};

use super::put::DataFormat;
use crate::{error::CliError, parse::Pair};

/// The source of an event whose source is not named.
const SOURCE: &str = "/vsctl";

/// The type of an event whose type is not named.
const TYPE: &str = "vsctl.event";

/// The attributes and data of one event as they were named.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) source: Option<&'a str>,
    pub(super) ty: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) extensions: &'a [Pair],
    pub(super) data: Option<&'a str>,
    pub(super) format: DataFormat,
}

impl Draft<'_> {
    /// The event; what is not named is made up.
    pub(super) fn event(
        &self,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Event, CliError> {
        let mut builder = Event::builder()
            .id(self.id.map_or_else(|| random_id(entropy), str::to_owned))
            .source(self.source.unwrap_or(SOURCE))
            .ty(self.ty.unwrap_or(TYPE))
            .time(format_ms(clock.now_ms()));
        if let Some(subject) = self.subject {
            builder = builder.subject(subject);
        }
        for (name, value) in self.extensions {
            builder = builder.extension(name, value.as_str());
        }
        builder = match (self.data, self.format) {
            (None, _) => builder,
            (Some(text), DataFormat::Plain) => builder.datacontenttype("text/plain").text(text),
            (Some(text), DataFormat::Json) => {
                check_json(text)?;
                builder.json(text)
            }
        };
        builder.build().map_err(|error| CliError::invalid(&error))
    }
}

fn check_json(text: &str) -> Result<(), CliError> {
    serde_json::from_str::<&RawValue>(text)
        .map(drop)
        .map_err(|error| {
            let message =
                format!("the data is no JSON: {error}; for other text use --data-format plain");
            CliError::Invalid(Fault::new(ErrorCode::InvalidJson, message))
        })
}

/// A random UUID, version 4.
fn random_id(entropy: &dyn Entropy) -> String {
    let (high, low) = (entropy.next_u64(), entropy.next_u64());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFF,
        0x8000 | ((low >> 48) & 0x3FFF),
        low & 0xFFFF_FFFF_FFFF,
    )
}

/// The events of a file: CloudEvents in JSON, one after the other or in arrays.
pub(super) fn events_of(path: &str, bytes: &[u8]) -> Result<Vec<Event>, CliError> {
    let wrong = |number: usize, what: &dyn std::fmt::Display| {
        let message = format!("event {number} of {path} cannot be read: {what}");
        CliError::Invalid(Fault::new(ErrorCode::InvalidEvent, message))
    };
    let mut events = Vec::new();
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>() {
        let value = value
            .map_err(|error| wrong(events.len() + 1, &error))?
            .get();
        let several: Vec<&RawValue> = if value.starts_with('[') {
            serde_json::from_str(value).map_err(|error| wrong(events.len() + 1, &error))?
        } else {
            vec![serde_json::from_str(value).map_err(|error| wrong(events.len() + 1, &error))?]
        };
        for one in several {
            let event = json::decode(one.get().as_bytes());
            events.push(event.map_err(|error| wrong(events.len() + 1, &error))?);
        }
    }
    if events.is_empty() {
        return Err(CliError::argument(format!("{path} holds no event")));
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use vanus_types::{ManualClock, SeededEntropy};

    use super::*;

    const NOTHING: Draft<'_> = Draft {
        id: None,
        source: None,
        ty: None,
        subject: None,
        extensions: &[],
        data: None,
        format: DataFormat::Json,
    };

    fn build(draft: &Draft<'_>) -> Result<Event, CliError> {
        draft.event(&ManualClock::new(0), &SeededEntropy::new(1))
    }

    #[test]
    fn what_is_not_named_is_made_up() {
        let event = build(&NOTHING).unwrap();
        assert_eq!((event.source(), event.ty()), ("/vsctl", "vsctl.event"));
        assert_eq!(event.time(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(event.id().len(), 36);
        assert_eq!(event.id().as_bytes()[14], b'4');
        assert!(event.data().is_none());
    }

    #[test]
    fn json_data_must_be_json_and_other_text_is_plain() {
        let json = build(&Draft {
            data: Some("{\"a\": 1}"),
            ..NOTHING
        })
        .unwrap();
        assert_eq!(json.datacontenttype(), Some("application/json"));
        let error = build(&Draft {
            data: Some("hello"),
            ..NOTHING
        })
        .unwrap_err();
        assert!(error.to_string().contains("--data-format plain"), "{error}");
        let plain = Draft {
            data: Some("hello"),
            format: DataFormat::Plain,
            ..NOTHING
        };
        assert_eq!(build(&plain).unwrap().datacontenttype(), Some("text/plain"));
    }

    #[test]
    fn a_file_holds_events_one_after_the_other_or_in_lists() {
        let one = |id: u8| {
            format!("{{\"specversion\":\"1.0\",\"id\":\"{id}\",\n\"source\":\"/\",\"type\":\"t\"}}")
        };
        let text = format!("{}\n{}\n[{}, {}]", one(1), one(2), one(3), one(4));
        let events = events_of("f", text.as_bytes()).unwrap();
        let ids: Vec<_> = events.iter().map(|event| event.id().to_owned()).collect();
        assert_eq!(ids, ["1", "2", "3", "4"]);
    }

    #[test]
    fn a_file_with_a_broken_event_says_which_one() {
        let text =
            "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/\",\"type\":\"t\"}\n{\"id\":1}";
        assert!(
            events_of("f", text.as_bytes())
                .unwrap_err()
                .to_string()
                .contains("event 2 of f")
        );
        assert!(
            events_of("f", b"nonsense")
                .unwrap_err()
                .to_string()
                .contains("event 1 of f")
        );
        assert!(
            events_of("f", b" ")
                .unwrap_err()
                .to_string()
                .contains("no event")
        );
    }
}
