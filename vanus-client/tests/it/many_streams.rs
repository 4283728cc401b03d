//! More streams than one connection has.

use std::time::Duration;

use tokio::{task::JoinSet, time::timeout};
use vanus_client::{
    Ack, Client, ClientError, ConsumerOptions, EventlogId, Producer, ProducerOptions, SendError,
    StartAt,
};
use vanus_types::{Coded as _, ErrorCode};

use crate::broker::{ADDRESS, Stage, event};

/// Most eventlogs of an eventbus.
const EVENTLOGS: u64 = 64;

/// Most lanes one connection takes.
const LANES: usize = 196;

/// Producers of one lane each, of 64 eventlogs in turn.
pub async fn lanes(client: &Client, count: u64) -> Vec<Producer> {
    let mut producers = Vec::new();
    for lane in 0..count {
        let options = ProducerOptions {
            eventlog: Some(EventlogId::from_u64(lane % EVENTLOGS + 1)),
            ..Default::default()
        };
        let producer = client.producer("default", "orders", options).await;
        producers.push(producer.unwrap());
    }
    producers
}

pub async fn send_on_each(lanes: &[Producer], id: u64) -> Vec<Ack> {
    let mut acks = Vec::new();
    for lane in lanes {
        acks.push(lane.send(event(id)).await.unwrap());
    }
    acks
}

/// Waits until `count` of the events are acknowledged, in whatever order.
pub async fn acknowledged(acks: Vec<Ack>, count: usize) {
    let mut waiting: JoinSet<_> = acks.into_iter().collect();
    for _ in 0..count {
        let next = timeout(Duration::from_secs(60), waiting.join_next());
        let receipt = next.await.expect("an acknowledgement").unwrap();
        receipt.unwrap().unwrap();
    }
}

/// A client that may have one connection.
async fn narrow(stage: &Stage) -> Client {
    let mut config = stage.config();
    config.max_connections = 1;
    Client::connect(config).await.unwrap()
}

#[tokio::test]
async fn further_connections_are_made_when_the_streams_of_one_are_in_use() {
    let stage = Stage::with(EVENTLOGS).await;
    let client = stage.client().await;
    let lanes = lanes(&client, 320).await;
    assert_eq!(stage.network.connections(ADDRESS), 1);
    acknowledged(send_on_each(&lanes, 0).await, 320).await;
    assert_eq!(stage.network.connections(ADDRESS), 2);
    client.admin().list_namespaces().await.unwrap();
    let latest = ConsumerOptions {
        start: StartAt::Latest,
        ..Default::default()
    };
    let consumer = client.consumer("default", "orders", latest).await;
    let mut consumer = consumer.unwrap();
    acknowledged(send_on_each(&lanes, 1).await, 320).await;
    for _ in 0..320 {
        assert_eq!(consumer.next().await.unwrap().event, event(1));
    }
    assert_eq!(stage.network.connections(ADDRESS), 2);
}

#[tokio::test]
async fn lanes_find_new_connections_when_all_broke_or_were_closed() {
    let stage = Stage::with(EVENTLOGS).await;
    let client = stage.client().await;
    let lanes = lanes(&client, 320).await;
    acknowledged(send_on_each(&lanes, 0).await, 320).await;
    stage.network.drop_connections(ADDRESS);
    acknowledged(send_on_each(&lanes, 1).await, 320).await;
    assert_eq!(stage.network.connections(ADDRESS), 2);
    client.close();
    assert_eq!(stage.network.connections(ADDRESS), 0);
    acknowledged(send_on_each(&lanes, 2).await, 320).await;
    assert_eq!(stage.network.connections(ADDRESS), 2);
}

#[tokio::test(start_paused = true)]
async fn past_the_limit_of_connections_lanes_wait_and_are_told_why_it_was_in_vain() {
    let stage = Stage::with(EVENTLOGS).await;
    let client = narrow(&stage).await;
    let lanes = lanes(&client, 320).await;
    let acks = send_on_each(&lanes, 0).await;
    client.admin().list_namespaces().await.unwrap();
    let mut failed = Vec::new();
    for ack in acks {
        failed.extend(ack.await.err());
    }
    assert_eq!(failed.len(), 320 - LANES);
    let expected = SendError::TimedOut {
        limit_ms: 30_000,
        may_be_stored: false,
        last: ClientError::TooManyStreams { connections: 1 }.to_string(),
    };
    assert!(failed.iter().all(|error| *error == expected), "{failed:?}");
    assert_eq!(stage.network.connections(ADDRESS), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_waits_publishes_when_others_are_closed() {
    let stage = Stage::with(EVENTLOGS).await;
    let client = narrow(&stage).await;
    let mut lanes = lanes(&client, LANES as u64 + 1).await;
    let late = lanes.split_off(LANES);
    acknowledged(send_on_each(&lanes, 0).await, LANES).await;
    let waiting = late[0].send(event(1)).await.unwrap();
    drop(lanes);
    assert_eq!(waiting.await.unwrap().id.offset, 3);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_without_a_stream_and_a_request_past_the_last_are_refused() {
    let stage = Stage::with(EVENTLOGS).await;
    let client = narrow(&stage).await;
    let lanes = lanes(&client, 320).await;
    acknowledged(send_on_each(&lanes, 0).await, LANES).await;
    let mut consumer = client
        .consumer("default", "orders", ConsumerOptions::default())
        .await
        .unwrap();
    let full = ClientError::TooManyStreams { connections: 1 };
    assert_eq!(consumer.next().await.unwrap_err(), full);
    // Reads that wait for an event take what is left.
    let (log, end) = (EventlogId::from_u64(64), stage.broker.ids(64).len() as u64);
    let mut reads = JoinSet::new();
    for _ in 0..13 {
        let client = client.clone();
        let wait = Duration::from_secs(30);
        reads.spawn(async move { client.read(log, end, 1024, wait).await });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let admin = client.admin();
    assert_eq!(admin.list_namespaces().await.unwrap_err(), full);
    assert_eq!(full.code(), ErrorCode::TryAgain);
    stage.broker.fill(64, 7..8, 1);
    for read in reads.join_all().await {
        assert_eq!(read.unwrap().0.next_offset, end + 1);
    }
    admin.list_namespaces().await.unwrap();
}
