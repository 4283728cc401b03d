//! Publishing.

use std::{collections::HashSet, time::Duration};

use vanus_client::{
    Ack, Durability, Event, EventlogId, Producer, ProducerOptions, SendError, SendRefusal,
};
use vanus_types::{Coded as _, ErrorCode};

use crate::broker::{Stage, event};

async fn producer(stage: &Stage, options: ProducerOptions) -> Producer {
    stage
        .client()
        .await
        .producer("default", "orders", options)
        .await
        .unwrap()
}

/// An event whose key is `key`.
fn keyed(id: u64, key: &str) -> Event {
    let event = Event::builder().id(id.to_string()).source("/s").ty("t");
    event.extension("partitionkey", key).build().unwrap()
}

async fn send_all(producer: &Producer, ids: std::ops::Range<u64>) -> Vec<Ack> {
    let mut acks = Vec::new();
    for id in ids {
        acks.push(producer.send(event(id)).await.unwrap());
    }
    acks
}

fn all(count: u64) -> Vec<u64> {
    (0..count).collect()
}

#[tokio::test]
async fn each_event_is_acknowledged_with_its_own_offset() {
    let stage = Stage::with(1).await;
    let producer = producer(&stage, ProducerOptions::default()).await;
    let acks = send_all(&producer, 0..1000).await;
    for (offset, ack) in (0..).zip(acks) {
        let receipt = ack.await.unwrap();
        assert_eq!((receipt.id.offset, receipt.id.eventlog.get()), (offset, 1));
        assert_eq!(receipt.durability, Durability::Fsync);
        assert!(!receipt.duplicate);
    }
    assert_eq!(stage.broker.ids(1), all(1000));
    let stats = producer.stats();
    assert_eq!(
        (stats.sent, stats.acknowledged, stats.failed, stats.resent),
        (1000, 1000, 0, 0)
    );
}

#[tokio::test]
async fn a_lone_event_does_not_linger() {
    let stage = Stage::with(1).await;
    let linger = Duration::from_secs(3600);
    let producer = producer(
        &stage,
        ProducerOptions {
            linger,
            ..Default::default()
        },
    )
    .await;
    for id in 0..3 {
        assert_eq!(
            producer.send_and_wait(event(id)).await.unwrap().id.offset,
            id
        );
    }
    assert_eq!(stage.broker.batches(1), 3);
}

#[tokio::test(start_paused = true)]
async fn events_join_a_batch_while_others_are_under_way() {
    let stage = Stage::with(1).await;
    let producer = producer(&stage, ProducerOptions::default()).await;
    producer.send_and_wait(event(0)).await.unwrap();
    stage.broker.hold_outcomes();
    let second = producer.send(event(1)).await.unwrap();
    while stage.broker.batches(1) == 1 {
        tokio::task::yield_now().await;
    }
    let rest = send_all(&producer, 2..100).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(
        stage.broker.batches(1),
        3,
        "the rest lingered and left together"
    );
    stage.broker.tell_outcomes();
    assert_eq!(second.await.unwrap().id.offset, 1);
    assert_eq!(rest.last().unwrap().clone().await.unwrap().id.offset, 99);
}

#[tokio::test(start_paused = true)]
async fn in_a_crowded_window_a_batch_grows_until_an_answer_comes() {
    let stage = Stage::with(1).await;
    let window_bytes = 16 * 1024;
    let options = ProducerOptions {
        window_bytes,
        ..Default::default()
    };
    let producer = producer(&stage, options).await;
    stage.broker.hold_outcomes();
    let first = producer.send(event(0)).await.unwrap();
    while stage.broker.batches(1) == 0 {
        tokio::task::yield_now().await;
    }
    let mut rest = Vec::new();
    // Until no more fits.
    while let Ok(ack) = producer.try_send(event(1 + rest.len() as u64)) {
        rest.push(ack);
    }
    assert!(rest.len() > 20);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(stage.broker.batches(1), 1, "the rest is held");
    stage.broker.tell_outcomes();
    first.await.unwrap();
    for ack in &rest {
        ack.clone().await.unwrap();
    }
    assert_eq!(stage.broker.batches(1), 2, "and leaves together");
}

#[tokio::test]
async fn full_batches_do_not_linger_and_keep_to_their_limits() {
    let stage = Stage::with(1).await;
    let linger = Duration::from_secs(3600);
    let options = ProducerOptions {
        linger,
        max_batch_events: 10,
        ..Default::default()
    };
    let producer = producer(&stage, options).await;
    let acks = send_all(&producer, 0..100).await;
    for ack in acks {
        ack.await.unwrap();
    }
    assert!(stage.broker.batches(1) >= 10);
    assert_eq!(stage.broker.ids(1), all(100));
}

#[tokio::test]
async fn broken_connections_neither_lose_nor_double_nor_reorder() {
    let stage = Stage::with(1).await;
    let options = ProducerOptions {
        max_batch_events: 7,
        ..Default::default()
    };
    let producer = producer(&stage, options).await;
    let mut acks = Vec::new();
    for id in 0..3000 {
        acks.push(producer.send(event(id)).await.unwrap());
        if id % 97 == 0 {
            tokio::task::yield_now().await;
            stage.network.drop_connections(crate::broker::ADDRESS);
        }
    }
    for (offset, ack) in (0..).zip(acks) {
        assert_eq!(ack.await.unwrap().id.offset, offset);
    }
    assert_eq!(stage.broker.ids(1), all(3000));
    assert!(producer.stats().resent > 0);
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_is_stored_once() {
    let stage = Stage::with(1).await;
    stage.broker.hold_outcomes();
    let producer = producer(&stage, ProducerOptions::default()).await;
    let ack = producer.send(event(0)).await.unwrap();
    while stage.broker.batches(1) == 0 {
        tokio::task::yield_now().await;
    }
    stage.network.drop_connections(crate::broker::ADDRESS);
    stage.broker.tell_outcomes();
    let receipt = ack.await.unwrap();
    assert!(receipt.duplicate);
    assert_eq!(receipt.id.offset, 0);
    assert_eq!(stage.broker.ids(1), [0]);
}

#[tokio::test]
async fn what_is_refused_for_the_moment_is_sent_again_in_order() {
    let stage = Stage::with(1).await;
    let options = ProducerOptions {
        max_batch_events: 1,
        ..Default::default()
    };
    let producer = producer(&stage, options).await;
    producer.send_and_wait(event(0)).await.unwrap();
    let busy = Some(ErrorCode::TryAgain);
    let full = Some(ErrorCode::NoSpace);
    stage
        .broker
        .refuse(&[None, busy, None, full, None, None, busy, busy]);
    for ack in send_all(&producer, 1..20).await {
        ack.await.unwrap();
    }
    assert_eq!(stage.broker.ids(1), all(20));
    assert_eq!(producer.stats().failed, 0);
}

#[tokio::test]
async fn what_may_be_stored_is_sent_again_under_its_old_number() {
    let stage = Stage::with(1).await;
    let options = ProducerOptions {
        max_batch_events: 1,
        ..Default::default()
    };
    let producer = producer(&stage, options).await;
    producer.send_and_wait(event(0)).await.unwrap();
    let unsure = Some(ErrorCode::StorageIo);
    stage.broker.refuse(&[None, unsure, None, unsure]);
    for ack in send_all(&producer, 1..10).await {
        ack.await.unwrap();
    }
    assert_eq!(stage.broker.ids(1), all(10));
}

#[tokio::test]
async fn what_is_refused_for_good_fails_alone() {
    let stage = Stage::with(1).await;
    let options = ProducerOptions {
        max_batch_events: 1,
        ..Default::default()
    };
    let producer = producer(&stage, options).await;
    producer.send_and_wait(event(0)).await.unwrap();
    stage
        .broker
        .refuse(&[None, None, Some(ErrorCode::TooLarge)]);
    let mut acks = send_all(&producer, 1..10).await;
    let refused = acks.remove(2).await.unwrap_err();
    assert!(matches!(&refused, SendError::Refused(fault) if fault.code == ErrorCode::TooLarge));
    for ack in acks {
        ack.await.unwrap();
    }
    assert_eq!(stage.broker.ids(1), [0, 1, 2, 4, 5, 6, 7, 8, 9]);
    assert_eq!(producer.stats().failed, 1);
}

#[tokio::test]
async fn a_server_that_forgot_the_producer_is_written_to_under_a_new_id() {
    let stage = Stage::with(1).await;
    let options = ProducerOptions {
        max_batch_events: 1,
        ..Default::default()
    };
    let producer = producer(&stage, options).await;
    for ack in send_all(&producer, 0..5).await {
        ack.await.unwrap();
    }
    stage.broker.forget_producers();
    for ack in send_all(&producer, 5..10).await {
        ack.await.unwrap();
    }
    assert_eq!(stage.broker.ids(1), all(10));
}

#[tokio::test]
async fn a_full_window_gives_the_event_back_or_waits() {
    let stage = Stage::with(1).await;
    stage.broker.hold_outcomes();
    let window_bytes = 1000;
    let producer = producer(
        &stage,
        ProducerOptions {
            window_bytes,
            ..Default::default()
        },
    )
    .await;
    let mut taken = 0;
    let refused = loop {
        match producer.try_send(event(taken)) {
            Ok(_) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert!(taken > 2);
    assert_eq!(refused.reason, SendRefusal::Full { limit: 1000 });
    assert_eq!(refused.event, event(taken));
    let waiting = tokio::spawn({
        let producer = producer.clone();
        async move { producer.send(refused.event).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    stage.broker.tell_outcomes();
    waiting.await.unwrap().unwrap().await.unwrap();
    assert_eq!(stage.broker.ids(1), all(taken + 1));
    let large = "x".repeat(100_000);
    let large = Event::builder()
        .id("1")
        .source("/s")
        .ty("t")
        .text(large)
        .build()
        .unwrap();
    producer.send_and_wait(large).await.unwrap();
}

#[tokio::test]
async fn equal_keys_share_an_eventlog_and_others_are_spread() {
    let stage = Stage::with(4).await;
    let producer = producer(&stage, ProducerOptions::default()).await;
    let (mut by_key, mut used) = (HashSet::new(), HashSet::new());
    for id in 0..200 {
        let key = format!("key-{}", id % 20);
        let receipt = producer.send_and_wait(keyed(id, &key)).await.unwrap();
        by_key.insert((key.clone(), receipt.id.eventlog));
        used.insert(receipt.id.eventlog);
        let index = vanus_types::checksum::crc32c(key.as_bytes()) % 4;
        assert_eq!(
            receipt.id.eventlog,
            EventlogId::from_u64(u64::from(index) + 1)
        );
    }
    assert_eq!((by_key.len(), used.len()), (20, 4));
    let mut turns = Vec::new();
    for id in 0..8 {
        turns.push(
            producer
                .send_and_wait(event(id))
                .await
                .unwrap()
                .id
                .eventlog
                .get(),
        );
    }
    assert_eq!(turns.iter().collect::<HashSet<_>>().len(), 4, "{turns:?}");
}

#[tokio::test(start_paused = true)]
async fn an_event_is_given_up_in_time_and_says_whether_it_may_be_stored() {
    let stage = Stage::with(1).await;
    let delivery_timeout = Duration::from_secs(3);
    let options = ProducerOptions {
        delivery_timeout,
        ..Default::default()
    };
    let producer = producer(&stage, options).await;
    stage.network.cut(crate::broker::ADDRESS);
    let lost = producer.send_and_wait(event(0)).await.unwrap_err();
    assert!(
        matches!(
            lost,
            SendError::TimedOut {
                may_be_stored: false,
                limit_ms: 3000,
                ..
            }
        ),
        "{lost}"
    );
    stage.network.heal(crate::broker::ADDRESS);
    stage.broker.hold_outcomes();
    let unsure = producer.send_and_wait(event(1)).await.unwrap_err();
    assert!(
        matches!(
            unsure,
            SendError::TimedOut {
                may_be_stored: true,
                ..
            }
        ),
        "{unsure}"
    );
    stage.broker.tell_outcomes();
    // What follows one that may be stored is stored all the same, under numbers of its own.
    let receipt = producer.send_and_wait(event(2)).await.unwrap();
    assert!(!receipt.duplicate);
    assert_eq!(stage.broker.ids(1).last(), Some(&2));
}

#[tokio::test]
async fn flushing_waits_for_outcomes_and_closing_refuses_more() {
    let stage = Stage::with(2).await;
    let linger = Duration::from_secs(3600);
    let producer = producer(
        &stage,
        ProducerOptions {
            linger,
            ..Default::default()
        },
    )
    .await;
    let acks = send_all(&producer, 0..50).await;
    producer.flush().await;
    assert!(
        acks.iter()
            .all(|ack| ack.try_get().is_some_and(|outcome| outcome.is_ok()))
    );
    let last = producer.send(event(50)).await.unwrap();
    producer.close().await;
    assert!(last.try_get().unwrap().is_ok());
    let refused = producer.send(event(51)).await.unwrap_err();
    assert_eq!(
        (refused.reason, refused.event),
        (SendRefusal::Closed, event(51))
    );
    assert_eq!(
        producer.try_send(event(51)).unwrap_err().reason,
        SendRefusal::Closed
    );
}

#[tokio::test]
async fn what_was_taken_in_is_sent_after_the_producer_is_dropped() {
    let stage = Stage::with(1).await;
    let linger = Duration::from_secs(3600);
    let producer = producer(
        &stage,
        ProducerOptions {
            linger,
            ..Default::default()
        },
    )
    .await;
    let acks = send_all(&producer, 0..50).await;
    drop(producer);
    for ack in acks {
        ack.await.unwrap();
    }
    assert_eq!(stage.broker.ids(1), all(50));
}

#[tokio::test]
async fn a_server_that_stops_is_left_for_the_next_one() {
    let stage = Stage::with(1).await;
    let producer = producer(&stage, ProducerOptions::default()).await;
    let mut acks = Vec::new();
    for id in 0..2000 {
        acks.push(producer.send(event(id)).await.unwrap());
        if id % 50 == 0 {
            tokio::task::yield_now().await;
        }
        if id == 1000 {
            stage.stopping.cancel();
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            stage.serve_again().await;
        }
    }
    for ack in acks {
        ack.await.unwrap();
    }
    assert_eq!(stage.broker.ids(1), all(2000));
}

#[tokio::test]
async fn an_unknown_eventbus_is_told_by_its_code() {
    let stage = Stage::with(1).await;
    let client = stage.client().await;
    let error = client
        .producer("default", "nothing", ProducerOptions::default())
        .await;
    let error = error.unwrap_err();
    assert_eq!(
        vanus_types::Coded::code(&error),
        ErrorCode::EventbusNotFound
    );
    let bad = client
        .producer("default", "no/name", ProducerOptions::default())
        .await
        .unwrap_err();
    assert_eq!(vanus_types::Coded::code(&bad), ErrorCode::InvalidName);
}

#[tokio::test]
async fn a_producer_for_one_eventlog_sends_nothing_elsewhere() {
    let stage = Stage::with(2).await;
    let options = ProducerOptions {
        eventlog: Some(EventlogId::from_u64(2)),
        ..Default::default()
    };
    let producer = producer(&stage, options).await;
    for id in 0..4 {
        let event = keyed(id, &format!("key-{id}"));
        let receipt = producer.send_and_wait(event).await.unwrap();
        assert_eq!(receipt.id.eventlog.get(), 2);
    }
    let options = ProducerOptions {
        eventlog: Some(EventlogId::from_u64(99)),
        ..Default::default()
    };
    let client = stage.client().await;
    let refused = client.producer("default", "orders", options).await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::EventlogNotFound);
}
