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
            "--retention-size",
            "10GiB",
            "--retain-for",
            "subscriptions",
        ])
        .await;
    assert_eq!(made["eventlogs"].as_array().unwrap().len(), 3);
    assert_eq!(made["retention_ms"], 3_600_000);
    assert_eq!(made["retention_bytes"], 10_u64 << 30);
    assert_eq!(made["retain_for"], "subscriptions");
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
        "10.0 GiB",
        "subscriptions",
        "EVENTLOG",
        "SEGMENT",
        made["eventlogs"][2].as_str().unwrap(),
    ] {
        assert!(info.contains(word), "{info}");
    }
    let lifted = stage
        .json(&[
            "eventbus",
            "update",
            "--name",
            "orders",
            "--retention-size",
            "none",
            "--retain-for",
            "none",
        ])
        .await;
    assert_eq!(lifted["retention_bytes"], serde_json::Value::Null);
    assert_eq!(lifted["retain_for"], "none");
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
