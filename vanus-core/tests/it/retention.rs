//! Retention by age and by size, and readers that are waited for.

use std::{sync::Arc, time::Duration};

use vanus_core::{
    Eventbus, EventbusSpec, EventbusUpdate, Name, OpenOptions, RetainFor, StoreOptions,
    SubscriptionSpec, Vanus,
};
use vanus_storage::Threads;
use vanus_types::{Event, ManualClock, control::EventlogInfo};

use crate::support::{Seen, subscription, until};

/// Looks at retention only when it is told to: when a retention is changed.
async fn open(clock: &Arc<ManualClock>) -> Vanus {
    let options = OpenOptions {
        store: StoreOptions {
            threads: Threads::Background,
            ..StoreOptions::small()
        },
        retention_interval: Duration::from_secs(3_600),
        ..OpenOptions::default()
    };
    let clock = Arc::clone(clock);
    let builder = Vanus::builder().in_memory().options(options).clock(clock);
    builder.open().await.unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(1_000_000))
}

async fn eventbus(vanus: &Vanus, eventlogs: u16) -> Eventbus {
    let spec = EventbusSpec {
        eventlogs,
        ..EventbusSpec::new(Name::new("orders").unwrap())
    };
    vanus.create_eventbus("default", spec).await.unwrap()
}

/// Publishes `count` events of about 10 KB with a key, a second apart.
async fn publish(bus: &Eventbus, clock: &ManualClock, key: &str, count: usize) {
    for turn in 0..count {
        let event = Event::builder()
            .id(format!("{key}-{turn}"))
            .source("/test")
            .ty("t")
            .extension("partitionkey", key)
            .text("x".repeat(10_000))
            .build()
            .unwrap();
        bus.publish(event).await.unwrap();
        clock.advance_ms(1_000);
    }
}

fn logs(vanus: &Vanus, bus: &Eventbus) -> Vec<EventlogInfo> {
    vanus.eventbus_info(bus.id(), true).unwrap().logs
}

fn bytes(vanus: &Vanus, bus: &Eventbus) -> u64 {
    logs(vanus, bus).iter().map(|log| log.bytes).sum()
}

async fn update(vanus: &Vanus, bus: &Eventbus, update: EventbusUpdate) {
    vanus.update_eventbus(bus.id(), update).await.unwrap();
}

fn size(bytes: u64) -> EventbusUpdate {
    EventbusUpdate {
        retention_bytes: Some(bytes),
        ..EventbusUpdate::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eventbus_is_held_to_its_size_by_its_oldest_segments() {
    let clock = clock();
    let vanus = open(&clock).await;
    let bus = eventbus(&vanus, 2).await;
    // Two keys of different eventlogs; the events of the first are older.
    let keys = ["a", "c"];
    for key in keys {
        publish(&bus, &clock, key, 30).await;
    }
    until("everything is in segments", async || {
        logs(&vanus, &bus)
            .iter()
            .all(|log| log.segments.last().unwrap().end_offset == 30)
    })
    .await;
    let before = bytes(&vanus, &bus);
    assert!(before > 600_000, "{before}");
    let bound = before / 2 + 100_000;
    update(&vanus, &bus, size(bound)).await;
    until("the bus is within its bound", async || {
        bytes(&vanus, &bus) <= bound
    })
    .await;
    let after = logs(&vanus, &bus);
    let starts: Vec<u64> = after.iter().map(|log| log.start_offset).collect();
    assert!(
        starts.contains(&0),
        "only the older events went: {starts:?}"
    );
    assert!(starts.iter().any(|start| *start > 0));
    assert!(
        bytes(&vanus, &bus) > bound - 70_000,
        "no more than a segment too much went"
    );
    // The segment that is written to stays, however small the bound.
    update(&vanus, &bus, size(1)).await;
    until("only open segments are left", async || {
        logs(&vanus, &bus).iter().all(|log| log.segments.len() == 1)
    })
    .await;
    for log in logs(&vanus, &bus) {
        assert!(log.start_offset < log.end_offset);
    }
    update(&vanus, &bus, size(0)).await;
    assert_eq!(bus.record().unwrap().retention_bytes, None);
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_subscription_has_not_read_is_kept_until_it_has_or_is_gone() {
    let clock = clock();
    let vanus = open(&clock).await;
    let bus = eventbus(&vanus, 1).await;
    let spec = SubscriptionSpec {
        disabled: true,
        ..subscription("orders")
    };
    let seen = Seen::default();
    let paused = vanus.subscribe(spec, seen.sink()).await.unwrap().record.id;
    publish(&bus, &clock, "a", 30).await;
    let both = EventbusUpdate {
        retention_ms: Some(1_000),
        retention_bytes: Some(1),
        retain_for: Some(RetainFor::Subscriptions),
        ..EventbusUpdate::default()
    };
    clock.advance_ms(60_000);
    update(&vanus, &bus, both.clone()).await;
    let held = || {
        let metrics = vanus.metrics().subscriptions;
        metrics
            .iter()
            .find(|sub| sub.id == paused)
            .unwrap()
            .held_bytes
    };
    until("the metric names who holds", async || held() > 300_000).await;
    assert_eq!(logs(&vanus, &bus)[0].start_offset, 0);
    // Once it has read everything, everything goes.
    vanus.resume_subscription(paused).await.unwrap();
    until("it has read everything", async || seen.ids().len() == 30).await;
    until("nothing is held", async || {
        update(&vanus, &bus, both.clone()).await;
        held() == 0 && logs(&vanus, &bus)[0].start_offset == 30
    })
    .await;
    // A deleted one holds nothing either, and without the option nobody does.
    vanus.disable_subscription(paused).await.unwrap();
    publish(&bus, &clock, "a", 30).await;
    clock.advance_ms(60_000);
    update(&vanus, &bus, both.clone()).await;
    until("the metric names who holds again", async || held() > 0).await;
    let nobody = EventbusUpdate {
        retain_for: Some(RetainFor::None),
        ..EventbusUpdate::default()
    };
    until("it is not waited for", async || {
        // Looked at again until the last events are in a segment too.
        update(&vanus, &bus, nobody.clone()).await;
        held() == 0 && logs(&vanus, &bus)[0].start_offset == 60
    })
    .await;
    vanus.close().await.unwrap();
}
