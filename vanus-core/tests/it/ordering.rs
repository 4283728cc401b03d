//! Order by key: through retries, restarts and changes.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use vanus_core::{
    Delivery, DeliveryError, DeliveryOrder, Event, KeyLimit, StartFrom, SubscriptionId,
    SubscriptionReset, SubscriptionSpec, Vanus, WaitingRetries,
};

use crate::support::{Seen, eventbus, in_memory, on_disk, subscription, until};

const KEYS: u64 = 7;

/// Event number `number` of key `number % KEYS`.
fn keyed(number: u64) -> Event {
    let event = Event::builder()
        .id(number.to_string())
        .source("/test")
        .ty("t");
    let event = event.subject(format!("k{}", number % KEYS));
    event.text("data").build().unwrap()
}

fn by_subject() -> SubscriptionSpec {
    let mut spec = subscription("orders");
    spec.config.ordering = DeliveryOrder::Key("subject".into());
    spec.config.start_from = StartFrom::Earliest;
    spec.config.in_flight = 16;
    spec
}

/// Judges what a sink is given: an event may come again, but never before all earlier ones of its
/// key were accepted, and never two of a key at a time.
#[derive(Debug, Default)]
struct Oracle {
    accepted: Mutex<HashSet<u64>>,
    flying: Mutex<HashMap<u64, u64>>,
    broken: Mutex<Vec<String>>,
    attempts: AtomicU64,
}

impl Oracle {
    fn begin(&self, number: u64) {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        let accepted = self.accepted.lock().unwrap();
        let earlier = (number % KEYS..number).step_by(KEYS as usize);
        let missing: Vec<u64> = earlier.filter(|n| !accepted.contains(n)).collect();
        if !missing.is_empty() {
            let what = format!("{number} came before {missing:?}");
            self.broken.lock().unwrap().push(what);
        }
        if let Some(other) = self.flying.lock().unwrap().insert(number % KEYS, number) {
            let what = format!("{number} came beside {other}");
            self.broken.lock().unwrap().push(what);
        }
    }

    fn end(&self, number: u64, accepted: bool) {
        self.flying.lock().unwrap().remove(&(number % KEYS));
        if accepted {
            self.accepted.lock().unwrap().insert(number);
        }
    }

    /// A sink that refuses every event the first time, for some numbers.
    fn sink(
        self: &Arc<Self>,
        fails: fn(u64, u32) -> bool,
    ) -> impl Fn(Delivery) -> futures_util::future::BoxFuture<'static, Result<(), DeliveryError>>
    + Send
    + Sync
    + 'static
    + use<> {
        let oracle = Arc::clone(self);
        move |delivery| {
            let oracle = Arc::clone(&oracle);
            Box::pin(async move {
                let number: u64 = delivery.event.id().parse().unwrap();
                oracle.begin(number);
                tokio::time::sleep(Duration::from_millis(number % 3)).await;
                let failed = fails(number, delivery.attempt);
                oracle.end(number, !failed);
                if failed {
                    Err(DeliveryError::retry("not yet"))
                } else {
                    Ok(())
                }
            })
        }
    }

    fn accepted(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    fn assert_kept(&self) {
        assert_eq!(*self.broken.lock().unwrap(), Vec::<String>::new());
    }
}

async fn publish(vanus: &Vanus, numbers: std::ops::Range<u64>) {
    let bus = vanus.eventbus("default", "orders").unwrap();
    let events: Vec<_> = numbers.map(keyed).collect();
    bus.publish_all(&events).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_a_key_is_kept_through_retries_while_others_go_on() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    publish(&vanus, 0..140).await;
    let oracle = Arc::new(Oracle::default());
    // Key 3 stands still for a second.
    let sink = oracle.sink(|number, attempt| number == 3 && attempt == 1);
    let id = vanus.subscribe(by_subject(), sink).await.unwrap().record.id;
    until("the other keys are done", async || oracle.accepted() == 120).await;
    let info = vanus.subscription(id).await.unwrap();
    assert_eq!((info.totals.retrying, info.progress[0].committed), (20, 3));
    until("all are", async || oracle.accepted() == 140).await;
    oracle.assert_kept();
    until("the counters add up", async || {
        let totals = vanus.subscription(id).await.unwrap().totals;
        (
            totals.read,
            totals.delivered,
            totals.retrying,
            totals.in_flight,
        ) == (140, 140, 0, 0)
    })
    .await;
    assert_eq!(oracle.attempts.load(Ordering::SeqCst), 141);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_a_key_survives_restarts_and_its_retries_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let oracle = Arc::new(Oracle::default());
    let id = SubscriptionId::from_u64(0xD1);
    let fails: fn(u64, u32) -> bool = |number, attempt| number % 5 == 0 && attempt == 1;
    {
        let vanus = on_disk(dir.path()).await;
        eventbus(&vanus, "orders", 1).await;
        let spec = SubscriptionSpec {
            id: Some(id),
            ..by_subject()
        };
        vanus.subscribe(spec, oracle.sink(fails)).await.unwrap();
        vanus.close().await.unwrap();
    }
    for round in 0..4 {
        let vanus = on_disk(dir.path()).await;
        vanus.attach(id, oracle.sink(fails)).await.unwrap();
        publish(&vanus, round * 70..round * 70 + 70).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        vanus.close().await.unwrap();
    }
    let vanus = on_disk(dir.path()).await;
    let waiting = vanus.subscription(id).await.unwrap().progress[0].retrying;
    assert!(waiting > 0, "nothing waited over a restart");
    vanus.attach(id, oracle.sink(fails)).await.unwrap();
    until("all are accepted", async || oracle.accepted() == 280).await;
    oracle.assert_kept();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_per_key_holds_while_keys_run_beside_each_other() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    publish(&vanus, 0..140).await;
    let mut spec = by_subject();
    spec.config.ordering = DeliveryOrder::None;
    spec.config.key_limit = Some(KeyLimit {
        key: "subject".into(),
        in_flight: 2,
    });
    let flying: Arc<[AtomicU32; KEYS as usize]> = Arc::default();
    let most: Arc<[AtomicU32; KEYS as usize]> = Arc::default();
    let (now, peak) = (flying.clone(), most.clone());
    let sink = move |delivery: Delivery| {
        let (now, peak) = (now.clone(), peak.clone());
        async move {
            let key = (delivery.event.id().parse::<u64>().unwrap() % KEYS) as usize;
            peak[key].fetch_max(
                now[key].fetch_add(1, Ordering::SeqCst) + 1,
                Ordering::SeqCst,
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
            now[key].fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let id = vanus.subscribe(spec, sink).await.unwrap().record.id;
    until("all arrive", async || {
        vanus.subscription(id).await.unwrap().totals.delivered == 140
    })
    .await;
    let most: Vec<u32> = most
        .iter()
        .map(|most| most.load(Ordering::SeqCst))
        .collect();
    assert_eq!(most, [2; KEYS as usize]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_order_takes_effect_at_once_and_loses_nothing() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    let mut spec = by_subject();
    spec.config.ordering = DeliveryOrder::None;
    let seen = Seen::default();
    let noted = seen.clone();
    let sink = move |delivery: Delivery| {
        let fails = delivery.event.id() == "0" && delivery.attempt < 3;
        if !fails {
            noted.note(&delivery);
        }
        std::future::ready(if fails {
            Err(DeliveryError::retry("no"))
        } else {
            Ok(())
        })
    };
    let id = vanus.subscribe(spec.clone(), sink).await.unwrap().record.id;
    publish(&vanus, 0..7).await;
    until("the first is overtaken", async || seen.ids().len() == 6).await;
    spec.config.ordering = DeliveryOrder::Strict;
    let changed = vanus.update_subscription(id, spec).await.unwrap();
    assert_eq!(changed.record.spec.config.ordering, DeliveryOrder::Strict);
    publish(&vanus, 7..14).await;
    until("all arrive", async || seen.ids().len() == 14).await;
    let later: Vec<String> = seen.ids().split_off(6);
    let expected = std::iter::once(0).chain(7..14).map(|n: u64| n.to_string());
    assert_eq!(
        later,
        expected.collect::<Vec<_>>(),
        "the one that waited holds what came later"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_moved_with_or_without_what_waits() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let log = bus.record().unwrap().eventlogs[0];
    let mut spec = by_subject();
    spec.config.ordering = DeliveryOrder::None;
    let failing = |_| async { Err(DeliveryError::retry("never")) };
    let id = vanus.subscribe(spec, failing).await.unwrap().record.id;
    publish(&vanus, 0..10).await;
    until("all wait", async || {
        vanus.subscription(id).await.unwrap().totals.retrying == 10
    })
    .await;
    let running = vanus.reset_subscription(id, StartFrom::Offset(4)).await;
    assert!(running.is_err(), "a running subscription was moved");
    vanus.disable_subscription(id).await.unwrap();
    let keep = SubscriptionReset {
        to: StartFrom::Offset(4),
        eventlog: Some(log),
        retries: WaitingRetries::Keep,
    };
    let at = async |reset: SubscriptionReset| {
        let info = vanus.reset_subscription(id, reset).await.unwrap();
        let progress = &info.progress[0];
        (progress.committed, progress.position, progress.retrying)
    };
    assert_eq!(
        at(keep).await,
        (0, 4, 4),
        "what is read again does not wait as well"
    );
    let drop = SubscriptionReset {
        retries: WaitingRetries::Drop,
        ..keep
    };
    assert_eq!(at(drop).await, (4, 4, 0));
    assert_eq!(at(StartFrom::Offset(99).into()).await, (10, 10, 0));
    let seen = Seen::default();
    vanus.attach(id, seen.sink()).await.unwrap();
    at(StartFrom::Offset(8).into()).await;
    vanus.resume_subscription(id).await.unwrap();
    until("the last two arrive", async || seen.ids().len() == 2).await;
    let other = SubscriptionReset {
        eventlog: Some(vanus_core::EventlogId::from_u64(1)),
        ..keep
    };
    vanus.disable_subscription(id).await.unwrap();
    assert!(vanus.reset_subscription(id, other).await.is_err());
}
