//! Publishes and receives with the crate cloudevents-sdk: `sdk-client publish MODE HOST:PORT PATH`
//! or `sdk-client receive`. It reads the table of events from its standard input.
//!
//! What is published or received is printed as the SDK sees it, one line of JSON each.

#![allow(clippy::print_stdout, reason = "what was seen is printed")]
#![allow(clippy::disallowed_methods, reason = "it is a program of the tests")]

use std::{env, io};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudevents::{
    AttributesReader, Data, Event, EventBuilder, EventBuilderV10, binding::http::to_event,
};
use http::{HeaderMap, Request, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use vanus_tests::harness::{Connection, Reply, Result, Sink};

const USAGE: &str = "sdk-client publish MODE HOST:PORT PATH | sdk-client receive";
const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// A row of the table of events.
#[derive(Debug, Deserialize)]
struct Row {
    case: String,
    #[serde(default)]
    unicode: bool,
    attributes: Map<String, Value>,
    #[serde(default)]
    data: Option<Map<String, Value>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["publish", mode, address, path] => publish(mode, address, path).await,
        ["receive"] => receive().await,
        _ => Err(USAGE.into()),
    }
}

async fn publish(mode: &str, address: &str, path: &str) -> Result<()> {
    let rows: Vec<Row> = serde_json::from_reader(io::stdin())?;
    // The SDK does not percent-encode header values, so beyond ASCII it has no binary mode.
    let rows = rows.iter().filter(|row| mode != "binary" || !row.unicode);
    let events: Result<Vec<Event>> = rows.map(|row| built(mode, row)).collect();
    let events = events?;
    let mut connection = Connection::open(address).await?;
    for request in requests(mode, &events)? {
        let (mut parts, body) = request.into_parts();
        parts.method = http::Method::POST;
        parts.uri = path.parse()?;
        let answer = connection.send(Request::from_parts(parts, body)).await?;
        if answer.status != StatusCode::OK {
            let text = String::from_utf8_lossy(&answer.body);
            return Err(format!("{mode}: {} {text}", answer.status).into());
        }
    }
    for event in &events {
        println!("{}", shown(event)?);
    }
    Ok(())
}

fn requests(mode: &str, events: &[Event]) -> Result<Vec<Request<Bytes>>> {
    let post = |kind: &str, body: Vec<u8>| {
        let builder = Request::post("/").header("content-type", kind);
        builder.body(Bytes::from(body))
    };
    match mode {
        "binary" => events
            .iter()
            .map(|event| {
                let request = Request::<Option<Vec<u8>>>::try_from(event.clone())?;
                Ok(request.map(|body| Bytes::from(body.unwrap_or_default())))
            })
            .collect(),
        "structured" => events
            .iter()
            .map(|event| Ok(post(STRUCTURED, serde_json::to_vec(event)?)?))
            .collect(),
        "batch" => Ok(vec![post(BATCH, serde_json::to_vec(events)?)?]),
        _ => Err(USAGE.into()),
    }
}

fn built(mode: &str, row: &Row) -> Result<Event> {
    let text = |name: &str| row.attributes.get(name).and_then(Value::as_str);
    let mut builder = EventBuilderV10::new()
        .id(format!("rust-{mode}-{}", row.case))
        .source("https://example.com/bars/rust")
        .ty(text("type").ok_or("an event without a type")?);
    if let Some(subject) = text("subject") {
        builder = builder.subject(subject);
    }
    if let Some(time) = text("time") {
        builder = builder.time(time);
    }
    for (name, value) in &row.attributes {
        let known = ["type", "subject", "time", "dataschema", "datacontenttype"];
        if known.contains(&name.as_str()) {
            continue;
        }
        builder = match value {
            Value::Bool(value) => builder.extension(name, *value),
            Value::Number(value) => builder.extension(name, value.as_i64().unwrap_or_default()),
            value => builder.extension(name, value.as_str().unwrap_or_default()),
        };
    }
    let kind = text("datacontenttype").unwrap_or_default();
    if let Some(data) = &row.data {
        let data = data_of(data)?;
        builder = match text("dataschema") {
            Some(schema) => builder.data_with_schema(kind, schema, data),
            None => builder.data(kind, data),
        };
    }
    Ok(builder.build()?)
}

fn data_of(data: &Map<String, Value>) -> Result<Data> {
    if let Some(value) = data.get("json") {
        return Ok(Data::Json(value.clone()));
    }
    if let Some(text) = data.get("text").and_then(Value::as_str) {
        return Ok(Data::String(text.to_owned()));
    }
    let text = data.get("base64").and_then(Value::as_str);
    Ok(Data::Binary(STANDARD.decode(text.ok_or("unknown data")?)?))
}

async fn receive() -> Result<()> {
    let sink = Sink::start(|headers: &HeaderMap, body: &[u8]| {
        let event = to_event(headers, body.to_vec());
        match event.map_err(Into::into).and_then(|event| shown(&event)) {
            Ok(line) => println!("{line}"),
            Err(error) => println!("{}", json!({ "undecodable": error.to_string() })),
        }
        Reply::Status(StatusCode::NO_CONTENT)
    })
    .await?;
    println!("{}", json!({ "port": sink.address().port() }));
    // It is ended by its process id.
    std::future::pending().await
}

fn shown(event: &Event) -> Result<Value> {
    let mut attributes = Map::new();
    for (name, value) in event.iter() {
        attributes.insert(name.to_owned(), value.to_string().into());
    }
    let kind = event.datacontenttype().unwrap_or("application/json");
    let is_json = kind == "application/json" || kind.ends_with("+json");
    let data = match event.data() {
        None => Value::Null,
        Some(Data::Json(value)) => json!({ "json": value }),
        Some(Data::String(text)) if is_json => {
            json!({ "json": serde_json::from_str::<Value>(text)? })
        }
        Some(Data::Binary(bytes)) if is_json => {
            json!({ "json": serde_json::from_slice::<Value>(bytes)? })
        }
        Some(Data::String(text)) => json!({ "base64": STANDARD.encode(text) }),
        Some(Data::Binary(bytes)) => json!({ "base64": STANDARD.encode(bytes) }),
    };
    Ok(json!({ "attributes": attributes, "data": data }))
}
