//! Whatever batch of progress was the last that was stored before a crash: no event is passed over
//! that was not delivered.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use vanus_storage::{
    MemoryFs, Store, StoreOptions,
    meta::{
        CommitFuture, MemoryMeta, MetaBatch, MetaError, MetaHealth, MetaStore, Scan, ScanPage,
        Table,
    },
};
use vanus_types::{
    BatchBuilder, Clock as _, Durability, Event, EventbusId, EventlogId, NamespaceId,
    SeededEntropy, SubscriptionId, SystemClock,
    control::{
        Consent, DeliveryOrder, FilterSpec, RouteSlots, StartFrom, SubscriptionRecord,
        SubscriptionSpec,
    },
};

use super::{
    Delivery, DeliveryError, FnSink, NoSinks, Route, Triggers, load, part_from_feeds, put_cursor,
};
use crate::eventlog::Logs;

const LOG: EventlogId = EventlogId::from_u64(0xE1);
const LETTERS: EventlogId = EventlogId::from_u64(0xE2);
const EVENTS: u64 = 600;

/// Whether a subscription wants the event at an offset.
type Wants = fn(u64) -> bool;

/// What each subscription has accepted, by its number.
type Accepted = Arc<Mutex<Vec<HashSet<u64>>>>;

/// A metadata store that is looked at after each batch, as a crash would leave it.
#[derive(Debug)]
struct Watched {
    inner: MemoryMeta,
    accepted: Accepted,
    wants: Vec<Wants>,
    wrong: Mutex<Vec<String>>,
    batches: AtomicU64,
    /// Batches that are refused, as on a full disk.
    refused: fn(u64) -> bool,
}

impl Watched {
    /// What is passed over, and neither accepted nor stored as a retry.
    fn judge(&self, accepted: &[HashSet<u64>]) {
        let copy: Arc<dyn MetaStore> = Arc::new(MemoryMeta::new());
        for table in [Table::Cursors, Table::Retries] {
            let mut batch = MetaBatch::new();
            let put = &mut |key: bytes::Bytes, value| {
                batch = std::mem::take(&mut batch).put(table, key, value);
                Ok(())
            };
            self.inner.for_each(table, b"", put).unwrap();
            copy.commit_blocking(batch).unwrap();
        }
        part_from_feeds(&copy).unwrap();
        for (number, (wants, accepted)) in self.wants.iter().zip(accepted).enumerate() {
            let progress = load(&copy, id(number), LOG).unwrap();
            let waiting: HashSet<u64> = progress.retries.iter().map(|(at, _)| *at).collect();
            let lost = (0..progress.cursor.unwrap_or(0))
                .find(|at| wants(*at) && !accepted.contains(at) && !waiting.contains(at));
            if let Some(lost) = lost {
                let batch = self.batches.load(Ordering::SeqCst);
                let what = format!("batch {batch} loses event {lost} of subscription {number}");
                self.wrong.lock().push(what);
            }
        }
    }
}

impl MetaStore for Watched {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<bytes::Bytes>, MetaError> {
        self.inner.get(table, key)
    }

    fn scan(&self, table: Table, scan: &Scan) -> Result<ScanPage, MetaError> {
        self.inner.scan(table, scan)
    }

    fn commit(&self, batch: MetaBatch) -> CommitFuture {
        let number = self.batches.fetch_add(1, Ordering::SeqCst);
        if (self.refused)(number) {
            // What every store refuses.
            return self
                .inner
                .commit(MetaBatch::new().put(Table::Cluster, "", ""));
        }
        let accepted = self.accepted.lock().clone();
        let done = self.inner.commit(batch);
        self.judge(&accepted);
        done
    }

    fn health(&self) -> MetaHealth {
        self.inner.health()
    }
}

fn id(number: usize) -> SubscriptionId {
    SubscriptionId::from_u64(100 + number as u64)
}

fn record(number: usize, filters: Vec<FilterSpec>) -> SubscriptionRecord {
    let mut spec = SubscriptionSpec::embedded("test", "default", "orders").unwrap();
    spec.filters = filters;
    spec.config.start_from = StartFrom::Earliest;
    spec.config.in_flight = 8;
    spec.config.ordering = match number % 3 {
        0 => DeliveryOrder::None,
        1 => DeliveryOrder::Key("subject".into()),
        _ => DeliveryOrder::Strict,
    };
    SubscriptionRecord {
        id: id(number),
        eventbus_id: EventbusId::from_u64(1),
        namespace_id: NamespaceId::from_u64(1),
        spec,
        disabled_reason: None,
        consent: Consent::default(),
        route_slots: RouteSlots::new(),
        created_at_ms: 0,
        updated_at_ms: 0,
    }
}

fn only(ty: &str) -> Vec<FilterSpec> {
    vec![FilterSpec::Exact([("type".into(), ty.into())].into())]
}

/// Subscription 0 wants little, 1 and 2 what sometimes fails, 3 what is slow, 4 nothing, 5 all.
fn subscriptions() -> Vec<(SubscriptionRecord, Wants)> {
    vec![
        (record(0, only("rare")), |at| at.is_multiple_of(50)),
        (record(1, Vec::new()), |_| true),
        (record(2, only("rare")), |at| at.is_multiple_of(50)),
        (record(3, Vec::new()), |_| true),
        (record(4, only("none")), |_| false),
        (record(6, Vec::new()), |_| true),
    ]
}

fn sink(number: usize, accepted: &Accepted) -> Arc<dyn super::Sink> {
    let accepted = Arc::clone(accepted);
    Arc::new(FnSink::new(move |delivery: Delivery| {
        let accepted = Arc::clone(&accepted);
        async move {
            let at = delivery.id.offset;
            let fails =
                (number == 1 || number == 2) && at.is_multiple_of(7) && delivery.attempt == 1;
            if number == 3 {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            if fails {
                return Err(DeliveryError::retry("not yet"));
            }
            accepted.lock()[number].insert(at);
            Ok(())
        }
    }))
}

async fn publish(logs: &Logs, range: std::ops::Range<u64>) {
    let mut batch = BatchBuilder::new();
    for number in range {
        let ty = if number % 50 == 0 { "rare" } else { "often" };
        let event = Event::builder().id(number.to_string()).source("/s").ty(ty);
        let event = event.subject(format!("k{}", number % 5)).build().unwrap();
        assert!(batch.push(&event));
    }
    let batch = batch.build().unwrap();
    logs.append(LOG, batch, Durability::PageCache)
        .await
        .unwrap();
}

/// Starts every subscription with the first event.
async fn start_all(triggers: &Triggers, watched: &Watched, route: &Route) {
    for (number, (record, _)) in subscriptions().into_iter().enumerate() {
        let record = SubscriptionRecord {
            id: id(number),
            ..record
        };
        let start = put_cursor(MetaBatch::new(), record.id, LOG, 0);
        watched.inner.commit_blocking(start).unwrap();
        triggers.attach(record.id, sink(number, &watched.accepted));
        triggers.start(&record, route.clone()).await.unwrap();
    }
}

/// Waits until every subscription has what it wants.
async fn all_accepted(
    subscriptions: &[(SubscriptionRecord, Wants)],
    accepted: &Accepted,
    clock: &SystemClock,
) {
    let until = clock.monotonic_ns() + 20_000_000_000;
    let done = || {
        let accepted = accepted.lock();
        let mut all = subscriptions.iter().zip(accepted.iter());
        all.all(|((_, wants), accepted)| (0..EVENTS).all(|at| !wants(at) || accepted.contains(&at)))
    };
    while !done() {
        assert!(clock.monotonic_ns() < until, "events are missing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn run(refused: fn(u64) -> bool) {
    let clock = Arc::new(SystemClock::new());
    let (fs, entropy) = (Arc::new(MemoryFs::new()), Arc::new(SeededEntropy::new(1)));
    let small = StoreOptions::small();
    let store = Store::open(fs, clock.clone(), entropy.clone(), small).unwrap();
    for log in [LOG, LETTERS] {
        store.create_log_blocking(log).unwrap();
    }
    let logs = Logs::new(store);
    let subscriptions = subscriptions();
    let accepted: Accepted = Arc::new(Mutex::new(vec![HashSet::new(); subscriptions.len()]));
    let watched = Arc::new(Watched {
        inner: MemoryMeta::new(),
        accepted: Arc::clone(&accepted),
        wants: subscriptions.iter().map(|(_, wants)| *wants).collect(),
        wrong: Mutex::default(),
        batches: AtomicU64::new(0),
        refused,
    });
    let meta: Arc<dyn MetaStore> = watched.clone();
    let sinks = Arc::new(NoSinks);
    let triggers = Triggers::new(
        logs.clone(),
        meta.clone(),
        clock.clone(),
        entropy.clone(),
        sinks,
    );
    triggers.open_gate();
    let route = Route {
        eventbus: EventbusId::from_u64(1),
        eventlogs: vec![LOG],
        dead_letters: LETTERS,
    };
    start_all(&triggers, &watched, &route).await;
    for start in (0..EVENTS).step_by(20) {
        publish(&logs, start..start + 20).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        // One is stopped and started again while events flow.
        if start % 100 == 0 {
            let number = usize::try_from(start / 100).unwrap() % subscriptions.len();
            let record = SubscriptionRecord {
                id: id(number),
                ..subscriptions[number].0.clone()
            };
            triggers.stop(record.id).await;
            triggers.start(&record, route.clone()).await.unwrap();
        }
    }
    all_accepted(&subscriptions, &accepted, clock.as_ref()).await;
    triggers.stop_all().await;
    assert_eq!(*watched.wrong.lock(), Vec::<String>::new());
    assert!(watched.batches.load(Ordering::SeqCst) > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_batch_was_the_last_no_event_is_lost() {
    run(|_| false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_stored_is_stored_later_and_no_event_is_lost() {
    run(|number| number % 3 == 1).await;
}
