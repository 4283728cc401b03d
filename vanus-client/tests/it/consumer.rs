//! Consuming.

use std::time::Duration;

use vanus_client::{
    ClientError, Consumer, ConsumerOptions, EventId, EventlogId, ProducerOptions, ReadMode, StartAt,
};
use vanus_types::{Coded, ErrorCode};

use crate::broker::{ADDRESS, Stage, event};

const MODES: [ReadMode; 2] = [
    ReadMode::Tail,
    ReadMode::Poll {
        wait: Duration::from_millis(200),
    },
];

async fn consumer(stage: &Stage, options: ConsumerOptions) -> Consumer {
    stage
        .client()
        .await
        .consumer("default", "orders", options)
        .await
        .unwrap()
}

async fn take(consumer: &mut Consumer, count: usize) -> Vec<(u64, u64)> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let received = tokio::time::timeout(Duration::from_secs(10), consumer.next());
        let received = received.await.expect("an event").unwrap();
        taken.push((received.offset, received.event.id().parse().unwrap()));
    }
    taken
}

fn pairs(range: std::ops::Range<u64>) -> Vec<(u64, u64)> {
    range.map(|n| (n, n)).collect()
}

#[tokio::test]
async fn a_consumer_starts_where_it_is_told() {
    let stage = Stage::with(1).await;
    stage.broker.fill(1, 0..100, 10);
    let log = EventlogId::from_u64(1);
    for mode in MODES {
        let options = |start| ConsumerOptions {
            start,
            mode,
            ..Default::default()
        };
        let mut earliest = consumer(&stage, options(StartAt::Earliest)).await;
        assert_eq!(take(&mut earliest, 100).await, pairs(0..100));
        let mut inside = consumer(&stage, options(StartAt::Offsets(vec![(log, 37)]))).await;
        assert_eq!(take(&mut inside, 63).await, pairs(37..100));
        // The batch with offset 50 was appended at 500 ms.
        let mut timed = consumer(&stage, options(StartAt::Time(491))).await;
        assert_eq!(take(&mut timed, 50).await, pairs(50..100));
    }
}

#[tokio::test]
async fn the_latest_is_what_is_published_from_now_on() {
    for mode in MODES {
        let stage = Stage::with(1).await;
        stage.broker.fill(1, 0..10, 3);
        let options = ConsumerOptions {
            start: StartAt::Latest,
            mode,
            ..Default::default()
        };
        let mut latest = consumer(&stage, options).await;
        stage.broker.fill(1, 10..20, 3);
        assert_eq!(take(&mut latest, 10).await, pairs(10..20));
    }
}

#[tokio::test]
async fn broken_connections_neither_lose_nor_repeat_events() {
    for mode in MODES {
        let stage = Stage::with(1).await;
        let options = ConsumerOptions {
            mode,
            max_bytes: 2000,
            ..Default::default()
        };
        let mut consumer = consumer(&stage, options).await;
        let mut seen = Vec::new();
        for round in 0..40 {
            stage.broker.fill(1, round * 50..(round + 1) * 50, 7);
            seen.extend(take(&mut consumer, 30).await);
            stage.network.drop_connections(ADDRESS);
        }
        let left = 2000 - seen.len();
        seen.extend(take(&mut consumer, left).await);
        assert_eq!(seen, pairs(0..2000));
    }
}

#[tokio::test]
async fn all_eventlogs_are_merged_each_in_order() {
    let stage = Stage::with(3).await;
    for log in 1..=3 {
        stage.broker.fill(log, 0..50, 8);
    }
    let mut all = consumer(&stage, ConsumerOptions::default()).await;
    let mut next = [0; 4];
    for _ in 0..150 {
        let received = all.next().await.unwrap();
        let log = usize::try_from(received.eventlog.get()).unwrap();
        assert_eq!(received.offset, next[log]);
        assert_eq!(
            received.id(),
            EventId {
                eventlog: received.eventlog,
                offset: next[log]
            }
        );
        next[log] += 1;
    }
    let only = Some(vec![EventlogId::from_u64(2)]);
    let mut one = consumer(
        &stage,
        ConsumerOptions {
            eventlogs: only,
            ..Default::default()
        },
    )
    .await;
    assert_eq!(take(&mut one, 50).await, pairs(0..50));
}

#[tokio::test]
async fn whole_batches_are_handed_out_with_the_first_offset_wanted() {
    let stage = Stage::with(1).await;
    stage.broker.fill(1, 0..10, 10);
    let start = StartAt::Offsets(vec![(EventlogId::from_u64(1), 4)]);
    let mut consumer = consumer(
        &stage,
        ConsumerOptions {
            start,
            ..Default::default()
        },
    )
    .await;
    let received = consumer.next_batch().await.unwrap();
    assert_eq!((received.first_offset, received.len()), (4, 6));
    assert_eq!(received.batch.header().base_offset, 0);
    let offsets: Vec<_> = received.events().map(|(offset, _)| offset).collect();
    assert_eq!(offsets, [4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn damaged_batches_are_never_handed_out() {
    for mode in MODES {
        let stage = Stage::with(1).await;
        stage.broker.fill(1, 0..10, 10);
        *stage.broker.damage.lock() = Some(|bytes| *bytes.last_mut().unwrap() ^= 1);
        let mut consumer = consumer(
            &stage,
            ConsumerOptions {
                mode,
                ..Default::default()
            },
        )
        .await;
        let error = consumer.next().await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::CorruptData);
        assert_eq!(consumer.next().await.unwrap_err(), ClientError::Closed);
    }
}

#[tokio::test]
async fn a_gap_in_the_offsets_is_an_error() {
    for mode in MODES {
        let stage = Stage::with(1).await;
        stage.broker.fill(1, 0..10, 5);
        // The batch claims another place, with valid checksums.
        *stage.broker.damage.lock() = Some(|bytes| {
            let bytes_now = bytes::Bytes::copy_from_slice(bytes);
            let (batch, _) = vanus_types::Batch::parse(&bytes_now).unwrap();
            let header = *batch.header();
            let moved = batch.assigned(header.eventlog, header.base_offset + 1, 0);
            bytes[..64].copy_from_slice(&moved.header().encode());
        });
        let mut consumer = consumer(
            &stage,
            ConsumerOptions {
                mode,
                ..Default::default()
            },
        )
        .await;
        let error = consumer.next().await.unwrap_err();
        assert!(matches!(error, ClientError::Answer { .. }), "{error}");
    }
}

#[tokio::test]
async fn events_that_are_not_kept_any_more_are_told() {
    for mode in MODES {
        let stage = Stage::with(1).await;
        stage.broker.fill(1, 0..10, 5);
        stage.broker.retire(1, 5);
        let start = StartAt::Offsets(vec![(EventlogId::from_u64(1), 0)]);
        let options = ConsumerOptions {
            start,
            mode,
            ..Default::default()
        };
        let error = consumer(&stage, options).await.next().await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::OffsetUnderflow);
        let mut kept = consumer(
            &stage,
            ConsumerOptions {
                mode,
                ..Default::default()
            },
        )
        .await;
        assert_eq!(take(&mut kept, 5).await, pairs(5..10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_does_not_consume_holds_the_server_back() {
    let stage = Stage::with(1).await;
    stage.broker.fill(1, 0..5000, 1);
    let options = ConsumerOptions {
        max_bytes: 1,
        read_ahead: 2,
        ..Default::default()
    };
    let mut consumer = consumer(&stage, options).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let pushed = *stage.broker.pushed.lock();
    assert!(pushed < 200, "{pushed} batches were pushed");
    assert_eq!(take(&mut consumer, 5000).await, pairs(0..5000));
}

#[tokio::test]
async fn a_server_that_stops_is_left_for_the_next_one() {
    for mode in MODES {
        let stage = Stage::with(1).await;
        stage.broker.fill(1, 0..10, 5);
        let mut consumer = consumer(
            &stage,
            ConsumerOptions {
                mode,
                ..Default::default()
            },
        )
        .await;
        assert_eq!(take(&mut consumer, 10).await, pairs(0..10));
        stage.stopping.cancel();
        tokio::task::yield_now().await;
        stage.broker.fill(1, 10..20, 5);
        tokio::time::sleep(Duration::from_millis(5)).await;
        stage.serve_again().await;
        assert_eq!(take(&mut consumer, 10).await, pairs(10..20));
    }
}

#[tokio::test]
async fn single_reads_wait_for_events_and_find_them_by_id() {
    let stage = Stage::with(1).await;
    let client = stage.client().await;
    let log = EventlogId::from_u64(1);
    let (reply, batches) = client
        .read(log, 0, 1000, Duration::from_millis(10))
        .await
        .unwrap();
    assert_eq!((reply.next_offset, batches.len()), (0, 0));
    let reading = tokio::spawn({
        let client = client.clone();
        async move { client.read(log, 0, 1000, Duration::from_secs(5)).await }
    });
    let producer = client
        .producer("default", "orders", ProducerOptions::default())
        .await
        .unwrap();
    let receipt = producer.send_and_wait(event(42)).await.unwrap();
    let (reply, batches) = reading.await.unwrap().unwrap();
    assert_eq!((reply.next_offset, batches.len()), (1, 1));
    let stored = client.read_event(receipt.id).await.unwrap();
    assert_eq!((stored.event, stored.id), (event(42), receipt.id));
    let beyond = EventId {
        eventlog: log,
        offset: 7,
    };
    let error = client.read_event(beyond).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::OffsetOverflow);
}
