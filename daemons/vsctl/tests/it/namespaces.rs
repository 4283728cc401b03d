//! Namespaces and the node.

use crate::stage::Stage;

#[tokio::test]
async fn a_namespace_is_created_listed_described_and_deleted() {
    let stage = Stage::new().await;
    let made = stage
        .json(&[
            "namespace",
            "create",
            "--name",
            "shop",
            "--description",
            "d",
        ])
        .await;
    assert_eq!(made["name"], "shop");
    let listed = stage.ok(&["namespace", "list"]).await;
    assert!(listed.starts_with("ID"), "{listed}");
    for name in ["default", "vanus-system", "shop"] {
        assert!(listed.contains(name), "{listed}");
    }
    let info = stage.json(&["ns", "info", "--name", "shop"]).await;
    assert_eq!(info, made);
    let deleted = stage.ok(&["namespace", "delete", "--name", "shop"]).await;
    assert!(deleted.contains("\"shop\" is deleted"), "{deleted}");
    let gone = stage.run(&["namespace", "info", "--name", "shop"]).await;
    assert_eq!(gone.code, 1);
    assert!(gone.err.starts_with("error: V9406 "), "{}", gone.err);
    stage.close().await;
}

#[tokio::test]
async fn the_node_is_described() {
    let stage = Stage::with_orders(1).await;
    let info = stage.json(&["cluster", "info"]).await;
    assert_eq!(
        (&info["eventbuses"], &info["subscriptions"]),
        (&1.into(), &0.into())
    );
    let table = stage.ok(&["cluster", "info"]).await;
    assert!(table.contains("Health:"), "{table}");
    stage.close().await;
}
