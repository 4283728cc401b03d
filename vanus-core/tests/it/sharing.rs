//! Many subscriptions on one eventbus: they share a reader, and nobody waits for another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use vanus_core::{DeliveryError, FilterSpec, StartFrom, SubscriptionId, SubscriptionSpec, Vanus};

use crate::support::{Seen, copy, event, eventbus, in_memory, on_disk, subscription, until};

fn wants(ty: &str) -> SubscriptionSpec {
    SubscriptionSpec {
        filters: vec![FilterSpec::Exact([("type".into(), ty.into())].into())],
        ..subscription("orders")
    }
}

async fn settled(vanus: &Vanus, id: SubscriptionId) -> bool {
    let info = vanus.subscription(id).await.unwrap();
    let mut progress = info.progress.iter();
    progress.all(|log| log.committed == log.end_offset)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_gets_its_own_events_and_counts_the_others() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 2).await;
    let mut subs = Vec::new();
    for number in 0..200 {
        let seen = Seen::default();
        let spec = wants(&format!("t{}", number % 50));
        let info = vanus.subscribe(spec, seen.sink()).await.unwrap();
        subs.push((info.record.id, number % 50, seen));
    }
    for round in 0..4 {
        for ty in 0..40 {
            let id = format!("{ty}.{round}");
            bus.publish(event(id, &format!("t{ty}"))).await.unwrap();
        }
    }
    for (id, ty, seen) in &subs {
        until("all are settled", async || settled(&vanus, *id).await).await;
        let mut ids = seen.ids();
        ids.sort_unstable();
        let expected: Vec<String> = (0..4).map(|round| format!("{ty}.{round}")).collect();
        assert_eq!(ids, if *ty < 40 { expected } else { Vec::new() });
        let totals = vanus.subscription(*id).await.unwrap().totals;
        assert_eq!((totals.read, totals.delivered), (160, ids.len() as u64));
        assert_eq!(totals.filtered, 160 - totals.delivered);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_leaves_and_the_others_get_everything() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let free = Arc::new(AtomicBool::new(false));
    let slow = Seen::default();
    let (noted, opened) = (slow.clone(), free.clone());
    let hanging = move |delivery: vanus_core::Delivery| {
        let (noted, opened) = (noted.clone(), opened.clone());
        async move {
            while !opened.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            noted.note(&delivery);
            Ok(())
        }
    };
    let mut spec = subscription("orders");
    spec.config.in_flight = 2;
    spec.config.delivery_timeout_ms = 300_000;
    let slow_id = vanus.subscribe(spec, hanging).await.unwrap().record.id;
    let fast = Seen::default();
    let fast_id = vanus
        .subscribe(subscription("orders"), fast.sink())
        .await
        .unwrap()
        .record
        .id;
    // More than the slow one's window, line and inbox hold together.
    let events: Vec<_> = (0..2_000).map(|id| event(id, "t")).collect();
    for some in events.chunks(100) {
        bus.publish_all(some).await.unwrap();
    }
    until("the fast one has all", async || fast.ids().len() == 2_000).await;
    assert!(settled(&vanus, fast_id).await || fast.ids().len() == 2_000);
    assert!(slow.ids().is_empty());
    free.store(true, Ordering::SeqCst);
    until("the slow one has all", async || slow.ids().len() == 2_000).await;
    until("and is settled", async || settled(&vanus, slow_id).await).await;
    // It is back at the shared reader.
    bus.publish(event("last", "t")).await.unwrap();
    until("the last event", async || slow.ids().len() == 2_001).await;
    let mut ids = slow.ids();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2_001, "something was delivered twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_takes_long_reads_by_itself_and_misses_nothing() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let seen = Seen::default();
    let term = "LENGTH(UPPER(CONCAT(id, id, id, id))) > 0";
    let text = [term; 10].join(" AND ");
    let spec = SubscriptionSpec {
        filters: vec![FilterSpec::Sql(format!("type = 't' AND {text}"))],
        ..subscription("orders")
    };
    vanus.subscribe(spec, seen.sink()).await.unwrap();
    let id = |n| format!("{n:0>4000}");
    for number in 0..20 {
        bus.publish(event(id(number), "t")).await.unwrap();
    }
    until("all arrive", async || seen.ids().len() == 20).await;
    assert_eq!(seen.ids().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_join_and_leave_while_events_flow_miss_nothing_after_their_start() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let publishing = {
        let bus = bus.clone();
        tokio::spawn(async move {
            for id in 0..1_500 {
                bus.publish(event(id, "t")).await.unwrap();
            }
        })
    };
    let mut subs = Vec::new();
    for round in 0..30 {
        let seen = Seen::default();
        let mut spec = wants("t");
        if round % 2 == 0 {
            spec.config.start_from = StartFrom::Earliest;
        }
        let info = vanus.subscribe(spec, seen.sink()).await.unwrap();
        let start = info.progress[0].position;
        let id = info.record.id;
        if round % 3 == 0 {
            vanus.disable_subscription(id).await.unwrap();
            vanus.resume_subscription(id).await.unwrap();
        }
        subs.push((id, if round % 2 == 0 { 0 } else { start }, seen));
    }
    publishing.await.unwrap();
    for (id, start, seen) in subs {
        until("all are settled", async || settled(&vanus, id).await).await;
        let mut ids: Vec<u64> = seen.ids().iter().map(|id| id.parse().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        // Where it was told to start is no later than the first event it got.
        let first = *ids.first().unwrap_or(&1_500);
        assert!(first <= start, "{first} is the first of those from {start}");
        assert_eq!(ids, (first..1_500).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_idle_subscriptions_go_on_where_the_shared_reader_was() {
    /// So few that a sink which only fails is not spared.
    const EVENTS: u64 = 50;
    let dir = tempfile::tempdir().unwrap();
    let (idle, busy) = (
        SubscriptionId::from_u64(0xA1),
        SubscriptionId::from_u64(0xB1),
    );
    {
        let vanus = on_disk(dir.path()).await;
        let bus = eventbus(&vanus, "orders", 1).await;
        for (id, ty) in [(idle, "never"), (busy, "t")] {
            let spec = SubscriptionSpec {
                id: Some(id),
                ..wants(ty)
            };
            vanus.subscribe(spec, Seen::default().sink()).await.unwrap();
        }
        let failing = |_| async { Err(DeliveryError::retry("later")) };
        let spec = SubscriptionSpec {
            id: Some(SubscriptionId::from_u64(0xC1)),
            ..wants("t")
        };
        vanus.subscribe(spec, failing).await.unwrap();
        let events: Vec<_> = (0..EVENTS).map(|id| event(id, "t")).collect();
        bus.publish_all(&events).await.unwrap();
        for id in [idle, busy] {
            until("all are settled", async || settled(&vanus, id).await).await;
        }
        // Three turns of the saver.
        tokio::time::sleep(Duration::from_millis(400)).await;
        copy(dir.path(), &dir.path().join("copy"));
        vanus.close().await.unwrap();
    }
    let vanus = on_disk(&dir.path().join("copy")).await;
    for (id, retrying) in [
        (idle, 0),
        (busy, 0),
        (SubscriptionId::from_u64(0xC1), EVENTS),
    ] {
        let info = vanus.subscription(id).await.unwrap();
        let progress = &info.progress[0];
        assert_eq!(
            (progress.position, progress.retrying),
            (EVENTS, retrying),
            "{id}"
        );
    }
    // What they are told next is what comes next.
    let seen = Seen::default();
    vanus.attach(busy, seen.sink()).await.unwrap();
    let bus = vanus.eventbus("default", "orders").unwrap();
    bus.publish(event("next", "t")).await.unwrap();
    until("the next event", async || !seen.ids().is_empty()).await;
    assert_eq!(seen.ids(), ["next"]);
}
