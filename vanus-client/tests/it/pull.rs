//! Deliveries that go to clients, against the engine itself: the same stories whether they are pushed
//! or fetched.

use std::time::Duration;

use vanus_client::SubscribeMode;
use vanus_core::{AttributeRef, SubscriptionSpec};
use vanus_types::{ErrorCode, SubscriptionId};

use crate::house::House;

const FETCH: SubscribeMode = SubscribeMode::Fetch {
    wait: Duration::from_secs(30),
};

/// Each story is told twice.
const BOTH: [SubscribeMode; 2] = [SubscribeMode::Push, FETCH];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_delivered_once() {
    for mode in BOTH {
        let house = House::build().await;
        house.publish(0..300).await;
        let (id, mut subscriber) = house.pulling(10_000, mode).await;
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_asks_nothing_is_attempted() {
    for mode in BOTH {
        let house = House::build().await;
        house.publish(0..5).await;
        let (id, mut subscriber) = house.pulling(100, mode).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let totals = house.vanus.subscription(id).await.unwrap().totals;
        assert_eq!((totals.attempts, totals.retrying), (0, 0));
        assert_eq!(subscriber.next().await.unwrap().attempt, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wanted_again_or_not_settled_in_time_comes_again() {
    for mode in BOTH {
        let house = House::build().await;
        house.publish(0..1).await;
        let (id, mut subscriber) = house.pulling(500, mode).await;
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_a_dead_letter_with_its_reason() {
    for mode in BOTH {
        let house = House::build().await;
        house.publish(0..1).await;
        let (id, mut subscriber) = house.pulling(10_000, mode).await;
        let handed = subscriber.next().await.unwrap();
        assert!(subscriber.reject(&handed, "Unreadable").await.unwrap());
        house.until(id, |totals| totals.dead_lettered == 1).await;
        let letters = house.vanus.dead_letters(id, None, 1).await.unwrap().letters;
        let reason = letters[0].event.attribute("xvanusdlreason");
        assert_eq!(reason, Some(AttributeRef::String("Unreadable")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_receive_share_the_deliveries() {
    for mode in BOTH {
        let house = House::build().await;
        let id = house.subscription(10_000).await;
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let mut subscriber = house.subscriber(id, mode, 4);
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_subscription_for_clients_hands_out_deliveries() {
    for mode in BOTH {
        let house = House::build().await;
        let spec = SubscriptionSpec::embedded("e", "default", "orders").unwrap();
        let sink = |_| std::future::ready(Ok(()));
        let embedded = house.vanus.subscribe(spec, sink).await.unwrap().record.id;
        let missing = SubscriptionId::from_u64(7);
        for (id, code) in [
            (embedded, ErrorCode::WrongState),
            (missing, ErrorCode::SubscriptionNotFound),
        ] {
            let mut subscriber = house.subscriber(id, mode, 64);
            let error = subscriber.next().await.unwrap_err();
            assert!(
                matches!(&error, vanus_client::ClientError::Refused(fault) if fault.code == code),
                "{error}"
            );
        }
    }
}
