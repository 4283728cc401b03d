//! Eventbuses.

use crate::stage::Stage;

#[tokio::test]
async fn an_eventbus_is_created_described_changed_and_deleted() {
    let stage = Stage::new().await;
    let none = stage.ok(&["eventbus", "list"]).await;
    assert_eq!(none, "There are no eventbuses in namespace \"default\".\n");
    let made = stage
        .json(&[
            "eventbus",
            "create",
            "--name",
            "orders",
            "--eventlog",
            "3",
            "--retention",
            "1h",
        ])
        .await;
    assert_eq!(made["eventlogs"].as_array().unwrap().len(), 3);
    assert_eq!(made["retention_ms"], 3_600_000);
    let listed = stage.json(&["eventbus", "list", "-A"]).await;
    assert_eq!(listed[0]["id"], made["id"]);
    let changed = stage
        .json(&[
            "eventbus",
            "update",
            "--name",
            "orders",
            "--description",
            "new",
        ])
        .await;
    assert_eq!(
        (&changed["description"], &changed["retention_ms"]),
        (&"new".into(), &3_600_000.into())
    );
    let info = stage
        .ok(&["eventbus", "info", "--name", "orders", "--segment"])
        .await;
    for word in [
        "Retention:",
        "1h",
        "EVENTLOG",
        "SEGMENT",
        made["eventlogs"][2].as_str().unwrap(),
    ] {
        assert!(info.contains(word), "{info}");
    }
    stage.ok(&["eventbus", "delete", "--name", "orders"]).await;
    assert_eq!(
        stage.json(&["eventbus", "list"]).await,
        serde_json::json!([])
    );
    stage.close().await;
}

#[tokio::test]
async fn several_eventbuses_are_described_at_once() {
    let stage = Stage::with_orders(1).await;
    stage.ok(&["eventbus", "create", "--name", "bills"]).await;
    let infos = stage
        .json(&["eventbus", "info", "--eventbus", "orders,bills"])
        .await;
    assert_eq!(
        (&infos[0]["name"], &infos[1]["name"]),
        (&"orders".into(), &"bills".into())
    );
    stage.close().await;
}

#[tokio::test]
async fn size_and_readers_of_a_retention_are_set_and_lifted() {
    let stage = Stage::new().await;
    let words = |line: &'static str| line.split(' ').collect::<Vec<_>>();
    let create = "eventbus create --name orders --retention-size 10GiB --retain-for subscriptions";
    let made = stage.json(&words(create)).await;
    assert_eq!(made["retention_bytes"], 10_u64 << 30);
    assert_eq!(made["retain_for"], "subscriptions");
    let info = stage.ok(&["eventbus", "info", "--name", "orders"]).await;
    assert!(info.contains("10.0 GiB"), "{info}");
    assert!(info.contains("subscriptions"), "{info}");
    let update = "eventbus update --name orders --retention-size none --retain-for none";
    let lifted = stage.json(&words(update)).await;
    assert_eq!(lifted["retention_bytes"], serde_json::Value::Null);
    assert_eq!(lifted["retain_for"], "none");
    stage.close().await;
}
