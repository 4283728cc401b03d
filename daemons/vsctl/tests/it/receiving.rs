//! Deliveries to a connected client.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::stage::Stage;

#[tokio::test]
async fn deliveries_are_printed_as_they_come_and_acknowledged() {
    let stage = Stage::with_orders(1).await;
    let made = stage
        .json(&[
            "subscription",
            "create",
            "--name",
            "work",
            "--eventbus",
            "orders",
            "--sink",
            "pull",
        ])
        .await;
    let id = made["id"].as_str().unwrap().to_owned();
    for event in ["a", "b", "c"] {
        stage.ok(&["event", "put", "orders", "--id", event]).await;
    }
    // What is left is there for the next one, as the same attempt.
    let receive = [
        "subscription",
        "receive",
        "--id",
        id.as_str(),
        "--format",
        "json",
    ];
    let left = stage
        .ok(&[&receive[..], &["--number", "1", "--leave"]].concat())
        .await;
    let view: Value = serde_json::from_str(&left).unwrap();
    assert_eq!((&view["offset"], &view["attempt"]), (&0.into(), &1.into()));
    let mut command = stage.command(&[&receive[..], &["--number", "4"]].concat());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    for number in 0..4 {
        if number == 3 {
            stage.ok(&["event", "put", "orders", "--id", "d"]).await;
        }
        let line = lines.next_line().await.unwrap().unwrap();
        let view: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(view["attempt"], 1);
        seen.push(view["event"]["id"].as_str().unwrap().to_owned());
    }
    seen.sort_unstable();
    assert_eq!(seen, ["a", "b", "c", "d"]);
    assert!(child.wait().await.unwrap().success());
    let info = stage.json(&["subscription", "info", "--id", &id]).await;
    assert_eq!(info["totals"]["delivered"], 4);
    stage.close().await;
}
