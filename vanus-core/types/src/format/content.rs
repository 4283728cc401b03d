//! Media types: which content mode a message has, and what kind of data a type announces.

use super::error::DecodeError;

/// Media type of one event in the JSON format.
pub(super) const STRUCTURED: &str = "application/cloudevents";
/// Start of the media types of batches.
pub(super) const BATCH: &str = "application/cloudevents-batch";

/// How events are written in a structured or batched message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFormat {
    /// The JSON event format.
    Json,
    /// The protobuf event format.
    Protobuf,
}

/// How a message carries events (HTTP binding 1.0.2, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentMode {
    /// Attributes are headers, the body is the data.
    Binary,
    /// The body is one event.
    Structured(WireFormat),
    /// The body is a list of events.
    Batch(WireFormat),
}

impl ContentMode {
    /// The mode of a message with this content type; `has_attributes` says whether it has any
    /// `ce-` header.
    ///
    /// The media type decides alone where it is one of CloudEvents, so that a structured message
    /// may repeat attributes as headers. Letter case does not matter.
    ///
    /// # Errors
    /// [`DecodeError::Format`] for a format that is not read here, and [`DecodeError::NoEvent`]
    /// where nothing says that the message is an event.
    pub fn detect(content_type: Option<&str>, has_attributes: bool) -> Result<Self, DecodeError> {
        let essence = essence(content_type.unwrap_or_default());
        let unknown = || DecodeError::Format {
            content_type: essence.to_owned(),
        };
        // Every batch type starts like a structured one, so batch comes first.
        if let Some(format) = strip_prefix(essence, BATCH) {
            return Ok(Self::Batch(WireFormat::of(format).ok_or_else(unknown)?));
        }
        if let Some(format) = strip_prefix(essence, STRUCTURED) {
            return Ok(Self::Structured(
                WireFormat::of(format).ok_or_else(unknown)?,
            ));
        }
        if has_attributes {
            return Ok(Self::Binary);
        }
        Err(DecodeError::NoEvent {
            content_type: essence.to_owned(),
        })
    }
}

impl WireFormat {
    fn of(suffix: &str) -> Option<Self> {
        match suffix {
            _ if suffix.eq_ignore_ascii_case("+json") => Some(Self::Json),
            _ if suffix.eq_ignore_ascii_case("+protobuf") => Some(Self::Protobuf),
            _ => None,
        }
    }
}

/// Whether data of this media type is JSON: `*/json` or `*/*+json`.
#[must_use]
pub fn is_json(media_type: &str) -> bool {
    let subtype = subtype(media_type);
    subtype.eq_ignore_ascii_case("json") || ends_with(subtype, "+json")
}

/// Whether data of this media type is text that people read: `text/*`, XML, YAML, scripts and
/// forms.
#[must_use]
pub fn is_textual(media_type: &str) -> bool {
    const SUBTYPES: [&str; 7] = [
        "xml",
        "yaml",
        "x-yaml",
        "javascript",
        "ecmascript",
        "graphql",
        "x-www-form-urlencoded",
    ];
    let subtype = subtype(media_type);
    strip_prefix(essence(media_type), "text/").is_some()
        || SUBTYPES
            .iter()
            .any(|text| subtype.eq_ignore_ascii_case(text))
        || ends_with(subtype, "+xml")
        || ends_with(subtype, "+yaml")
}

/// The media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn subtype(media_type: &str) -> &str {
    essence(media_type)
        .split_once('/')
        .map_or("", |(_, subtype)| subtype)
}

/// What follows `prefix`, whose letter case does not matter.
pub(super) fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn ends_with(text: &str, suffix: &str) -> bool {
    let start = text.len().saturating_sub(suffix.len());
    text.get(start..)
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_decides_the_mode_before_any_header_does() {
        use ContentMode::{Batch, Binary, Structured};
        let cases = [
            ("application/cloudevents+json", Structured(WireFormat::Json)),
            (
                "Application/CloudEvents+JSON; charset=utf-8",
                Structured(WireFormat::Json),
            ),
            (
                "application/cloudevents+protobuf",
                Structured(WireFormat::Protobuf),
            ),
            (
                "application/cloudevents-batch+json",
                Batch(WireFormat::Json),
            ),
            (
                "application/cloudevents-batch+protobuf ;x=y",
                Batch(WireFormat::Protobuf),
            ),
        ];
        for (content_type, mode) in cases {
            for headers in [true, false] {
                assert_eq!(ContentMode::detect(Some(content_type), headers), Ok(mode));
            }
        }
        for content_type in [None, Some("text/plain"), Some("application/json"), Some("")] {
            assert_eq!(ContentMode::detect(content_type, true), Ok(Binary));
            assert!(matches!(
                ContentMode::detect(content_type, false),
                Err(DecodeError::NoEvent { .. })
            ));
        }
    }

    #[test]
    fn an_unknown_event_format_is_refused_even_with_attribute_headers() {
        for content_type in [
            "application/cloudevents",
            "application/cloudevents+xml",
            "application/cloudevents-batch",
            "application/cloudevents-batch+avro",
            "application/cloudevents+jsonx",
        ] {
            assert!(
                matches!(
                    ContentMode::detect(Some(content_type), true),
                    Err(DecodeError::Format { .. })
                ),
                "{content_type}"
            );
        }
    }

    #[test]
    fn json_and_text_are_told_by_the_subtype() {
        for json in [
            "application/json",
            "text/JSON",
            "application/vnd.a+json; charset=utf-8",
        ] {
            assert!(is_json(json), "{json}");
        }
        for other in [
            "",
            "json",
            "application/jsonx",
            "application/json-seq",
            "text/plain",
        ] {
            assert!(!is_json(other), "{other}");
        }
        for text in [
            "text/plain; x=y",
            "application/xml",
            "image/svg+xml",
            "TEXT/csv",
        ] {
            assert!(is_textual(text), "{text}");
        }
        for other in [
            "application/octet-stream",
            "application/json",
            "image/png",
            "text",
        ] {
            assert!(!is_textual(other), "{other}");
        }
    }
}
