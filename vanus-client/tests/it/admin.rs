//! Requests with one answer: pages, retries, time limits.

use std::time::Duration;

use vanus_client::{Client, ClientConfig, ClientError, Name};
use vanus_proto::message::NamespaceKey;
use vanus_types::{Coded, ErrorCode, NamespaceId, control::NamespaceRecord};

use crate::broker::{ADDRESS, Stage};

fn namespace(id: u64) -> NamespaceRecord {
    NamespaceRecord {
        id: NamespaceId::from_u64(id),
        name: Name::new(&format!("ns-{id}")).unwrap(),
        description: String::new(),
        created_at_ms: 0,
        updated_at_ms: 0,
    }
}

fn some_namespace() -> NamespaceKey {
    NamespaceKey::Id(NamespaceId::from_u64(1))
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    let stage = Stage::with(1).await;
    let admin = stage.client().await.admin();
    assert_eq!(admin.list_namespaces().await.unwrap(), []);
    let all: Vec<_> = (1..=10).map(namespace).collect();
    stage.broker.namespaces.lock().clone_from(&all);
    assert_eq!(admin.list_namespaces().await.unwrap(), all);
}

#[tokio::test]
async fn a_change_is_asked_again_only_when_it_certainly_did_not_happen() {
    let stage = Stage::with(1).await;
    let admin = stage.client().await.admin();
    stage
        .broker
        .refuse(&[Some(ErrorCode::TryAgain), Some(ErrorCode::NotRunning)]);
    admin.delete_namespace(some_namespace()).await.unwrap();
    assert_eq!(*stage.broker.deletions.lock(), 3);
    stage.broker.refuse(&[Some(ErrorCode::Internal)]);
    let error = admin.delete_namespace(some_namespace()).await.unwrap_err();
    assert_eq!(
        (error.code(), *stage.broker.deletions.lock()),
        (ErrorCode::Internal, 4)
    );
}

#[tokio::test]
async fn a_request_survives_a_broken_connection() {
    let stage = Stage::with(1).await;
    let admin = stage.client().await.admin();
    for _ in 0..10 {
        stage.network.drop_connections(ADDRESS);
        admin.list_namespaces().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_ends_in_time() {
    let stage = Stage::with(1).await;
    let admin = stage.client().await.admin();
    let error = admin.cluster_info().await.unwrap_err();
    let expected = ClientError::Timeout {
        what: "GetClusterInfo",
        limit_ms: 10_000,
    };
    assert_eq!(error, expected);
    stage.network.cut(ADDRESS);
    let error = admin.list_namespaces().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Disconnected);
    stage.network.heal(ADDRESS);
    admin.list_namespaces().await.unwrap();
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let stage = Stage::with(1).await;
    let mut config = stage.config();
    config.addresses = vec!["nobody".to_owned(), ADDRESS.to_owned()];
    let client = Client::connect(config).await.unwrap();
    client.admin().list_namespaces().await.unwrap();
    let mut config = stage.config();
    config.addresses = Vec::new();
    assert!(Client::connect(config).await.is_err());
}

#[tokio::test]
async fn nobody_there_is_told_at_once() {
    let stage = Stage::with(1).await;
    stage.network.cut(ADDRESS);
    let error = Client::connect(stage.config()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Disconnected);
    let lazy = Client::lazy(
        ClientConfig::new("nobody").over(std::sync::Arc::new(stage.network.transport("client"))),
    );
    assert!(lazy.is_ok());
}

#[tokio::test]
async fn a_closed_client_connects_anew_when_it_is_used() {
    let stage = Stage::with(1).await;
    let client = stage.client().await;
    client.close();
    tokio::time::timeout(Duration::from_secs(5), client.admin().list_namespaces())
        .await
        .unwrap()
        .unwrap();
}
