//! Events in HTTP messages: binary, structured and batched, in JSON and protobuf.
//!
//! An input is the head of a message and its body: a line for the content type, a line for each header, an empty line,
//! and the body.

use vanus_types::{
    Event,
    format::{decode_http, http, json, json_batch, protobuf},
};

use super::{Target, in_proportion, record, same};

/// The target.
pub const TARGET: Target = Target {
    name: "http",
    seeds,
    mend: |_| {},
    run,
    memory: in_proportion,
    evaluation: None,
};

fn seeds() -> Vec<Vec<u8>> {
    let events = record::events();
    let message = |head: &str, body: &[u8]| [head.as_bytes(), b"\n\n", body].concat();
    let mut seeds = vec![
        message(
            "application/cloudevents-batch+json",
            &json_batch::encode(&events),
        ),
        message(
            "application/cloudevents-batch+protobuf",
            &protobuf::encode_batch(&events),
        ),
    ];
    for event in &events {
        seeds.push(message(
            "application/cloudevents+json",
            &json::encode(event),
        ));
        seeds.push(message(
            "application/cloudevents+protobuf",
            &protobuf::encode(event),
        ));
        let binary = http::encode(event);
        let mut head = binary.content_type.unwrap_or_default();
        for (name, value) in binary.headers {
            head += &format!("\n{name}: {value}");
        }
        seeds.push(message(&head, &binary.body));
    }
    seeds
}

fn run(input: &[u8]) -> Result<bool, String> {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = input.split_at(end.unwrap_or(input.len()));
    let body = body.get(2..).unwrap_or_default();
    let mut lines = head.split(|&byte| byte == b'\n');
    let content_type = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let content_type = content_type.filter(|text| !text.is_empty());
    let headers: Vec<(&str, &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            Some((
                std::str::from_utf8(name).ok()?,
                value.get(1..)?.trim_ascii(),
            ))
        })
        .collect();
    let Ok(events) = decode_http(content_type, || headers.iter().copied(), body) else {
        return Ok(false);
    };
    for event in &events {
        check(event)?;
    }
    let batch = protobuf::decode_batch(&protobuf::encode_batch(&events));
    same(
        "protobuf batch",
        &Ok(events.len()),
        &batch.map(|again| again.len()).map_err(|e| e.to_string()),
    )?;
    Ok(true)
}

/// Every format can carry every event. Some turn an extension into text or one kind of data into another, and then keep
/// that.
fn check(event: &Event) -> Result<(), String> {
    let refused = |what: &str, e: &dyn std::fmt::Display| format!("{what} of {event:?}: {e}");
    let record = Event::from_record(event.record().clone());
    same("record", event, &record.map_err(|e| refused("record", &e))?)?;
    let by_protobuf = |event: &Event| protobuf::decode(&protobuf::encode(event));
    let once = by_protobuf(event).map_err(|e| refused("protobuf", &e))?;
    let twice = by_protobuf(&once).map_err(|e| refused("protobuf", &e))?;
    same("protobuf", &once, &twice)?;
    let by_json = |event: &Event| json::decode(&json::encode(event));
    let once = by_json(event).map_err(|e| refused("JSON", &e))?;
    same(
        "JSON",
        &once,
        &by_json(&once).map_err(|e| refused("JSON", &e))?,
    )?;
    let by_http = |event: &Event| {
        let message = http::encode(event);
        let headers = message.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
        http::decode(message.content_type.as_deref(), headers, &message.body)
    };
    let once = by_http(event).map_err(|e| refused("HTTP", &e))?;
    same(
        "HTTP",
        &once,
        &by_http(&once).map_err(|e| refused("HTTP", &e))?,
    )
}
