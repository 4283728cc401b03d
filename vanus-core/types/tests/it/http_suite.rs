//! The black-box cases of the HTTP binding and the JSON format.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use vanus_types::{
    AttributeRef, Event,
    format::{decode_http, is_json},
};

#[derive(serde::Deserialize)]
struct Case {
    id: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_b64: Option<String>,
    expect: Expectation,
}

#[derive(serde::Deserialize)]
struct Expectation {
    /// `true`, `false` or `"either"`.
    accept: Value,
    events: Option<Vec<Map<String, Value>>>,
}

/// The cases, or nothing where the suites are not there.
fn cases() -> Option<Vec<Case>> {
    let suites = std::env::var_os("VANUS_SUITES").map(PathBuf::from);
    let suites = suites
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites"));
    let path = suites.join("cloudevents-http/cases.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        let mut err = std::io::stderr();
        // Written past the capture of the test harness: nobody shall take this for a pass.
        let _ = writeln!(
            err,
            "SKIPPED: no suite at {}, set VANUS_SUITES",
            path.display()
        );
        return None;
    };
    let parse = |line: &str| serde_json::from_str(line).unwrap();
    Some(
        text.lines()
            .filter(|line| !line.is_empty())
            .map(parse)
            .collect(),
    )
}

#[test]
fn all_cases_of_the_http_suite_hold() {
    let Some(cases) = cases() else { return };
    assert!(cases.len() >= 46, "only {} cases", cases.len());
    let failures: Vec<_> = cases.iter().filter_map(|case| judge(case).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn judge(case: &Case) -> Result<(), String> {
    use base64::Engine as _;
    let body = match (&case.body, &case.body_b64) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(text)) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap(),
        (None, None) => Vec::new(),
    };
    let content_type = case
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let headers = || {
        let pairs = case.headers.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_bytes()))
    };
    let content_type = content_type.map(|(_, value)| value.as_str());
    let decoded = decode_http(content_type, headers, &body);
    match (&case.expect.accept, decoded) {
        (Value::Bool(true), Ok(events)) => {
            let expected = case.expect.events.as_deref().unwrap_or_default();
            if events.len() != expected.len() {
                return Err(format!("{}: {} events", case.id, events.len()));
            }
            events
                .iter()
                .zip(expected)
                .try_for_each(|(event, expected)| {
                    compare(event, expected).map_err(|why| format!("{}: {why}", case.id))
                })
        }
        (Value::Bool(true), Err(error)) => Err(format!("{}: refused: {error}", case.id)),
        (Value::Bool(false), Ok(events)) => Err(format!("{}: accepted: {events:?}", case.id)),
        _ => Ok(()),
    }
}

fn compare(event: &Event, expected: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in expected {
        let same = match (name.as_str(), value) {
            ("data", value) => data_is(event, value),
            ("data_base64", Value::String(text)) => {
                AttributeRef::Binary(event.data().bytes).canonical() == *text
            }
            (_, Value::String(text)) => event
                .attribute(name)
                .is_some_and(|found| found.canonical() == *text),
            (_, Value::Bool(value)) => event.attribute(name) == Some(AttributeRef::Boolean(*value)),
            (_, Value::Number(number)) => event
                .attribute(name)
                .is_some_and(|found| found.canonical() == number.to_string()),
            _ => false,
        };
        if !same {
            return Err(format!(
                "{name} is {:?}, data {:?}",
                event.attribute(name),
                event.data()
            ));
        }
    }
    let has_data = expected.contains_key("data") || expected.contains_key("data_base64");
    let optional = ["datacontenttype", "dataschema", "subject", "time"];
    let named = optional
        .iter()
        .filter(|name| event.attribute(name).is_some())
        .count();
    let count = 4 + named + event.extensions().count() + usize::from(has_data);
    if event.data().is_none() == has_data || count != expected.len() {
        return Err("there is more or less than expected".to_owned());
    }
    Ok(())
}

fn data_is(event: &Event, expected: &Value) -> bool {
    let bytes = event.data().bytes;
    if event.datacontenttype().is_none_or(is_json) {
        serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value == *expected)
    } else {
        Some(bytes) == expected.as_str().map(str::as_bytes)
    }
}
