//! Reading events by offset, time and id, waiting for them, and following them.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::house::{EVENTS, House, ONE, STRUCTURED, request};

const READ: &str = "/api/v1/namespaces/default/eventbuses/orders/events";
const STREAM: &str = "/api/v1/namespaces/default/eventbuses/orders/events/stream";

async fn publish(house: &House, id: &str) -> Value {
    let event = ONE.replace("\"id\":\"1\"", &format!("\"id\":\"{id}\""));
    house.post(EVENTS, STRUCTURED, &event).await.ok()["events"][0].clone()
}

fn ids(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().unwrap().iter();
    events
        .map(|event| event["event"]["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn events_are_read_by_offset_time_and_id() {
    let house = House::open().await;
    let empty = house.get(READ).await.ok();
    assert_eq!(
        empty,
        json!({"events": [], "next_offset": 0, "end_offset": 0})
    );
    for id in ["a", "b", "c"] {
        publish(&house, id).await;
    }
    let all = house.get(READ).await.ok();
    assert_eq!(
        (ids(&all), &all["next_offset"]),
        (vec!["a", "b", "c"], &json!(3))
    );
    let page = house.get(&format!("{READ}?offset=1&number=1")).await.ok();
    assert_eq!(
        (ids(&page), &page["next_offset"], &page["end_offset"]),
        (vec!["b"], &json!(2), &json!(3))
    );
    assert_eq!(
        ids(&house
            .get(&format!("{READ}?offset=earliest&number=1"))
            .await
            .ok()),
        ["a"]
    );
    assert_eq!(
        ids(&house.get(&format!("{READ}?offset=latest")).await.ok()),
        [""; 0]
    );
    let log = all["events"][0]["eventlog"].as_str().unwrap();
    assert_eq!(
        ids(&house
            .get(&format!("{READ}?eventlog={log}&offset=2"))
            .await
            .ok()),
        ["c"]
    );
    assert_eq!(
        ids(&house
            .get(&format!("{READ}?time=1970-01-01T00:00:00Z"))
            .await
            .ok())
        .len(),
        3
    );
    assert_eq!(
        ids(&house.get(&format!("{READ}?time=99999999999999")).await.ok()).len(),
        0
    );
    let last = all["events"][2]["event_id"].as_str().unwrap();
    for id in [
        last.to_owned(),
        last.replace('+', "%2B")
            .replace('=', "%3D")
            .replace('/', "%2F"),
    ] {
        let one = house.get(&format!("{READ}?event_id={id}")).await.ok();
        assert_eq!((ids(&one), &one["next_offset"]), (vec!["c"], &json!(3)));
    }
}

#[tokio::test]
async fn wrong_places_are_refused() {
    let house = House::with(Default::default(), 2).await;
    let several = house.get(READ).await.is_problem(400, "V9101");
    assert!(
        several["detail"].as_str().unwrap().contains("name one of"),
        "{several}"
    );
    let bus = house
        .get("/api/v1/namespaces/default/eventbuses/orders")
        .await
        .ok();
    let log = bus["eventlogs"][1].as_str().unwrap();
    let read = async |query: &str| house.get(&format!("{READ}?eventlog={log}&{query}")).await;
    read("").await.ok();
    read("offset=9").await.is_problem(404, "V9603");
    read("offset=x").await.is_problem(400, "V9101");
    read("time=noon").await.is_problem(400, "V9101");
    read("time=1&offset=1").await.is_problem(400, "V9101");
    read("event_id=AAAA").await.is_problem(400, "V9101");
    house
        .get(&format!("{READ}?event_id=AAAAAAAAAAEAAAAAAAAAAg=="))
        .await
        .is_problem(404, "V9402");
    house
        .get(&format!("{READ}?eventlog=00000000000000FF&offset=0"))
        .await
        .is_problem(404, "V9402");
    house
        .get(&format!("{READ}?eventlog=00000000000000FF"))
        .await
        .is_problem(404, "V9402");
}

#[tokio::test]
async fn a_long_poll_answers_as_soon_as_there_is_something() {
    let house = House::open().await;
    let path = format!("{READ}?wait_ms=60000");
    let waiting = house.get(&path);
    let mut waiting = std::pin::pin!(waiting);
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    publish(&house, "a").await;
    let page = tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap();
    assert_eq!(ids(&page.ok()), ["a"]);
}

#[tokio::test]
async fn the_drain_ends_long_polls_and_tails() {
    let house = House::open().await;
    let path = format!("{READ}?wait_ms=60000");
    let waiting = house.get(&path);
    let mut waiting = std::pin::pin!(waiting);
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    let mut tail = house
        .respond(request("GET", STREAM, &[], ""))
        .await
        .into_body();
    next(&mut tail).await.unwrap();
    house.stopping.cancel();
    assert_eq!(waiting.await.ok()["events"], json!([]));
    assert_eq!(next(&mut tail).await, None);
}

/// The next piece of a stream.
async fn next(body: &mut Body) -> Option<String> {
    let frame = tokio::time::timeout(Duration::from_secs(10), body.frame())
        .await
        .unwrap()?;
    let data = frame.unwrap().into_data().unwrap();
    Some(String::from_utf8(data.to_vec()).unwrap())
}

/// The next event of a stream: its id and its data.
async fn message(body: &mut Body) -> (String, Value) {
    loop {
        let text = next(body).await.unwrap();
        if let Some(rest) = text.strip_prefix("id: ") {
            let (id, data) = rest.split_once("\ndata: ").unwrap();
            let (data, _more) = data.split_once("\n\n").unwrap();
            return (id.to_owned(), serde_json::from_str(data).unwrap());
        }
    }
}

#[tokio::test]
async fn a_tail_follows_and_goes_on_after_the_last_event_seen() {
    let house = House::open().await;
    publish(&house, "before").await;
    let answer = house.respond(request("GET", STREAM, &[], "")).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut tail = answer.into_body();
    let acked = publish(&house, "a").await;
    let (id, data) = message(&mut tail).await;
    assert_eq!(acked["event_id"], id);
    assert_eq!(
        (&data["event"]["id"], &data["offset"]),
        (&json!("a"), &json!(1))
    );
    drop(tail);

    publish(&house, "b").await;
    let headers = [("last-event-id", id.as_str())];
    let mut tail = house
        .respond(request("GET", STREAM, &headers, ""))
        .await
        .into_body();
    assert_eq!(message(&mut tail).await.1["event"]["id"], "b");

    let mut tail = house
        .respond(request(
            "GET",
            &format!("{STREAM}?offset=earliest"),
            &[],
            "",
        ))
        .await
        .into_body();
    let first = message(&mut tail).await;
    assert_eq!(first.1["event"]["id"], "before");
}

#[tokio::test]
async fn a_tail_that_cannot_go_on_says_why() {
    let house = House::open().await;
    let mut tail = house
        .respond(request("GET", &format!("{STREAM}?offset=7"), &[], ""))
        .await
        .into_body();
    next(&mut tail).await.unwrap();
    let bus = "/api/v1/namespaces/default/eventbuses/orders";
    let mut waiting = std::pin::pin!(next(&mut tail));
    if let std::task::Poll::Ready(Some(text)) = futures_util::poll!(waiting.as_mut()) {
        assert!(text.starts_with("event: error\ndata: {"), "{text}");
        return;
    }
    house.send("DELETE", bus, Value::Null).await.ok();
    let text = waiting.await.unwrap();
    assert!(text.starts_with("event: error\ndata: {"), "{text}");
}
