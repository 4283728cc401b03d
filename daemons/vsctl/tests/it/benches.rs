//! Measurements: they measure what they say, report in a stable form, and leave nothing behind.

use serde_json::{Value, json};

use crate::stage::{Stage, finish};

/// Runs a measurement; answers its report after looking that no eventbus is left.
async fn bench(stage: &Stage, arguments: &[&str]) -> Value {
    let report = stage.json(&[&["bench"], arguments].concat()).await;
    assert_eq!(
        stage.json(&["eventbus", "list", "-A"]).await,
        json!([]),
        "{arguments:?}"
    );
    assert_eq!(report["interrupted"], false);
    report
}

#[tokio::test]
async fn publishing_counts_what_was_acknowledged_and_names_its_terms() {
    let stage = Stage::new().await;
    let report = bench(
        &stage,
        &[
            "publish",
            "--count",
            "2000",
            "--size",
            "100",
            "--producers",
            "2",
            "--eventlogs",
            "3",
        ],
    )
    .await;
    let row = &report["rows"][0];
    assert_eq!(
        (&row["events"], &row["payload_bytes"]),
        (&2000.into(), &100.into())
    );
    assert_eq!(
        (&row["durability"], &row["eventlogs"]),
        (&"fsync".into(), &3.into())
    );
    assert_eq!(
        (&row["batch_bytes"], &row["linger_us"]),
        (&262_144.into(), &1000.into())
    );
    assert!(row["events_per_s"].as_f64().unwrap() > 0.0);
    assert!(row["p99_us"].as_f64().unwrap() >= row["p50_us"].as_f64().unwrap());
    let timed = [
        "publish",
        "--duration",
        "200ms",
        "--durability",
        "page-cache",
    ];
    let report = bench(&stage, &timed).await;
    assert_eq!(report["rows"][0]["durability"], "page-cache");
    assert!(report["rows"][0]["duration_s"].as_f64().unwrap() >= 0.2);
    stage.close().await;
}

#[tokio::test]
async fn more_eventlogs_than_an_eventbus_has_are_spread_over_several() {
    let stage = Stage::new().await;
    let publish = [
        "publish",
        "--count",
        "800",
        "--eventlogs",
        "70",
        "--warm-up",
        "50ms",
    ];
    let report = bench(&stage, &publish).await;
    let row = &report["rows"][0];
    assert_eq!(
        (&row["events"], &row["eventlogs"], &row["warm_up_s"]),
        (&800.into(), &70.into(), &0.05.into())
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let embedded = [&publish[..], &["--embedded", path, "--batch", "100"]].concat();
    let report = bench(&stage, &embedded).await;
    let row = &report["rows"][1];
    assert_eq!(
        (&row["events"], &row["eventlogs"]),
        (&800.into(), &70.into())
    );
    stage.close().await;
}

#[tokio::test]
async fn an_eventbus_of_the_user_keeps_its_events() {
    let stage = Stage::new().await;
    let create = ["eventbus", "create", "--name", "kept", "--eventlog", "2"];
    stage.ok(&create).await;
    let publish = ["bench", "publish", "--eventbus", "kept", "--count", "300"];
    let report = stage.json(&publish).await;
    let row = &report["rows"][0];
    assert_eq!(
        (&row["events"], &row["eventlogs"]),
        (&300.into(), &2.into())
    );
    let info = stage.json(&["eventbus", "info", "--name", "kept"]).await;
    let logs = info["logs"].as_array().unwrap();
    let stored: u64 = logs
        .iter()
        .map(|log| log["end_offset"].as_u64().unwrap())
        .sum();
    assert_eq!(stored, 300);
    stage.close().await;
}

#[tokio::test]
async fn loopback_is_measured_between_two_processes() {
    let stage = Stage::new().await;
    let report = bench(&stage, &["loopback", "--duration", "100ms"]).await;
    let rows = report["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| &row["name"]).collect();
    assert_eq!(
        names,
        [
            "TCP stream",
            "QUIC stream",
            "TCP ping-pong",
            "QUIC ping-pong"
        ]
    );
    assert!(
        rows.iter()
            .all(|row| row["mb_per_s"].as_f64().unwrap() > 0.0),
        "{rows:?}"
    );
    assert!(rows[3]["p50_us"].as_f64().unwrap() > 0.0);
    stage.close().await;
}

#[tokio::test]
async fn one_at_a_time_is_compared_with_disk_and_network() {
    let stage = Stage::new().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let publish = [
        "publish",
        "--one-at-a-time",
        "--count",
        "50",
        "--limits",
        path,
    ];
    let report = bench(&stage, &publish).await;
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (&rows[2]["events"], &rows[2]["samples"]),
        (&50.into(), &50.into())
    );
    let floor = rows[0]["p50_us"].as_f64().unwrap() + rows[1]["p50_us"].as_f64().unwrap();
    let ratio = rows[2]["p50_us"].as_f64().unwrap() / floor;
    assert!((report["ratios"][0]["value"].as_f64().unwrap() - ratio).abs() < 1e-6);
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    stage.close().await;
}

#[tokio::test]
async fn consuming_reads_every_event_twice() {
    let stage = Stage::new().await;
    let report = bench(&stage, &["consume", "--count", "3000", "--eventlogs", "2"]).await;
    let counts: Vec<_> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["events"])
        .collect();
    assert_eq!(counts, [3000, 3000]);
    stage.close().await;
}

#[tokio::test]
async fn latency_is_measured_for_both_durabilities_at_the_rate_asked_for() {
    let stage = Stage::new().await;
    let report = bench(&stage, &["latency", "--rate", "500", "--duration", "1s"]).await;
    let rows = report["rows"].as_array().unwrap();
    let levels: Vec<_> = rows.iter().map(|row| &row["durability"]).collect();
    assert_eq!(levels, ["page-cache", "fsync"]);
    for row in rows {
        assert_eq!(
            (&row["samples"], &row["rate_per_s"]),
            (&500.into(), &500.into())
        );
        assert!(row["p50_us"].as_f64().unwrap() > 0.0);
    }
    stage.close().await;
}

#[tokio::test]
async fn the_embedded_engine_is_measured_in_a_folder_that_disappears() {
    let stage = Stage::new().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let publish = [
        "publish",
        "--embedded",
        path,
        "--count",
        "4000",
        "--batch",
        "100",
    ];
    let report = bench(&stage, &publish).await;
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(
        (&rows[1]["events"], &rows[1]["batch_events"]),
        (&4000.into(), &100.into())
    );
    assert!(report["ratios"][0]["value"].as_f64().unwrap() > 0.0);
    let consume = ["consume", "--embedded", path, "--count", "4000"];
    let report = bench(&stage, &consume).await;
    for row in report["rows"].as_array().unwrap() {
        assert!(row["events"].as_u64().unwrap() >= 4000, "{row}");
    }
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    stage.close().await;
}

#[tokio::test]
async fn a_disk_is_measured_and_left_as_it_was() {
    let stage = Stage::new().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let disk = [
        "disk",
        "--dir",
        path,
        "--writes",
        "8",
        "--sequential-mib",
        "4",
    ];
    let report = bench(&stage, &disk).await;
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    assert!(
        rows.iter()
            .all(|row| row["mb_per_s"].as_f64().unwrap() > 0.0)
    );
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    stage.close().await;
}

#[tokio::test]
async fn http_is_compared_with_a_server_that_does_nothing() {
    let stage = Stage::new().await;
    let http = [
        "http",
        "--duration",
        "200ms",
        "--connections",
        "4",
        "--count",
        "500",
    ];
    let report = bench(&stage, &http).await;
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    assert!(
        rows[..4]
            .iter()
            .all(|row| row["events"].as_u64().unwrap() > 0),
        "{rows:?}"
    );
    assert!(rows[4]["events"].as_u64().unwrap() >= 500);
    assert!(report["ratios"][0]["value"].as_f64().unwrap() > 0.0);
    stage.close().await;
}

#[tokio::test]
async fn an_interrupted_measurement_reports_and_cleans_up() {
    let stage = Stage::new().await;
    let arguments = ["bench", "publish", "--json", "--duration", "60s"];
    let child = stage.command(&arguments).spawn().unwrap();
    let id = child.id().unwrap().to_string();
    while stage.json(&["eventbus", "list"]).await == json!([]) {}
    let killed = tokio::process::Command::new("kill")
        .args(["-INT", &id])
        .status()
        .await;
    assert!(killed.unwrap().success());
    let done = finish(child).await;
    assert_eq!(done.code, 0, "{}", done.err);
    let report: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(report["interrupted"], true);
    assert_eq!(stage.json(&["eventbus", "list"]).await, json!([]));
    stage.close().await;
}

#[tokio::test]
async fn a_report_for_people_is_a_table() {
    let stage = Stage::new().await;
    let table = stage.ok(&["bench", "publish", "--count", "100"]).await;
    for word in [
        "WHAT",
        "PER SECOND",
        "QUIC, pipelined",
        "\n  fsync, 1.0 KiB payload, ",
    ] {
        assert!(table.contains(word), "{table}");
    }
    stage.close().await;
}
