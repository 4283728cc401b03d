//! Writes one event as one JSON object.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::value::RawValue;

use crate::{
    event::{AttributeRef, DataKind, Event},
    format::content::{is_json, is_textual},
};

/// The JSON text of `event`.
#[must_use]
pub fn encode(event: &Event) -> Vec<u8> {
    let mut out = Vec::with_capacity(event.record().len() + 128);
    encode_into(event, &mut out);
    out
}

/// Appends the JSON text of `event` to `out`.
pub fn encode_into(event: &Event, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"specversion\":\"1.0\"");
    let attributes = [
        ("id", Some(event.id())),
        ("source", Some(event.source())),
        ("type", Some(event.ty())),
        ("datacontenttype", event.datacontenttype()),
        ("dataschema", event.dataschema()),
        ("subject", event.subject()),
        ("time", event.time()),
    ];
    for (name, value) in attributes {
        if let Some(value) = value {
            put_name(out, name);
            put_string(out, value);
        }
    }
    for (name, value) in event.extensions() {
        put_name(out, name);
        match value {
            AttributeRef::Boolean(_) | AttributeRef::Integer(_) => {
                out.extend_from_slice(value.canonical().as_bytes());
            }
            _ => put_string(out, &value.canonical()),
        }
    }
    match JsonData::of(event) {
        JsonData::None => {}
        JsonData::Value(json) => {
            put_name(out, "data");
            out.extend_from_slice(json.as_bytes());
        }
        JsonData::Text(text) => {
            put_name(out, "data");
            put_string(out, text);
        }
        JsonData::Bytes(bytes) => {
            put_name(out, "data_base64");
            put_base64(out, bytes);
        }
    }
    out.push(b'}');
}

/// In which of its three forms data stands in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JsonData<'a> {
    /// There is none.
    None,
    /// A JSON value.
    Value(&'a str),
    /// A JSON string with this content.
    Text(&'a str),
    /// Base64.
    Bytes(&'a [u8]),
}

impl<'a> JsonData<'a> {
    /// Chooses the form that reads back as the same bytes; see the table of the module.
    fn of(event: &'a Event) -> Self {
        let data = event.data();
        let value = || serde_json::from_slice::<&RawValue>(data.bytes).map(RawValue::get);
        let bytes = Self::Bytes(data.bytes);
        match (data.kind, event.datacontenttype()) {
            (DataKind::None, _) => Self::None,
            (DataKind::Proto, _) => bytes,
            (_, Some(media_type)) if is_json(media_type) => value().map_or(bytes, Self::Value),
            (DataKind::Json, None) => value().map_or(bytes, Self::Value),
            (DataKind::Binary | DataKind::Text, None) => bytes,
            (kind, Some(media_type)) => {
                if kind == DataKind::Json
                    && let Ok(json) = value()
                    && !json.starts_with('"')
                {
                    return Self::Value(json);
                }
                match data.as_str() {
                    Some(text) if kind != DataKind::Binary || is_textual(media_type) => {
                        Self::Text(text)
                    }
                    _ => bytes,
                }
            }
        }
    }
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    // Names are letters and digits: nothing to escape.
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    // Writing a string to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

fn put_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    // Whole groups of three bytes at a time, so that no second buffer is needed.
    let mut buffer = [0; 1024];
    for chunk in bytes.chunks(768) {
        let written = STANDARD.encode_slice(chunk, &mut buffer).unwrap_or(0);
        out.extend_from_slice(buffer.get(..written).unwrap_or_default());
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::json::decode;

    fn json(kind: DataKind, media_type: Option<&str>, data: &[u8]) -> String {
        let mut builder = Event::builder().id("i").source("/s").ty("t");
        if let Some(media_type) = media_type {
            builder = builder.datacontenttype(media_type);
        }
        let event = builder.data(kind, data).build().unwrap();
        let text = encode(&event);
        let again = decode(&text).unwrap();
        assert_eq!(again.datacontenttype(), media_type);
        assert_eq!(again.data().bytes.trim_ascii(), data.trim_ascii());
        let text = String::from_utf8(text).unwrap();
        text.split_once("\"t\"").unwrap().1.to_owned()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one table")]
    fn data_takes_the_most_readable_form_that_keeps_its_bytes() {
        use DataKind::{Binary, Json, None as Nothing, Proto, Text};
        let any = "application/json";
        for (kind, media_type, data, expected) in [
            (Nothing, None, "", "}"),
            (Json, None, "{\"a\": 1}", ",\"data\":{\"a\": 1}}"),
            (Json, None, "no json", ",\"data_base64\":\"bm8ganNvbg==\"}"),
            (Binary, None, "1", ",\"data_base64\":\"MQ==\"}"),
            (Text, None, "1", ",\"data_base64\":\"MQ==\"}"),
            (
                Binary,
                Some(any),
                " [1] ",
                ",\"datacontenttype\":\"application/json\",\"data\":[1]}",
            ),
            (
                Text,
                Some(any),
                "{",
                ",\"datacontenttype\":\"application/json\",\"data_base64\":\"ew==\"}",
            ),
            (
                Text,
                Some("a/b"),
                "{",
                ",\"datacontenttype\":\"a/b\",\"data\":\"{\"}",
            ),
            (
                Binary,
                Some("a/b"),
                "{",
                ",\"datacontenttype\":\"a/b\",\"data_base64\":\"ew==\"}",
            ),
            (
                Binary,
                Some("text/x"),
                "\"\n",
                ",\"datacontenttype\":\"text/x\",\"data\":\"\\\"\\n\"}",
            ),
            (
                Json,
                Some("text/x"),
                "{}",
                ",\"datacontenttype\":\"text/x\",\"data\":{}}",
            ),
            (
                Json,
                Some("text/x"),
                "\"q\"",
                ",\"datacontenttype\":\"text/x\",\"data\":\"\\\"q\\\"\"}",
            ),
            (
                Proto,
                Some("text/x"),
                "p",
                ",\"datacontenttype\":\"text/x\",\"data_base64\":\"cA==\"}",
            ),
        ] {
            assert_eq!(json(kind, media_type, data.as_bytes()), expected);
        }
        let latin = json(Binary, Some("text/plain"), b"\xFF");
        assert_eq!(
            latin,
            ",\"datacontenttype\":\"text/plain\",\"data_base64\":\"/w==\"}"
        );
    }

    #[test]
    fn long_bytes_make_one_base64_text() {
        for length in [0, 1, 767, 768, 769, 2000] {
            let data: Vec<u8> = (0..length).map(|i| (i % 256) as u8).collect();
            let text = json(DataKind::Binary, None, &data);
            let expected = format!(",\"data_base64\":\"{}\"}}", STANDARD.encode(&data));
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn attributes_keep_the_types_json_has() {
        let event = Event::builder()
            .id("i\"")
            .source("/s")
            .ty("t")
            .subject("€")
            .extension("yes", true)
            .extension("n", -7)
            .extension("b", vec![0, 1])
            .build()
            .unwrap();
        assert_eq!(
            String::from_utf8(encode(&event)).unwrap(),
            r#"{"specversion":"1.0","id":"i\"","source":"/s","type":"t","subject":"€","b":"AAE=","n":-7,"yes":true}"#
        );
    }
}
