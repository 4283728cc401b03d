//! Reads one event in one pass over the text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::members::Members;
use crate::{event::Event, format::DecodeError};

/// Longest part of a parser's message that is shown; it may quote the text.
const SHOWN: usize = 200;

/// Reads one event.
///
/// # Errors
/// [`DecodeError`] when the bytes are no JSON object, or the event in it is invalid.
pub fn decode(bytes: &[u8]) -> Result<Event, DecodeError> {
    let mut problem = None;
    parse(bytes, EventSeed(&mut problem)).map_err(|error| problem.take().unwrap_or(error))
}

/// Reads one JSON text to its end.
pub(in crate::format) fn parse<'de, S: DeserializeSeed<'de>>(
    bytes: &'de [u8],
    seed: S,
) -> Result<S::Value, DecodeError> {
    // Checked once as a whole: strings need no check of their own afterwards.
    let text = std::str::from_utf8(bytes)
        .map_err(|error| DecodeError::Json(format!("byte {} is not UTF-8", error.valid_up_to())))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut json);
    let ended = value.and_then(|value| json.end().map(|()| value));
    ended.map_err(|error| DecodeError::Json(error.to_string().chars().take(SHOWN).collect()))
}

/// Reads an event out of any JSON text. A problem that is not one of JSON itself is left in the
/// given place, as the parser's error can only be a sentence.
#[derive(Debug)]
pub(in crate::format) struct EventSeed<'p>(pub(in crate::format) &'p mut Option<DecodeError>);

impl<'de> DeserializeSeed<'de> for EventSeed<'_> {
    type Value = Event;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Event, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_> {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event: a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let mut members = Members::default();
        let read = members.read(&mut map)?;
        read.and_then(|()| members.encode()).map_err(|problem| {
            let sentence = A::Error::custom(&problem);
            *self.0 = Some(problem);
            sentence
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::Coded,
        event::{AttributeRef, Data, DataKind, InvalidEvent},
        limits::MAX_EXTENSIONS,
    };

    const BASE: &str = r#""specversion":"1.0","id":"i","source":"/s","type":"t""#;

    fn with(members: &str) -> Result<Event, DecodeError> {
        let comma = if members.is_empty() { "" } else { "," };
        decode(format!("{{{BASE}{comma}{members}}}").as_bytes())
    }

    fn data(members: &str) -> (DataKind, Vec<u8>) {
        let event = with(members).unwrap();
        (event.data().kind, event.data().bytes.to_vec())
    }

    #[test]
    fn every_attribute_type_json_has_is_read() {
        let event = with(
            r#""ext":"text","whole":-2147483648,"zero":-0,"yes":true,"no":false,
               "subject":"\u20ac \"q\" \ud83d\ude00","time":"2018-04-05T17:31:00Z",
               "dataschema":"https://a.b/c","datacontenttype":"text/plain""#,
        )
        .unwrap();
        assert_eq!(event.subject(), Some("€ \"q\" 😀"));
        assert_eq!(event.time(), Some("2018-04-05T17:31:00Z"));
        assert_eq!(event.dataschema(), Some("https://a.b/c"));
        assert_eq!(event.attribute("ext"), Some(AttributeRef::String("text")));
        assert_eq!(
            event.attribute("whole"),
            Some(AttributeRef::Integer(i32::MIN))
        );
        assert_eq!(event.attribute("zero"), Some(AttributeRef::Integer(0)));
        assert_eq!(event.attribute("yes"), Some(AttributeRef::Boolean(true)));
        assert_eq!(event.attribute("no"), Some(AttributeRef::Boolean(false)));
    }

    #[test]
    fn an_attribute_that_is_null_is_absent() {
        let event = with(r#""subject":null,"ext":null,"data_base64":null,"data":1"#).unwrap();
        assert_eq!((event.subject(), event.attribute("ext")), (None, None));
        assert_eq!(event.data(), Data::new(DataKind::Json, b"1"));
        let missing = decode(br#"{"specversion":"1.0","id":null,"source":"/s","type":"t"}"#);
        assert_eq!(missing, Err(InvalidEvent::Missing("id").into()));
    }

    #[test]
    fn required_attributes_are_required() {
        for name in ["specversion", "id", "source", "type"] {
            let members: Vec<_> = BASE
                .split(',')
                .filter(|member| !member.starts_with(&format!("\"{name}\"")))
                .collect();
            let text = format!("{{{}}}", members.join(","));
            assert_eq!(
                decode(text.as_bytes()),
                Err(InvalidEvent::Missing(name).into())
            );
        }
        let old = decode(br#"{"specversion":"0.3","id":"i","source":"/s","type":"t"}"#);
        assert_eq!(old, Err(InvalidEvent::SpecVersion("0.3".into()).into()));
    }

    #[test]
    fn values_no_attribute_can_have_are_refused() {
        for member in [
            r#""a":2147483648"#,
            r#""a":-2147483649"#,
            r#""a":18446744073709551615"#,
            r#""a":1e999"#,
            r#""a":1.0"#,
            r#""a":1e2"#,
            r#""a":{}"#,
            r#""a":[[1]]"#,
            r#""subject":1"#,
            r#""time":true"#,
            r#""data_base64":7"#,
        ] {
            assert!(
                matches!(
                    with(member),
                    Err(DecodeError::MemberType { .. } | DecodeError::Json(_))
                ),
                "{member}"
            );
        }
        let number = br#"{"specversion":1.0,"id":"i","source":"/s","type":"t"}"#;
        assert!(matches!(
            decode(number),
            Err(DecodeError::MemberType { .. })
        ));
    }

    #[test]
    fn a_member_twice_is_refused_even_if_null() {
        for members in [
            r#""id":"j""#,
            r#""subject":null,"subject":"x""#,
            r#""a":1,"a":1"#,
            r#""a":null,"a":1"#,
            r#""a":1,"\u0061":2"#,
            r#""data":1,"data":1"#,
            r#""data_base64":null,"data_base64":"AA==""#,
        ] {
            assert!(
                matches!(
                    with(members),
                    Err(DecodeError::Invalid(InvalidEvent::Duplicate(_)))
                ),
                "{members}"
            );
        }
    }

    #[test]
    fn json_data_is_kept_byte_for_byte() {
        for (json, members) in [
            ("{ \"a\" : 1.50 }", ""),
            ("\"text\"", ""),
            ("null", ""),
            ("1e400", r#""datacontenttype":"application/json","#),
            ("[\n]", r#""datacontenttype":"text/x+JSON; a=b","#),
            ("{\"a\":1,\"a\":2}", r#""datacontenttype":"text/plain","#),
        ] {
            let expected = (DataKind::Json, json.as_bytes().to_vec());
            assert_eq!(data(&format!("{members}\"data\":  {json} ")), expected);
        }
        // The content type may follow the data.
        assert_eq!(
            data(r#""data":"x\ny","datacontenttype":"text/plain""#),
            (DataKind::Text, b"x\ny".to_vec())
        );
    }

    #[test]
    fn text_and_bytes_are_read() {
        assert_eq!(
            data(r#""datacontenttype":"text/plain","data":"a\u0000\"b""#),
            (DataKind::Text, b"a\0\"b".to_vec())
        );
        assert_eq!(
            data(r#""data_base64":"AAECAw==""#),
            (DataKind::Binary, vec![0, 1, 2, 3])
        );
        assert_eq!(data(r#""data_base64":"""#), (DataKind::Binary, vec![]));
        assert_eq!(
            data(r#""data":null,"data_base64":"AA==""#),
            (DataKind::Binary, vec![0])
        );
        assert_eq!(data(""), (DataKind::None, vec![]));
    }

    #[test]
    fn broken_data_is_refused() {
        assert_eq!(
            with(r#""data":"x","data_base64":"AA==""#),
            Err(DecodeError::DataTwice)
        );
        for bad in ["AA", "A===", "AA==AA==", "*", "_-8="] {
            assert!(
                matches!(
                    with(&format!(r#""data_base64":"{bad}""#)),
                    Err(DecodeError::Base64(_))
                ),
                "{bad}"
            );
        }
        assert!(with(r#""datacontenttype":"text/plain","data":"\ud800""#).is_err());
    }

    #[test]
    fn what_is_no_json_object_is_refused_with_the_place() {
        for bad in [
            "",
            "[]",
            "\"x\"",
            "1",
            "{",
            "{BASE}x",
            "{\"id\":}",
            "\u{FEFF}{}",
            "{\"id\":\"a\nb\"}",
        ] {
            let bad = bad.replace("BASE", BASE);
            let error = decode(bad.as_bytes()).unwrap_err();
            assert_eq!(error.code(), crate::ErrorCode::InvalidJson, "{bad:?}");
        }
        assert_eq!(
            decode(b"{\"id\":\"\xFF\"}"),
            Err(DecodeError::Json("byte 7 is not UTF-8".into()))
        );
        let long = format!("\"{}\"", "x".repeat(100_000));
        assert!(decode(long.as_bytes()).unwrap_err().to_string().len() < 300);
    }

    #[test]
    fn deep_nesting_and_many_members_are_bounded() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(data(&format!("\"data\":{deep}")).1.len(), 200_000);
        assert!(with(&format!("\"a\":{deep}")).is_err());
        let many: Vec<_> = (0..=MAX_EXTENSIONS)
            .map(|i| format!("\"e{i}\":null"))
            .collect();
        assert!(matches!(
            with(&many.join(",")),
            Err(DecodeError::Invalid(InvalidEvent::TooManyExtensions(_)))
        ));
    }
}
