//! Publishing and reading back.

use std::time::Duration;

use vanus_core::{
    Coded, Durability, ErrorCode, Event, ProducerId, PublishOptions, ReadOptions, StartFrom,
};

use crate::support::{event, eventbus, in_memory};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_read_back_byte_for_byte() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let events: Vec<_> = (0..100).map(|id| event(id, "t")).collect();
    let published = bus.publish_all(&events).await.unwrap();
    assert_eq!(
        published.iter().map(|p| p.id.offset).collect::<Vec<_>>(),
        (0..100).collect::<Vec<_>>()
    );
    let log = published[0].id.eventlog;
    let page = bus
        .read(
            log,
            40,
            ReadOptions {
                max_events: 1_000,
                ..ReadOptions::default()
            },
        )
        .await;
    let page = page.unwrap();
    assert_eq!(
        (page.events.len(), page.next_offset, page.end_offset),
        (60, 100, 100)
    );
    for (stored, original) in page.events.iter().zip(&events[40..]) {
        assert_eq!(stored.event.record(), original.record());
    }
    assert_eq!(vanus.event(published[7].id).await.unwrap().event, events[7]);
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_choose_the_eventlog_and_the_rest_takes_turns() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 4).await;
    let keyed = |id: u32| {
        let builder = Event::builder().id(id.to_string()).source("/s").ty("t");
        builder
            .extension("partitionkey", format!("k{}", id % 5))
            .build()
            .unwrap()
    };
    let events: Vec<_> = (0..50).map(keyed).collect();
    let published = bus.publish_all(&events).await.unwrap();
    assert_eq!(published.len(), 50);
    for (index, place) in published.iter().enumerate() {
        assert_eq!(place.id.eventlog, published[index % 5].id.eventlog);
        assert_eq!(
            vanus.event(place.id).await.unwrap().event.id(),
            index.to_string()
        );
    }
    let mut turns = Vec::new();
    for id in 0..4 {
        turns.push(bus.publish(event(id, "t")).await.unwrap().id.eventlog);
    }
    turns.sort_unstable();
    turns.dedup();
    assert_eq!(turns.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_publish_is_stored_once() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 3).await;
    let producer = ProducerId::from_u64(77);
    let options = |sequence| PublishOptions {
        producer: Some((producer, sequence)),
        ..PublishOptions::default()
    };
    let first = bus
        .publish_with(&[event(1, "t"), event(2, "t")], options(1))
        .await
        .unwrap();
    let again = bus
        .publish_with(&[event(1, "t"), event(2, "t")], options(1))
        .await
        .unwrap();
    assert!(again.iter().all(|p| p.duplicate));
    assert_eq!(again[1].id, first[1].id);
    let gap = bus
        .publish_with(&[event(9, "t")], options(9))
        .await
        .unwrap_err();
    assert_eq!(gap.code(), ErrorCode::OutOfSequence);
    let next = bus
        .publish_with(&[event(3, "t")], options(3))
        .await
        .unwrap();
    assert_eq!(next[0].id.offset, first[1].id.offset + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_takes_nothing_with_it() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let reserved = event(2, "t")
        .to_builder()
        .extension("xvanussubid", "1")
        .build()
        .unwrap();
    let refused = bus
        .publish_all(&[event(1, "t"), reserved])
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert!(refused.to_string().contains("event 1"), "{refused}");
    let offsets = bus.offsets(StartFrom::Latest).await.unwrap();
    assert_eq!(offsets[0].1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_wakes_up_with_the_event() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let log = bus.record().unwrap().eventlogs[0];
    let wait = ReadOptions {
        wait: Duration::from_secs(30),
        ..ReadOptions::default()
    };
    let reader = tokio::spawn({
        let bus = bus.clone();
        async move { bus.read(log, 0, wait).await }
    });
    let options = PublishOptions {
        durability: Durability::PageCache,
        ..PublishOptions::default()
    };
    let published = bus.publish_with(&[event(1, "t")], options).await.unwrap();
    assert_eq!(published[0].durability, Durability::PageCache);
    assert_eq!(reader.await.unwrap().unwrap().events.len(), 1);
    let none = ReadOptions {
        wait: Duration::from_millis(10),
        ..ReadOptions::default()
    };
    assert!(bus.read(log, 1, none).await.unwrap().events.is_empty());
    let beyond = bus.read(log, 2, none).await.unwrap_err();
    assert_eq!(beyond.code(), ErrorCode::OffsetOverflow);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_sees_every_event_in_order() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let log = bus.record().unwrap().eventlogs[0];
    let mut tail = bus.tail(log, 0).unwrap();
    let writer = tokio::spawn(async move {
        for id in 0..200 {
            bus.publish(event(id, "t")).await.unwrap();
        }
    });
    for expected in 0..200 {
        assert_eq!(tail.next().await.unwrap().event.id(), expected.to_string());
    }
    writer.await.unwrap();
}
