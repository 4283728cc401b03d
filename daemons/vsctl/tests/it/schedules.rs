//! Schedules.

use crate::stage::Stage;

#[tokio::test]
async fn a_schedule_is_created_listed_paused_resumed_and_deleted() {
    let stage = Stage::with_orders(1).await;
    let create = [
        "schedule",
        "create",
        "orders",
        "--name",
        "nightly",
        "--cron",
        "30 2 * * *",
        "--time-zone",
        "Europe/Lisbon",
        "--type",
        "night",
        "--data",
        "{\"n\": 1}",
        "--extension",
        "tenant=t1",
        "--missed",
        "skip",
    ];
    let made = stage.json(&create).await;
    assert_eq!(
        (&made["phase"], &made["missed"], &made["made"]),
        (&"active".into(), &"skip".into(), &0.into())
    );
    assert_eq!(made["event"]["attributes"]["tenant"], "t1");
    let again = stage.run(&create).await;
    assert_ne!(again.code, 0);
    assert!(again.err.contains("V9300"), "{}", again.err);
    let table = stage.ok(&["schedule", "list"]).await;
    assert!(
        table.contains("nightly") && table.contains("Europe/Lisbon"),
        "{table}"
    );
    let paused = stage
        .json(&["schedule", "pause", "--name", "nightly"])
        .await;
    assert_eq!(
        (&paused["phase"], paused["next_ms"].is_null()),
        (&"paused".into(), true)
    );
    let resumed = stage
        .json(&["schedule", "resume", "--name", "nightly"])
        .await;
    assert_eq!(resumed["phase"], "active");
    stage.ok(&["schedule", "delete", "--name", "nightly"]).await;
    let list = stage.json(&["schedule", "list"]).await;
    assert_eq!(list.as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_mistake_in_a_schedule_is_told_with_what_would_be_right() {
    let stage = Stage::with_orders(1).await;
    for (cron, zone, told) in [
        ("61 * * * *", "UTC", "\"61\" is no minute: 0 to 59"),
        ("0 0 30 2 *", "UTC", "there is no such day"),
        ("@daily", "Mars/Olympus", "Europe/Lisbon"),
    ] {
        let create = [
            "schedule", "create", "orders", "--name", "s", "--cron", cron,
        ];
        let done = stage
            .run(&[&create[..], &["--time-zone", zone]].concat())
            .await;
        assert_ne!(done.code, 0);
        assert!(done.err.contains(told), "{}", done.err);
    }
}

#[tokio::test]
async fn the_events_of_a_schedule_come() {
    let stage = Stage::with_orders(1).await;
    let create = [
        "schedule", "create", "orders", "--name", "soon", "--cron", "@every 1", "--count", "1",
        "--type", "tick",
    ];
    let made = stage.json(&create).await;
    let id = made["id"].as_str().unwrap().to_owned();
    for _ in 0..300 {
        let info = stage.json(&["schedule", "info", "--name", "soon"]).await;
        if info["phase"] == "ended" {
            let events = stage
                .ok(&["event", "get", "orders", "--format", "json"])
                .await;
            assert!(events.contains(&id), "{events}");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it made nothing");
}
