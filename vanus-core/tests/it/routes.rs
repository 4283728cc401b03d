//! Routes of a subscription at work: weights changed, sinks that fail, keys that stay.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use vanus_core::{
    Coded as _, Delivery, DeliveryError, ErrorCode, Event, RoutesSpec, StartFrom, SubscriptionId,
    SubscriptionSpec, Vanus,
};

use crate::support::{copy, eventbus, in_memory, on_disk, subscription, until};

fn routes(stable: u32, canary: u32, more: &str) -> RoutesSpec {
    let text = format!(
        r#"{{"routes": [{{"name": "stable", "sink": "embedded", "weight": {stable}}},
            {{"name": "canary", "sink": "embedded", "weight": {canary}}}]{more}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn routed(routes: RoutesSpec) -> SubscriptionSpec {
    let mut spec = subscription("orders");
    spec.routes = Some(routes);
    spec.sink = SubscriptionSpec::ROUTES.to_owned();
    spec.config.start_from = StartFrom::Earliest;
    spec
}

fn keyed(number: u64) -> Event {
    let event = Event::builder()
        .id(number.to_string())
        .source("/test")
        .ty("t");
    event
        .subject(format!("key-{}", number % 100))
        .build()
        .unwrap()
}

/// Which way each delivery went: id, route, attempt.
type Ways = Arc<Mutex<Vec<(u64, String, u32)>>>;

fn sink(
    ways: &Ways,
    broken: &Arc<AtomicBool>,
) -> impl Fn(Delivery) -> std::future::Ready<Result<(), DeliveryError>> + Send + Sync + 'static + use<>
{
    let (ways, broken) = (ways.clone(), broken.clone());
    move |delivery| {
        let (id, route) = (
            delivery.event.id().parse().unwrap(),
            delivery.route.unwrap(),
        );
        let fails = route == "canary" && broken.load(Ordering::SeqCst);
        ways.lock().unwrap().push((id, route, delivery.attempt));
        std::future::ready(if fails {
            Err(DeliveryError::retry("killed"))
        } else {
            Ok(())
        })
    }
}

async fn publish(vanus: &Vanus, numbers: std::ops::Range<u64>) {
    let bus = vanus.eventbus("default", "orders").unwrap();
    let events: Vec<_> = numbers.map(keyed).collect();
    bus.publish_all(&events).await.unwrap();
}

async fn ended(vanus: &Vanus, id: SubscriptionId) -> u64 {
    let totals = vanus.subscription(id).await.unwrap().totals;
    totals.delivered + totals.dead_lettered
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_to_a_killed_canary_stays_there_and_its_dead_letters_say_so() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    let (ways, broken) = (Ways::default(), Arc::new(AtomicBool::new(true)));
    let mut spec = routed(routes(50, 50, ""));
    spec.config.max_retry_attempts = 1;
    let info = vanus.subscribe(spec, sink(&ways, &broken)).await.unwrap();
    let id = info.record.id;
    publish(&vanus, 0..40).await;
    until("every event has ended", async || {
        ended(&vanus, id).await == 40
    })
    .await;
    let mut by_event: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for (id, route, _) in ways.lock().unwrap().iter() {
        by_event.entry(*id).or_default().insert(route.clone());
    }
    assert!(
        by_event.values().all(|routes| routes.len() == 1),
        "{by_event:?}"
    );
    let killed = by_event
        .values()
        .filter(|routes| routes.contains("canary"))
        .count();
    assert!((5..=35).contains(&killed), "{killed} of 40 went to half");
    let letters = vanus.dead_letters(id, None, 64).await.unwrap().letters;
    assert_eq!(letters.len(), killed);
    for letter in &letters {
        let route = letter.event.attribute("xvanusroute").unwrap();
        assert_eq!(route.canonical(), "canary");
    }
    // What is sent again goes by the routes of now.
    broken.store(false, Ordering::SeqCst);
    vanus.resend_dead_letters(id, None, None).await.unwrap();
    until("they arrive", async || {
        ended(&vanus, id).await == 40 + killed as u64
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_fail_over_a_killed_canary_costs_no_event() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    let (ways, broken) = (Ways::default(), Arc::new(AtomicBool::new(true)));
    let spec = routed(routes(50, 50, r#", "retry": "fail-over""#));
    let id = vanus
        .subscribe(spec, sink(&ways, &broken))
        .await
        .unwrap()
        .record
        .id;
    publish(&vanus, 0..40).await;
    until("all are delivered", async || ended(&vanus, id).await == 40).await;
    let ways = ways.lock().unwrap();
    let second: Vec<_> = ways
        .iter()
        .filter(|(_, _, attempt)| *attempt == 2)
        .collect();
    assert!(!second.is_empty() && second.iter().all(|(_, route, _)| route == "stable"));
    assert!(ways.iter().all(|(_, _, attempt)| *attempt <= 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_weights_counts_from_the_next_event_on() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    let (ways, broken) = (Ways::default(), Arc::new(AtomicBool::new(false)));
    let spec = routed(routes(100, 0, ""));
    let id = vanus
        .subscribe(spec.clone(), sink(&ways, &broken))
        .await
        .unwrap()
        .record
        .id;
    for (round, stable) in [100, 0, 100].into_iter().enumerate() {
        let mut spec = spec.clone();
        spec.routes = Some(routes(stable, 100 - stable, ""));
        vanus.update_subscription(id, spec).await.unwrap();
        let start = round as u64 * 20;
        publish(&vanus, start..start + 20).await;
        until("they arrive", async || {
            ways.lock().unwrap().len() == start as usize + 20
        })
        .await;
        let expected = if stable == 100 { "stable" } else { "canary" };
        let ways = ways.lock().unwrap();
        assert!(
            ways.iter()
                .skip(start as usize)
                .all(|(_, route, _)| route == expected)
        );
    }
    for (stable, canary) in [(60, 50), (10, 20)] {
        let mut spec = spec.clone();
        spec.routes = Some(routes(stable, canary, ""));
        let refused = vanus.update_subscription(id, spec).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
        assert!(refused.to_string().contains("must be 100%"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_stay_on_their_routes_over_changes_and_restarts() {
    for mode in ["share", "pinned"] {
        let dir = tempfile::tempdir().unwrap();
        let sticky = format!(r#", "sticky": {{"by": "subject", "mode": "{mode}"}}"#);
        let id = SubscriptionId::from_u64(0xF1);
        let (ways, broken) = (Ways::default(), Arc::new(AtomicBool::new(false)));
        let steps = match mode {
            "share" => [(90, 10), (70, 30), (0, 100)],
            _ => [(50, 50), (90, 10), (0, 100)],
        };
        {
            let vanus = on_disk(dir.path()).await;
            eventbus(&vanus, "orders", 1).await;
            let (stable, canary) = steps[0];
            let spec = SubscriptionSpec {
                id: Some(id),
                ..routed(routes(stable, canary, &sticky))
            };
            vanus.subscribe(spec, sink(&ways, &broken)).await.unwrap();
            vanus.close().await.unwrap();
        }
        let mut at: BTreeMap<u64, String> = BTreeMap::new();
        for (round, (stable, canary)) in steps.into_iter().enumerate() {
            let vanus = on_disk(dir.path()).await;
            let spec = routed(routes(stable, canary, &sticky));
            vanus.update_subscription(id, spec).await.unwrap();
            vanus.attach(id, sink(&ways, &broken)).await.unwrap();
            let start = round as u64 * 100;
            publish(&vanus, start..start + 100).await;
            until("they arrive", async || {
                ways.lock().unwrap().len() == start as usize + 100
            })
            .await;
            vanus.close().await.unwrap();
            for (number, route, _) in ways.lock().unwrap().iter().skip(start as usize) {
                let was = at.insert(number % 100, route.clone());
                let left =
                    was.is_some_and(|was| was != *route && (mode == "pinned" || was == "canary"));
                assert!(!left, "{mode}: key {} left its route", number % 100);
            }
        }
        let canaries = at.values().filter(|route| *route == "canary").count();
        if mode == "share" {
            assert_eq!(canaries, 100);
        } else {
            assert!((20..=80).contains(&canaries), "{canaries}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_pinned_before_its_first_event_is_delivered() {
    const STICKY: &str = r#", "sticky": {"by": "subject", "mode": "pinned"}"#;
    let (dir, id) = (tempfile::tempdir().unwrap(), SubscriptionId::from_u64(0xF1));
    let (ways, broken) = (Ways::default(), Arc::new(AtomicBool::new(false)));
    let vanus = on_disk(dir.path()).await;
    eventbus(&vanus, "orders", 1).await;
    let spec = SubscriptionSpec {
        id: Some(id),
        ..routed(routes(50, 50, STICKY))
    };
    let (note, from, copied) = (
        sink(&ways, &broken),
        dir.path().to_owned(),
        AtomicBool::new(false),
    );
    let crashing = move |delivery| {
        if !copied.swap(true, Ordering::SeqCst) {
            copy(&from, &from.join("copy"));
        }
        note(delivery)
    };
    vanus.subscribe(spec, crashing).await.unwrap();
    publish(&vanus, 0..1).await;
    until("it arrives", async || !ways.lock().unwrap().is_empty()).await;
    vanus.close().await.unwrap();
    let first = ways.lock().unwrap()[0].1.clone();
    // By its weight it would go the other way now.
    let weights = if first == "stable" {
        (0, 100)
    } else {
        (100, 0)
    };
    let vanus = on_disk(&dir.path().join("copy")).await;
    let spec = routed(routes(weights.0, weights.1, STICKY));
    vanus.update_subscription(id, spec).await.unwrap();
    vanus.attach(id, sink(&ways, &broken)).await.unwrap();
    publish(&vanus, 100..101).await;
    until("both arrive", async || ways.lock().unwrap().len() == 3).await;
    assert!(
        ways.lock()
            .unwrap()
            .iter()
            .all(|(_, route, _)| *route == first)
    );
}
