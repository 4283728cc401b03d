//! Deliveries that are fetched, against the engine itself.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use vanus_client::{Client, ClientConfig, Subscriber, SubscriberOptions};
use vanus_core::{
    AttributeRef, EventbusSpec, Name, StartFrom, SubscriptionId, SubscriptionSpec, Vanus,
};
use vanus_net::serve::{ServeOptions, serve};
use vanus_proto::{
    service::Handler,
    transport::{MemoryNetwork, Transport},
};
use vanus_types::{ErrorCode, Event};

struct House {
    vanus: Vanus,
    client: Client,
    _stopping: tokio_util::sync::DropGuard,
}

impl House {
    async fn build() -> Self {
        let vanus = Vanus::builder().in_memory().open().await.unwrap();
        let spec = EventbusSpec::new(Name::new("orders").unwrap());
        vanus.create_eventbus("default", spec).await.unwrap();
        let network = MemoryNetwork::new();
        let listener = network.transport("server").listen("engine").await.unwrap();
        let stopping = CancellationToken::new();
        let handler: Arc<dyn Handler> = Arc::new(vanus.service());
        let options = ServeOptions::default();
        tokio::spawn(serve(listener, handler, options, stopping.clone()));
        let config = ClientConfig::new("engine").over(Arc::new(network.transport("client")));
        Self {
            vanus,
            client: Client::connect(config).await.unwrap(),
            _stopping: stopping.drop_guard(),
        }
    }

    async fn publish(&self, ids: std::ops::Range<u32>) {
        let bus = self.vanus.eventbus("default", "orders").unwrap();
        for id in ids {
            let event = Event::builder()
                .id(id.to_string())
                .source("/s")
                .ty("t")
                .text("d");
            bus.publish(event.build().unwrap()).await.unwrap();
        }
    }

    /// A subscription whose deliveries are fetched, and who fetches them.
    async fn pulling(&self, timeout_ms: u32) -> (SubscriptionId, Subscriber) {
        let name = |text: &str| Name::new(text).unwrap();
        let (bus, sink) = (name("orders"), SubscriptionSpec::PULL);
        let mut spec = SubscriptionSpec::new(name("s"), name("default"), bus, sink);
        spec.config.start_from = StartFrom::Earliest;
        spec.config.delivery_timeout_ms = timeout_ms;
        let info = self.vanus.create_subscription(spec).await.unwrap();
        let id = info.record.id;
        (id, self.client.subscriber(id, SubscriberOptions::default()))
    }

    async fn until(
        &self,
        id: SubscriptionId,
        done: impl Fn(vanus_core::SubscriptionTotals) -> bool,
    ) {
        let waiting = async {
            while !done(self.vanus.subscription(id).await.unwrap().totals) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(
            tokio::time::timeout(Duration::from_secs(10), waiting)
                .await
                .is_ok()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_delivered_once() {
    let house = House::build().await;
    house.publish(0..300).await;
    let (id, mut subscriber) = house.pulling(10_000).await;
    let mut seen = Vec::new();
    for _ in 0..300 {
        let handed = subscriber.next().await.unwrap();
        assert_eq!(handed.attempt, 1);
        seen.push(handed.event.id().parse::<u32>().unwrap());
        assert!(subscriber.ack(&handed).await.unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..300).collect::<Vec<_>>());
    house
        .until(id, |totals| {
            totals.delivered == 300 && totals.attempts == 300
        })
        .await;
    // One that comes while somebody waits is there at once.
    let waiting = tokio::spawn(async move { subscriber.next().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    house.publish(300..301).await;
    let handed = tokio::time::timeout(Duration::from_secs(5), waiting).await;
    assert_eq!(handed.unwrap().unwrap().unwrap().event.id(), "300");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_asks_nothing_is_attempted() {
    let house = House::build().await;
    house.publish(0..5).await;
    let (id, mut subscriber) = house.pulling(100).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let totals = house.vanus.subscription(id).await.unwrap().totals;
    assert_eq!((totals.attempts, totals.retrying), (0, 0));
    assert_eq!(subscriber.next().await.unwrap().attempt, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wanted_again_or_not_settled_in_time_comes_again() {
    let house = House::build().await;
    house.publish(0..1).await;
    let (id, mut subscriber) = house.pulling(500).await;
    let first = subscriber.next().await.unwrap();
    let begun = tokio::time::Instant::now();
    assert!(
        subscriber
            .nack(&first, Duration::from_millis(1_500))
            .await
            .unwrap()
    );
    let second = subscriber.next().await.unwrap();
    assert!(
        begun.elapsed() >= Duration::from_millis(1_400),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!((second.event.id(), second.attempt), ("0", 2));
    // What was settled is over, whoever says so once more.
    assert!(!subscriber.ack(&first).await.unwrap());
    // The second attempt runs out of time.
    house.until(id, |totals| totals.retrying == 1).await;
    assert!(!subscriber.ack(&second).await.unwrap());
    house.vanus.disable_subscription(id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_a_dead_letter_with_its_reason() {
    let house = House::build().await;
    house.publish(0..1).await;
    let (id, mut subscriber) = house.pulling(10_000).await;
    let handed = subscriber.next().await.unwrap();
    assert!(subscriber.reject(&handed, "Unreadable").await.unwrap());
    house.until(id, |totals| totals.dead_lettered == 1).await;
    let letters = house.vanus.dead_letters(id, None, 1).await.unwrap().letters;
    let reason = letters[0].event.attribute("xvanusdlreason");
    assert_eq!(reason, Some(AttributeRef::String("Unreadable")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_fetch_share_the_deliveries() {
    let house = House::build().await;
    let (id, _) = house.pulling(10_000).await;
    let options = SubscriberOptions {
        prefetch: 4,
        ..SubscriberOptions::default()
    };
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let mut subscriber = house.client.subscriber(id, options);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                while let Ok(next) =
                    tokio::time::timeout(Duration::from_secs(2), subscriber.next()).await
                {
                    let handed = next.unwrap();
                    ids.push(handed.event.id().parse::<u32>().unwrap());
                    assert!(subscriber.ack(&handed).await.unwrap());
                }
                ids
            })
        })
        .collect();
    house.publish(0..200).await;
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (0..200).collect::<Vec<_>>());
    house.until(id, |totals| totals.delivered == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_subscription_that_is_fetched_from_is_fetched_from() {
    let house = House::build().await;
    let spec = SubscriptionSpec::embedded("e", "default", "orders").unwrap();
    let sink = |_| std::future::ready(Ok(()));
    let embedded = house.vanus.subscribe(spec, sink).await.unwrap().record.id;
    let missing = SubscriptionId::from_u64(7);
    for (id, code) in [
        (embedded, ErrorCode::WrongState),
        (missing, ErrorCode::SubscriptionNotFound),
    ] {
        let mut subscriber = house.client.subscriber(id, SubscriberOptions::default());
        let error = subscriber.next().await.unwrap_err();
        assert!(
            matches!(&error, vanus_client::ClientError::Refused(fault) if fault.code == code),
            "{error}"
        );
    }
}
