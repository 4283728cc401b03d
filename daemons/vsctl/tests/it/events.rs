//! Events.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::stage::Stage;

#[tokio::test]
async fn an_event_that_was_put_is_got_by_offset_by_id_and_by_time() {
    let stage = Stage::with_orders(1).await;
    let stored = stage
        .json(&[
            "event",
            "put",
            "orders",
            "--id",
            "7",
            "--source",
            "/shop",
            "--type",
            "placed",
            "--subject",
            "s",
            "--extension",
            "tenant=blue",
            "--data",
            "{\"total\": 12}",
        ])
        .await;
    assert_eq!(
        (&stored[0]["offset"], &stored[0]["durability"]),
        (&0.into(), &"fsync".into())
    );
    let got = stage.json(&["event", "get", "orders"]).await;
    let event = &got[0]["event"];
    assert_eq!(event["data"]["total"], 12);
    assert_eq!(
        (&event["tenant"], &event["subject"]),
        (&"blue".into(), &"s".into())
    );
    let id = stored[0]["event_id"].as_str().unwrap();
    let by_id = stage
        .json(&["event", "get", "orders", "--event-id", id])
        .await;
    assert_eq!(&by_id["event"], event);
    let query = ["event", "query", "orders", "--time", "2020-01-01T00:00:00Z"];
    assert_eq!(stage.json(&query).await[0]["offset"], 0);
    let query = ["event", "query", "orders", "--time", "2999-01-01T00:00:00Z"];
    assert_eq!(stage.json(&query).await[0]["offset"], 1);
    let table = stage.ok(&["event", "get", "orders"]).await;
    assert!(
        table.contains("placed") && table.contains("{\"total\": 12}"),
        "{table}"
    );
    stage.close().await;
}

#[tokio::test]
async fn a_file_of_events_is_stored_in_order_and_read_in_pages() {
    let stage = Stage::with_orders(1).await;
    let lines: Vec<_> = (0..250)
        .map(|id| {
            format!("{{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"/\",\"type\":\"t\"}}")
        })
        .collect();
    let done = stage
        .feed(
            &["event", "put", "orders", "--file", "-"],
            &lines.join("\n"),
        )
        .await;
    assert_eq!(done.code, 0, "{}", done.err);
    let got = stage
        .json(&[
            "event", "get", "orders", "--offset", "100", "--number", "120",
        ])
        .await;
    let ids: Vec<_> = got
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["event"]["id"].clone())
        .collect();
    let expected: Vec<_> = (100..220).map(|id| Value::from(id.to_string())).collect();
    assert_eq!(ids, expected);
    let none = stage
        .ok(&["event", "get", "orders", "--offset", "250"])
        .await;
    assert!(none.contains("no events"), "{none}");
    stage.close().await;
}

#[tokio::test]
async fn events_go_to_the_named_eventlog_or_are_spread() {
    let stage = Stage::with_orders(2).await;
    let info = stage.json(&["eventbus", "info", "--name", "orders"]).await;
    let second = info["eventlogs"][1].as_str().unwrap();
    for _ in 0..3 {
        let put = [
            "event",
            "put",
            "orders",
            "--data",
            "1",
            "--eventlog",
            second,
        ];
        assert_eq!(stage.json(&put).await[0]["eventlog"], second);
    }
    let all = stage.json(&["event", "get", "orders"]).await;
    assert_eq!(all.as_array().unwrap().len(), 3);
    let first = info["eventlogs"][0].as_str().unwrap();
    let none = stage
        .json(&["event", "get", "orders", "--eventlog", first])
        .await;
    assert_eq!(none, serde_json::json!([]));
    let foreign = stage
        .run(&["event", "put", "orders", "--eventlog", "99"])
        .await;
    assert_eq!(foreign.code, 1);
    assert!(foreign.err.contains("V9402"), "{}", foreign.err);
    stage.close().await;
}

#[tokio::test]
async fn a_template_can_be_put_as_it_is() {
    let stage = Stage::with_orders(1).await;
    let template = stage
        .ok(&["event", "put", "orders", "--print-template", "--type", "x"])
        .await;
    assert_eq!(
        stage.json(&["event", "get", "orders"]).await,
        serde_json::json!([])
    );
    let done = stage
        .feed(&["event", "put", "orders", "--file", "-"], &template)
        .await;
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(
        stage.json(&["event", "get", "orders"]).await[0]["event"]["type"],
        "x"
    );
    stage.close().await;
}

#[tokio::test]
async fn followed_events_come_one_per_line_as_they_are_published() {
    let stage = Stage::with_orders(1).await;
    let mut command = stage.command(&[
        "event", "get", "orders", "--follow", "--offset", "0", "--number", "3", "--format", "json",
    ]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in ["a", "b", "c"] {
        stage.ok(&["event", "put", "orders", "--id", id]).await;
        let line = lines.next_line().await.unwrap().unwrap();
        let view: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(view["event"]["id"], id);
    }
    assert!(child.wait().await.unwrap().success());
    stage.close().await;
}
