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

use crate::broker::{Broker, event};

async fn stage() -> (Arc<Broker>, Client, CancellationToken) {
    let broker = Broker::new(1);
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
    let client = Client::connect(ClientConfig::new(address)).await.unwrap();
    (broker, client, stopping)
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
