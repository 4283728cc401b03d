//! Subscriptions: filters, retries, dead letters, order, and where every event ends.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use vanus_core::{
    Coded as _, DeliveryError, DeliveryOrder, ErrorCode, FilterSpec, StartFrom, SubscriptionConfig,
    SubscriptionId, SubscriptionSpec, SubscriptionTotals, Vanus,
};

use crate::support::{Seen, event, eventbus, in_memory, subscription, until};

/// The same subscription with one filter.
fn filtered(spec: SubscriptionSpec, filter: FilterSpec) -> SubscriptionSpec {
    SubscriptionSpec {
        filters: vec![filter],
        ..spec
    }
}

fn from_start(spec: SubscriptionSpec) -> SubscriptionSpec {
    let config = SubscriptionConfig {
        start_from: StartFrom::Earliest,
        ..spec.config
    };
    SubscriptionSpec { config, ..spec }
}

fn balanced(totals: &SubscriptionTotals) -> bool {
    let ended =
        totals.delivered + totals.filtered + totals.dead_lettered + totals.dropped + totals.expired;
    totals.read == ended + totals.in_flight + totals.retrying
}

async fn totals(vanus: &Vanus, id: SubscriptionId) -> SubscriptionTotals {
    vanus.subscription(id).await.unwrap().totals
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_decide_and_every_event_is_accounted_for() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 2).await;
    let spec = SubscriptionSpec {
        filters: vec![FilterSpec::Prefix(
            [("type".into(), "order.".into())].into(),
        )],
        ..from_start(subscription("orders"))
    };
    let seen = Seen::default();
    for id in 0..300 {
        let ty = if id % 3 == 0 {
            "order.placed"
        } else {
            "stock.changed"
        };
        bus.publish(event(id, ty)).await.unwrap();
    }
    let sub = vanus.subscribe(spec, seen.sink()).await.unwrap();
    let id = sub.record.id;
    until("all events are settled", async || {
        totals(&vanus, id).await.read == 300 && totals(&vanus, id).await.in_flight == 0
    })
    .await;
    let told = totals(&vanus, id).await;
    assert_eq!((told.delivered, told.filtered), (100, 200));
    assert!(balanced(&told));
    assert_eq!(seen.ids().len(), 100);
    until("progress reaches the end", async || {
        let info = vanus.subscription(id).await.unwrap();
        info.progress
            .iter()
            .all(|log| log.committed == log.end_offset)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_starts_with_the_next_event() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    bus.publish(event("before", "t")).await.unwrap();
    let seen = Seen::default();
    vanus
        .subscribe(subscription("orders"), seen.sink())
        .await
        .unwrap();
    bus.publish(event("after", "t")).await.unwrap();
    until("the event arrives", async || !seen.ids().is_empty()).await;
    assert_eq!(seen.ids(), ["after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_failure_is_retried_at_its_due_time_and_never_before() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let attempts: Arc<Mutex<Vec<(u32, std::time::Duration)>>> = Arc::default();
    let started = vanus.clock().monotonic_ns();
    let (noted, clock) = (attempts.clone(), vanus.clock().clone());
    let sink = move |delivery: vanus_core::Delivery| {
        let since = Duration::from_nanos(clock.monotonic_ns() - started);
        noted.lock().unwrap().push((delivery.attempt, since));
        std::future::ready(match delivery.attempt {
            1 => Err(DeliveryError::retry("not yet")),
            _ => Ok(()),
        })
    };
    let sub = vanus.subscribe(subscription("orders"), sink).await.unwrap();
    bus.publish(event(1, "t")).await.unwrap();
    until("the first attempt fails", async || {
        totals(&vanus, sub.record.id).await.retrying == 1
    })
    .await;
    let info = vanus.subscription(sub.record.id).await.unwrap();
    assert_eq!(
        (info.progress[0].committed, info.progress[0].position),
        (0, 1)
    );
    until("the second attempt works", async || {
        totals(&vanus, sub.record.id).await.delivered == 1
    })
    .await;
    let attempts = attempts.lock().unwrap().clone();
    assert_eq!(attempts.len(), 2);
    assert!(
        attempts[1].1 - attempts[0].1 >= Duration::from_millis(990),
        "{attempts:?}"
    );
    assert!(balanced(&totals(&vanus, sub.record.id).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_event_becomes_a_dead_letter_and_can_be_sent_again() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let (healthy, seen) = (Arc::new(AtomicU32::new(0)), Seen::default());
    let sink = {
        let (healthy, seen) = (healthy.clone(), seen.clone());
        move |delivery: vanus_core::Delivery| {
            let answer = if healthy.load(Ordering::SeqCst) == 0 {
                Err(DeliveryError::reject("Response400", "bad request"))
            } else {
                seen.note(&delivery);
                Ok(())
            };
            std::future::ready(answer)
        }
    };
    let sub = vanus.subscribe(subscription("orders"), sink).await.unwrap();
    let id = sub.record.id;
    for number in 0..3 {
        bus.publish(event(number, "t")).await.unwrap();
    }
    until("three dead letters", async || {
        totals(&vanus, id).await.dead_lettered == 3
    })
    .await;
    let found = vanus.dead_letters(id, None, 10).await.unwrap();
    assert_eq!(
        (found.letters.len(), found.next_offset, found.end_offset),
        (3, 3, 3)
    );
    let marks = &found.letters[0].event;
    assert_eq!(
        marks.attribute("xvanusdlreason").unwrap().canonical(),
        "Response400"
    );
    assert_eq!(
        marks.attribute("xvanussubid").unwrap().canonical(),
        id.to_string()
    );
    assert_eq!(
        marks.attribute("xvanuslastdlerror").unwrap().canonical(),
        "bad request"
    );

    healthy.store(1, Ordering::SeqCst);
    let resent = vanus.resend_dead_letters(id, None, Some(1)).await.unwrap();
    assert_eq!((resent.count, resent.done), (2, true));
    until("two letters arrive", async || seen.ids().len() == 2).await;
    assert_eq!(
        vanus
            .dead_letters(id, None, 10)
            .await
            .unwrap()
            .letters
            .len(),
        1
    );
    until("totals balance", async || {
        balanced(&totals(&vanus, id).await)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_dead_letters_a_hopeless_event_is_dropped_and_counted() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let mut spec = subscription("orders");
    spec.config.dead_letter = false;
    spec.config.max_retry_attempts = 0;
    let sink = |_| async { Err(DeliveryError::retry("never")) };
    let sub = vanus.subscribe(spec, sink).await.unwrap();
    bus.publish(event(1, "t")).await.unwrap();
    until("the event is dropped", async || {
        totals(&vanus, sub.record.id).await.dropped == 1
    })
    .await;
    assert!(
        vanus
            .dead_letters(sub.record.id, None, 1)
            .await
            .unwrap()
            .letters
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_hangs_or_panics_is_a_failed_attempt() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let mut spec = subscription("orders");
    spec.config.delivery_timeout_ms = 50;
    spec.config.max_retry_attempts = 0;
    let sink = |delivery: vanus_core::Delivery| async move {
        assert_ne!(delivery.event.id(), "panic", "planted");
        std::future::pending().await
    };
    let sub = vanus.subscribe(spec, sink).await.unwrap();
    for id in ["panic", "hang"] {
        bus.publish(event(id, "t")).await.unwrap();
    }
    let id = sub.record.id;
    until("both are dead letters", async || {
        totals(&vanus, id).await.dead_lettered == 2
    })
    .await;
    let letters = vanus.dead_letters(id, None, 10).await.unwrap().letters;
    let errors: HashMap<_, _> = letters
        .iter()
        .map(|l| {
            (
                l.event.id(),
                l.event.attribute("xvanuslastdlerror").unwrap().canonical(),
            )
        })
        .collect();
    assert!(errors["panic"].contains("panicked"), "{errors:?}");
    assert!(errors["hang"].contains("no answer"), "{errors:?}");
    let reason = letters[0]
        .event
        .attribute("xvanusdlreason")
        .unwrap()
        .canonical()
        .into_owned();
    assert_eq!(reason, "MaxDeliveryAttemptExceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_subscription_keeps_the_order_through_a_failure() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let mut spec = from_start(subscription("orders"));
    spec.config.ordering = DeliveryOrder::Strict;
    let seen = Seen::default();
    let noted = seen.clone();
    let sink = move |delivery: vanus_core::Delivery| {
        let fails = delivery.event.id() == "5" && delivery.attempt == 1;
        if !fails {
            noted.note(&delivery);
        }
        std::future::ready(if fails {
            Err(DeliveryError::retry("once"))
        } else {
            Ok(())
        })
    };
    let events: Vec<_> = (0..20).map(|id| event(id, "t")).collect();
    bus.publish_all(&events).await.unwrap();
    vanus.subscribe(spec, sink).await.unwrap();
    until("all arrive", async || seen.ids().len() == 20).await;
    assert_eq!(
        seen.ids(),
        (0..20).map(|id| id.to_string()).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_bounds_what_is_in_flight() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 4).await;
    let mut spec = from_start(subscription("orders"));
    spec.config.in_flight = 3;
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (now_in, most_in) = (now.clone(), most.clone());
    let sink = move |_| {
        let (now, most) = (now_in.clone(), most_in.clone());
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(2)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    };
    for id in 0..60 {
        bus.publish(event(id, "t")).await.unwrap();
    }
    let sub = vanus.subscribe(spec, sink).await.unwrap();
    until("all arrive", async || {
        totals(&vanus, sub.record.id).await.delivered == 60
    })
    .await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_limit_spreads_deliveries() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let mut spec = from_start(subscription("orders"));
    spec.config.rate_limit = 100;
    let seen = Seen::default();
    let events: Vec<_> = (0..21).map(|id| event(id, "t")).collect();
    bus.publish_all(&events).await.unwrap();
    let started = vanus.clock().monotonic_ns();
    vanus.subscribe(spec, seen.sink()).await.unwrap();
    until("all arrive", async || seen.ids().len() == 21).await;
    let took = Duration::from_nanos(vanus.clock().monotonic_ns() - started);
    assert!(took >= Duration::from_millis(195), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_can_be_subscribed_to_but_not_in_a_circle() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let letters = bus.record().unwrap().dead_letter.unwrap();
    let letters = vanus.eventbus_by_id(letters).unwrap().record().unwrap();
    let mut spec =
        SubscriptionSpec::embedded("alarm", "vanus-system", letters.name.as_str()).unwrap();
    let seen = Seen::default();
    let circle = vanus
        .subscribe(spec.clone(), seen.sink())
        .await
        .unwrap_err();
    assert!(
        circle.to_string().contains("turn dead letters off"),
        "{circle}"
    );
    spec.config.dead_letter = false;
    vanus.subscribe(spec, seen.sink()).await.unwrap();
    let rejecting = |_| async { Err(DeliveryError::reject("Response400", "no")) };
    vanus
        .subscribe(subscription("orders"), rejecting)
        .await
        .unwrap();
    bus.publish(event("lost", "t")).await.unwrap();
    until("the alarm rings", async || seen.ids() == ["lost"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_does_not_wait_for_a_sink_that_hangs() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let mut spec = subscription("orders");
    spec.config.delivery_timeout_ms = 300_000;
    let hanging = |_| std::future::pending();
    let sub = vanus.subscribe(spec, hanging).await.unwrap().record.id;
    bus.publish(event("kept", "t")).await.unwrap();
    until("the delivery hangs", async || {
        totals(&vanus, sub).await.attempts == 1
    })
    .await;
    let pausing = tokio::time::timeout(Duration::from_secs(9), vanus.disable_subscription(sub));
    let info = pausing.await.unwrap().unwrap();
    assert_eq!((info.progress[0].committed, info.totals.read), (0, 0));
    let seen = Seen::default();
    vanus.attach(sub, seen.sink()).await.unwrap();
    vanus.resume_subscription(sub).await.unwrap();
    until("the event is delivered after all", async || {
        seen.ids() == ["kept"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_decide_like_the_other_dialects() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 2).await;
    for id in 0..90 {
        let ty = if id % 3 == 0 {
            "order.placed"
        } else {
            "stock.changed"
        };
        bus.publish(event(id, ty)).await.unwrap();
    }
    let filters = [
        FilterSpec::Prefix([("type".into(), "order.".into())].into()),
        FilterSpec::Sql("type LIKE 'order.%' AND NOT EXISTS nosuch".into()),
        FilterSpec::Cel("event.type.startsWith('order.') && !has(event.nosuch)".into()),
    ];
    for filter in filters {
        let seen = Seen::default();
        let spec = filtered(from_start(subscription("orders")), filter.clone());
        let sub = vanus.subscribe(spec, seen.sink()).await.unwrap();
        let id = sub.record.id;
        until("all events are settled", async || {
            let told = totals(&vanus, id).await;
            told.read == 90 && told.in_flight == 0
        })
        .await;
        let told = totals(&vanus, id).await;
        assert_eq!((told.delivered, told.filtered), (30, 60), "{filter:?}");
    }
    for (filter, code) in [
        (
            FilterSpec::Sql("type LIKE order".into()),
            ErrorCode::InvalidSql,
        ),
        (
            FilterSpec::Cel("type == 'order'".into()),
            ErrorCode::InvalidCel,
        ),
    ] {
        let spec = filtered(subscription("orders"), filter);
        let refused = vanus.subscribe(spec, Seen::default().sink()).await;
        assert_eq!(refused.unwrap_err().code(), code);
    }
}
