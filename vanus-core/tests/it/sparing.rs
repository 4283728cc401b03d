//! Sinks that only fail are spared, and go on when they are well again.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::time::Instant;
use vanus_core::{DeliveryError, SubscriptionSpec};

use crate::support::{Seen, event, eventbus, in_memory, subscription, until};

const EVENTS: u64 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_only_fails_is_asked_now_and_then_until_it_is_well() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let (ill, seen) = (Arc::new(AtomicBool::new(true)), Seen::default());
    let (failing, noted) = (Arc::clone(&ill), seen.clone());
    let sink = move |delivery| {
        let answer = match failing.load(Ordering::SeqCst) {
            true => Err(DeliveryError::retry("out of order")),
            false => {
                noted.note(&delivery);
                Ok(())
            }
        };
        std::future::ready(answer)
    };
    let mut spec: SubscriptionSpec = subscription("orders");
    spec.config.in_flight = 8;
    let id = vanus.subscribe(spec, sink).await.unwrap().record.id;
    let begun = Instant::now();
    let events: Vec<_> = (0..EVENTS).map(|id| event(id, "t")).collect();
    bus.publish_all(&events).await.unwrap();
    let info = async || vanus.subscription(id).await.unwrap();
    until("somebody is told", async || info().await.problem.is_some()).await;
    until("it is asked on", async || {
        info().await.totals.attempts >= 100
    })
    .await;
    // 64 and a window at once, then one in ten milliseconds.
    let attempts = u128::from(info().await.totals.attempts);
    let most = 64 + 8 + begun.elapsed().as_millis() / 10 + 1;
    assert!(attempts <= most, "{attempts} attempts, {most} at most");
    ill.store(false, Ordering::SeqCst);
    until("everything is delivered", async || {
        info().await.totals.delivered == EVENTS
    })
    .await;
    assert_eq!(info().await.problem, None);
    let mut ids: Vec<u64> = seen.ids().iter().map(|id| id.parse().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..EVENTS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_gives_up_every_event_is_not_spared() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let sink = |_| std::future::ready(Err(DeliveryError::reject("No", "never")));
    let id = vanus.subscribe(subscription("orders"), sink).await;
    let id = id.unwrap().record.id;
    let events: Vec<_> = (0..EVENTS).map(|id| event(id, "t")).collect();
    bus.publish_all(&events).await.unwrap();
    until("all are given up", async || {
        let info = vanus.subscription(id).await.unwrap();
        assert_eq!(info.problem, None);
        info.totals.dead_lettered == EVENTS
    })
    .await;
}
