//! The same client over real sockets.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vanus_client::{
    Client, ClientConfig, ConsumerOptions, Durability, Event, ProducerOptions, QuicOptions,
};
use vanus_net::{
    quic::{Identity, QuicTransport},
    serve::{ServeOptions, serve},
};
use vanus_proto::{service::Handler, transport::Transport};
use vanus_types::limits::MAX_EVENT_LEN;

use crate::{
    broker::{Broker, event},
    many_streams::{acknowledged, lanes, send_on_each},
};

async fn stage() -> (Arc<Broker>, Client, CancellationToken) {
    let (broker, config, stopping) = serving(1).await;
    (broker, Client::connect(config).await.unwrap(), stopping)
}

async fn serving(eventlogs: u64) -> (Arc<Broker>, ClientConfig, CancellationToken) {
    let broker = Broker::new(eventlogs);
    let identity = Identity::SelfSigned;
    let server = QuicTransport::new(QuicOptions {
        identity,
        ..Default::default()
    })
    .unwrap();
    let listener = server.listen("127.0.0.1:0").await.unwrap();
    let address = listener.address();
    let stopping = CancellationToken::new();
    let handler: Arc<dyn Handler> = Arc::clone(&broker) as _;
    tokio::spawn(serve(
        listener,
        handler,
        ServeOptions::default(),
        stopping.clone(),
    ));
    (broker, ClientConfig::new(address), stopping)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_published_are_events_consumed() {
    let (broker, client, _stopping) = stage().await;
    let durability = Durability::PageCache;
    let options = ProducerOptions {
        durability,
        ..Default::default()
    };
    let producer = client.producer("default", "orders", options).await.unwrap();
    let mut consumer = client
        .consumer("default", "orders", ConsumerOptions::default())
        .await
        .unwrap();
    let mut acks = Vec::new();
    for id in 0..20_000 {
        acks.push(producer.send(event(id)).await.unwrap());
    }
    for (offset, ack) in (0..).zip(acks) {
        let receipt = ack.await.unwrap();
        assert_eq!(
            (receipt.id.offset, receipt.durability),
            (offset, durability)
        );
    }
    for offset in 0..20_000 {
        let received = consumer.next().await.unwrap();
        assert_eq!((received.offset, received.event), (offset, event(offset)));
    }
    assert_eq!(broker.ids(1).len(), 20_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_event_travels_both_ways() {
    let (_broker, client, _stopping) = stage().await;
    let large = "x".repeat(MAX_EVENT_LEN - 1024);
    let large = Event::builder()
        .id("1")
        .source("/s")
        .ty("t")
        .text(large)
        .build()
        .unwrap();
    let producer = client
        .producer("default", "orders", ProducerOptions::default())
        .await
        .unwrap();
    let mut consumer = client
        .consumer("default", "orders", ConsumerOptions::default())
        .await
        .unwrap();
    for offset in 0..4 {
        let receipt = producer.send_and_wait(large.clone()).await.unwrap();
        assert_eq!(receipt.id.offset, offset);
        let received = consumer.next().await.unwrap();
        assert_eq!((received.offset, &received.event), (offset, &large));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_lanes_than_a_connection_has_streams_publish_through_one_client() {
    let (broker, config, _stopping) = serving(64).await;
    let client = Client::connect(config).await.unwrap();
    let lanes = lanes(&client, 320).await;
    for round in 0..3 {
        acknowledged(send_on_each(&lanes, round).await, 320).await;
        client.admin().list_namespaces().await.unwrap();
    }
    let stored: usize = (1..=64).map(|log| broker.ids(log).len()).sum();
    assert_eq!(stored, 3 * 320);
}

/// A server tells of the streams that ended only when they are more than an eighth of all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_pass_beside_as_many_lanes_as_a_connection_takes() {
    let (_broker, mut config, _stopping) = serving(64).await;
    config.max_connections = 1;
    let client = Client::connect(config).await.unwrap();
    let lanes = lanes(&client, 320).await;
    acknowledged(send_on_each(&lanes, 0).await, 196).await;
    for _ in 0..300 {
        client.admin().list_namespaces().await.unwrap();
    }
}
