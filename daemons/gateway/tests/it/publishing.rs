//! Publishing in every mode, and what a publisher is told.

use serde_json::json;
use vanus_types::format::{json as json_format, protobuf};

use crate::house::{BATCH, EVENTS, House, ONE, STRUCTURED, request};

#[tokio::test]
async fn an_event_in_any_mode_is_stored_and_its_place_told() {
    let house = House::open().await;
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", "2"),
        ("ce-source", "/s"),
        ("CE-Type", "t"),
        ("content-type", "text/plain"),
    ];
    let first = house.post(EVENTS, STRUCTURED, ONE).await.ok();
    assert_eq!(first["durability"], "fsync");
    let one = &first["events"][0];
    assert_eq!(one["offset"], 0);
    let id: vanus_types::EventId = one["event_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(one["eventlog"], id.eventlog.to_string());

    assert_eq!(
        house.post(EVENTS, &binary, "hi").await.ok()["events"][0]["offset"],
        1
    );
    let both = house
        .post("/gateway/orders", BATCH, &format!("[{ONE},{ONE}]"))
        .await
        .ok();
    assert_eq!(
        (&both["events"][0]["offset"], &both["events"][1]["offset"]),
        (&json!(2), &json!(3))
    );
    let none = house.post(EVENTS, BATCH, "[]").await.ok();
    assert_eq!(none, json!({"events": [], "durability": "fsync"}));

    let read = house
        .get("/api/v1/namespaces/default/eventbuses/orders/events")
        .await
        .ok();
    let ids: Vec<_> = read["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["event"]["id"])
        .collect();
    assert_eq!(ids, ["1", "2", "1", "1"]);
    assert_eq!(read["events"][1]["event"]["data"], "hi");
    assert_eq!(read["events"][0]["event_id"], one["event_id"]);
}

#[tokio::test]
async fn protobuf_is_read_one_by_one_and_in_batches() {
    let house = House::open().await;
    let event = json_format::decode(ONE.as_bytes()).unwrap();
    let message = protobuf::encode(&event);
    let batch = protobuf::encode_batch(&[event.clone(), event]);
    for (media_type, bytes, count) in [
        ("application/cloudevents+protobuf", message, 1),
        ("application/cloudevents-batch+protobuf", batch, 2),
    ] {
        let mut request = request("POST", EVENTS, &[("content-type", media_type)], "");
        request
            .headers_mut()
            .insert("content-length", bytes.len().into());
        *request.body_mut() = bytes.into();
        let ack = house.call(request).await.ok();
        assert_eq!(ack["events"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn a_weaker_durability_is_asked_for_by_name_and_echoed() {
    let house = House::open().await;
    let headers = [STRUCTURED[0], ("vanus-durability", "page-cache")];
    assert_eq!(
        house.post(EVENTS, &headers, ONE).await.ok()["durability"],
        "page-cache"
    );
    let headers = [STRUCTURED[0], ("vanus-durability", "none")];
    house
        .post(EVENTS, &headers, ONE)
        .await
        .is_problem(400, "V9101");
}

#[tokio::test]
async fn a_request_sent_again_by_an_idempotent_producer_is_stored_once() {
    let house = House::open().await;
    let numbered = |sequence: &'static str| {
        [
            STRUCTURED[0],
            ("vanus-producer-id", "A1"),
            ("vanus-producer-sequence", sequence),
        ]
    };
    let first = house.post(EVENTS, &numbered("1"), ONE).await.ok();
    let again = house.post(EVENTS, &numbered("1"), ONE).await.ok();
    assert_eq!(first["events"][0]["offset"], again["events"][0]["offset"]);
    assert_eq!(again["events"][0]["duplicate"], true);
    assert_eq!(
        house.post(EVENTS, &numbered("2"), ONE).await.ok()["events"][0]["offset"],
        1
    );
    house
        .post(EVENTS, &numbered("9"), ONE)
        .await
        .is_problem(409, "V9301");
}

#[tokio::test]
async fn events_of_one_key_share_an_eventlog_and_a_named_eventlog_is_used() {
    let house = House::with(Default::default(), 4).await;
    let keyed = |id: usize| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"t","partitionkey":"k"}}"#
        )
    };
    let mut logs = std::collections::BTreeSet::new();
    for id in 0..8 {
        let ack = house.post(EVENTS, STRUCTURED, &keyed(id)).await.ok();
        logs.insert(ack["events"][0]["eventlog"].as_str().unwrap().to_owned());
    }
    assert_eq!(logs.len(), 1);
    let bus = house
        .get("/api/v1/namespaces/default/eventbuses/orders")
        .await
        .ok();
    let last = bus["eventlogs"][3].as_str().unwrap();
    let ack = house
        .post(
            EVENTS,
            &[STRUCTURED[0], ("vanus-eventlog", last)],
            &keyed(9),
        )
        .await
        .ok();
    assert_eq!(ack["events"][0]["eventlog"], last);
}

#[tokio::test]
async fn what_cannot_be_published_is_a_problem_with_its_code() {
    let house = House::open().await;
    let post = async |headers: &[(&str, &str)], body: &str| house.post(EVENTS, headers, body).await;
    let problem = post(STRUCTURED, "{").await.is_problem(400, "V9107");
    assert_eq!(problem["instance"], EVENTS);
    assert_eq!(problem["title"], "invalid json");
    post(STRUCTURED, "{}").await.is_problem(400, "V9109");
    post(STRUCTURED, &ONE.replace("\"1.0\"", "\"0.3\""))
        .await
        .is_problem(400, "V9109");
    let second = post(BATCH, &format!("[{ONE},{{}}]"))
        .await
        .is_problem(400, "V9109");
    assert!(
        second["detail"]
            .as_str()
            .unwrap()
            .starts_with("event 1 of the batch"),
        "{second}"
    );
    let reserved = ONE.replace("\"id\"", "\"xvanussubid\":\"1\",\"id\"");
    post(STRUCTURED, &reserved).await.is_problem(400, "V9101");
    post(&[("content-type", "application/json")], "{}")
        .await
        .is_problem(415, "V9114");
    post(&[("content-type", "application/cloudevents+xml")], "<a/>")
        .await
        .is_problem(415, "V9114");
    post(&[], "").await.is_problem(415, "V9114");
    let zipped = [STRUCTURED[0], ("content-encoding", "gzip")];
    post(&zipped, "x").await.is_problem(415, "V9114");
    post(&[STRUCTURED[0], STRUCTURED[0]], ONE)
        .await
        .is_problem(400, "V9100");

    for (path, status, code) in [
        ("/namespaces/default/eventbus/none/events", 404, "V9401"),
        ("/namespaces/none/eventbus/orders/events", 404, "V9406"),
        ("/namespaces/default/eventbus/a%20b/events", 400, "V9110"),
        ("/gateway/none", 404, "V9401"),
        ("/gateway/orders/more", 404, "V9400"),
        ("/namespaces/default/eventbus/orders", 404, "V9400"),
        ("/", 404, "V9400"),
    ] {
        house
            .post(path, STRUCTURED, ONE)
            .await
            .is_problem(status, code);
    }
    let read = house
        .get("/api/v1/namespaces/default/eventbuses/orders/events")
        .await
        .ok();
    assert_eq!(read["end_offset"], 0, "nothing of all that was stored");
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let house = House::open().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = house.call(request(method, EVENTS, &[], "")).await;
        answer.is_problem(405, "V9115");
        assert_eq!(answer.headers["allow"], "POST");
    }
    let answer = house
        .call(request("PUT", "/api/v1/namespaces", &[], ""))
        .await;
    answer.is_problem(405, "V9115");
    assert_eq!(answer.headers["allow"], "GET,HEAD,POST");
}
