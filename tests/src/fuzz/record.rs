//! The record of one event.

use bytes::Bytes;
use vanus_types::{AttributeValue, DataKind, Event};

use super::{Target, in_proportion, same};

/// The target.
pub const TARGET: Target = Target {
    name: "record",
    seeds: || {
        let events = events();
        events.iter().map(|event| event.record().to_vec()).collect()
    },
    mend: |_| {},
    run,
    memory: in_proportion,
    evaluation: None,
};

/// Events with every attribute, every type of extension and every kind of data.
pub(super) fn events() -> Vec<Event> {
    let small = Event::builder().id("1").source("/s").ty("t");
    let large = Event::builder()
        .id("0123456789")
        .source("https://example.com/sources/1?a=b#c")
        .ty("com.example.object.changed")
        .datacontenttype("application/json")
        .dataschema("https://example.com/schema")
        .subject("a subject, in words")
        .time("2024-02-29T23:59:59.123456789Z")
        .extension("flag", AttributeValue::Boolean(true))
        .extension("number", AttributeValue::Integer(-7))
        .extension("bytes", AttributeValue::Binary(vec![0, 255]))
        .extension("text", "snowman \u{2603}")
        .json(r#"{"a":[1,2.5,"x",null,true],"b":{"c":"\u2603"}}"#);
    let text = small.clone().datacontenttype("text/plain").text("words");
    let binary = small.clone().binary(vec![7; 300]);
    let any = small
        .clone()
        .data(DataKind::Proto, [10, 3, b'a', b'/', b'b', 18, 1, 0]);
    [small, large, text, binary, any]
        .iter()
        .filter_map(|builder| builder.build().ok())
        .collect()
}

fn run(input: &[u8]) -> Result<bool, String> {
    let Ok(event) = Event::from_record(Bytes::copy_from_slice(input)) else {
        return Ok(false);
    };
    let again = event
        .parts()
        .encode()
        .map_err(|e| format!("its parts are refused: {e}"))?;
    same("record", event.record(), again.record())?;
    let built = event
        .to_builder()
        .build()
        .map_err(|e| format!("its builder refuses it: {e}"))?;
    same("built record", event.record(), built.record())?;
    Ok(true)
}
