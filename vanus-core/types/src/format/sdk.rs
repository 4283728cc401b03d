//! Conversions to and from the `Event` of cloudevents-sdk.
//!
//! That type knows three types of extensions, parses JSON data and holds `dataschema` as a URL and
//! `time` in UTC, so a round trip keeps the meaning, not always the bytes. Its data keeps its
//! kind: bytes stay bytes even if their content type is JSON.

use cloudevents::{
    AttributesReader as _, AttributesWriter as _, Data as SdkData, Event as SdkEvent,
    event::{ExtensionValue, SpecVersion, TryIntoTime as _, TryIntoUrl as _},
};

use crate::{
    error::{Coded, ErrorCode},
    event::{AttributeRef, DataKind, Event, InvalidEvent, timestamp},
};

impl From<Event> for SdkEvent {
    /// Binary extensions become base64; a protobuf `Any` becomes its bytes; JSON data that the
    /// other side cannot hold, such as a number beyond its floats, becomes a string. A
    /// `dataschema` that its URL parser refuses is left out.
    fn from(event: Event) -> Self {
        let mut sdk = Self::default();
        sdk.set_id(event.id());
        sdk.set_source(event.source());
        sdk.set_type(event.ty());
        sdk.set_subject(event.subject());
        sdk.set_datacontenttype(event.datacontenttype());
        sdk.set_dataschema(event.dataschema().and_then(|uri| uri.into_url().ok()));
        // Written anew, so that a leap second or a small t does not get in the way.
        let time = event.time().and_then(timestamp::parse);
        let time = time.and_then(|(seconds, nanos)| timestamp::format(seconds, nanos));
        sdk.set_time(time.and_then(|text| text.into_time().ok()));
        for (name, value) in event.extensions() {
            let value = match value {
                AttributeRef::Boolean(value) => ExtensionValue::Boolean(value),
                AttributeRef::Integer(value) => ExtensionValue::Integer(value.into()),
                other => ExtensionValue::String(other.canonical().into_owned()),
            };
            sdk.set_extension(name, value);
        }
        let data = event.data();
        let text = || String::from_utf8_lossy(data.bytes).into_owned();
        let data = match data.kind {
            DataKind::None => return sdk,
            DataKind::Binary | DataKind::Proto => SdkData::Binary(data.bytes.to_vec()),
            DataKind::Text => SdkData::String(text()),
            DataKind::Json => serde_json::from_slice(data.bytes)
                .map_or_else(|_| SdkData::String(text()), SdkData::Json),
        };
        sdk.set_data_unchecked(data);
        sdk
    }
}

/// Why an event of cloudevents-sdk is none here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FromSdkError {
    /// It breaks a rule of CloudEvents 1.0.2 or passes a limit.
    #[error(transparent)]
    Invalid(#[from] InvalidEvent),
    /// An extension is a number that needs more than 32 bits.
    #[error("extension \"{name}\" is {value}, an integer attribute has 32 bits")]
    Integer {
        /// The extension.
        name: String,
        /// Its value.
        value: i64,
    },
}

impl Coded for FromSdkError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(invalid) => invalid.code(),
            Self::Integer { .. } => ErrorCode::InvalidEvent,
        }
    }
}

impl TryFrom<SdkEvent> for Event {
    type Error = FromSdkError;

    fn try_from(sdk: SdkEvent) -> Result<Self, FromSdkError> {
        if sdk.specversion() != SpecVersion::V10 {
            return Err(InvalidEvent::SpecVersion(sdk.specversion().to_string()).into());
        }
        let mut builder = Self::builder()
            .id(sdk.id())
            .source(sdk.source())
            .ty(sdk.ty());
        if let Some(subject) = sdk.subject() {
            builder = builder.subject(subject);
        }
        if let Some(time) = sdk.time() {
            builder = builder.time(time.to_rfc3339());
        }
        if let Some(media_type) = sdk.datacontenttype() {
            builder = builder.datacontenttype(media_type);
        }
        if let Some(uri) = sdk.dataschema() {
            builder = builder.dataschema(uri.as_str());
        }
        for (name, value) in sdk.iter_extensions() {
            builder = match value {
                ExtensionValue::String(text) => builder.extension(name, text.as_str()),
                ExtensionValue::Boolean(value) => builder.extension(name, *value),
                ExtensionValue::Integer(value) => {
                    let narrow = i32::try_from(*value).map_err(|_| FromSdkError::Integer {
                        name: name.to_owned(),
                        value: *value,
                    })?;
                    builder.extension(name, narrow)
                }
            };
        }
        builder = match sdk.data() {
            None => builder,
            Some(SdkData::Binary(bytes)) => builder.binary(bytes.as_slice()),
            Some(SdkData::String(text)) => builder.text(text.as_str()),
            Some(SdkData::Json(value)) => builder.data(DataKind::Json, value.to_string()),
        };
        Ok(builder.build()?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::AttributeValue;

    fn full() -> crate::EventBuilder {
        Event::builder()
            .id("i")
            .source("/s")
            .ty("t")
            .subject("sub")
            .time("2018-04-05T17:31:00.5+01:00")
            .datacontenttype("application/json")
            .dataschema("https://a.b/c")
            .extension("yes", true)
            .extension("n", -7)
            .extension("blob", vec![0, 255])
            .extension("uri", AttributeValue::UriRef("/r".into()))
    }

    #[test]
    fn every_attribute_crosses_over_and_back() {
        let sdk = SdkEvent::from(full().json("{\"a\": [1]}").build().unwrap());
        assert_eq!(
            (sdk.id(), sdk.source().as_str(), sdk.ty()),
            ("i", "/s", "t")
        );
        assert_eq!(sdk.subject(), Some("sub"));
        assert_eq!(sdk.extension("n"), Some(&ExtensionValue::Integer(-7)));
        assert_eq!(
            sdk.extension("blob"),
            Some(&ExtensionValue::String("AP8=".into()))
        );
        assert_eq!(sdk.data(), Some(&SdkData::Json(json!({"a": [1]}))));
        let again = Event::try_from(sdk).unwrap();
        assert_eq!(again.dataschema(), Some("https://a.b/c"));
        assert_eq!(
            again.time().and_then(timestamp::parse),
            timestamp::parse("2018-04-05T16:31:00.5Z")
        );
        assert_eq!(again.attribute("yes"), Some(AttributeRef::Boolean(true)));
        assert_eq!(again.attribute("uri"), Some(AttributeRef::String("/r")));
        assert_eq!(again.data().bytes, b"{\"a\":[1]}");
    }

    #[test]
    fn data_keeps_its_kind() {
        for (event, expected) in [
            (full().binary(*b"{}"), Some(SdkData::Binary(b"{}".to_vec()))),
            (full().text("x"), Some(SdkData::String("x".into()))),
            (full().json("1e999"), Some(SdkData::String("1e999".into()))),
            (full(), None),
        ] {
            let sdk = SdkEvent::from(event.build().unwrap());
            assert_eq!(sdk.data(), expected.as_ref());
            let again = Event::try_from(sdk.clone()).unwrap();
            assert_eq!(SdkEvent::from(again), sdk);
        }
    }

    #[test]
    fn what_has_no_counterpart_is_left_out_or_refused() {
        let event = full().dataschema("http://[bad").build().unwrap();
        assert_eq!(SdkEvent::from(event).dataschema(), None);
        let mut sdk = SdkEvent::from(full().build().unwrap());
        sdk.set_extension("big", i64::MAX);
        assert!(matches!(
            Event::try_from(sdk),
            Err(FromSdkError::Integer { .. })
        ));
        let mut sdk = SdkEvent::default();
        sdk.set_extension("Bad", "x");
        assert!(matches!(
            Event::try_from(sdk),
            Err(FromSdkError::Invalid(_))
        ));
        let mut sdk = SdkEvent::default();
        sdk.set_id("");
        assert!(Event::try_from(sdk).is_err());
    }
}
