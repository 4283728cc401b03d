//! What is particular to deliveries that are pushed, against the engine itself.

use std::time::Duration;

use vanus_client::{ClientError, Handed, SubscribeMode, Subscriber};
use vanus_types::ErrorCode;

use crate::house::House;

/// Longer than any test: nothing comes again because its time is over.
const LONG_MS: u32 = 60_000;

async fn take(subscriber: &mut Subscriber, count: usize) -> Vec<Handed> {
    let mut all = Vec::new();
    for _ in 0..count {
        let next = tokio::time::timeout(Duration::from_secs(10), subscriber.next());
        all.push(next.await.expect("a delivery").unwrap());
    }
    all
}

fn ids(handed: &[Handed]) -> Vec<u32> {
    let mut ids: Vec<u32> = handed
        .iter()
        .map(|h| h.event.id().parse().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_pushed_than_may_be_held() {
    let house = House::build().await;
    house.publish(0..20).await;
    let id = house.subscription(LONG_MS).await;
    let mut subscriber = house.subscriber(id, SubscribeMode::Push, 4);
    let mut held = take(&mut subscriber, 4).await;
    let more = tokio::time::timeout(Duration::from_millis(100), subscriber.next()).await;
    assert!(more.is_err(), "a fifth one came");
    assert_eq!(
        house.vanus.subscription(id).await.unwrap().totals.attempts,
        4
    );
    let mut seen = ids(&held);
    while let Some(handed) = held.pop() {
        assert!(subscriber.ack(&handed).await.unwrap());
        if seen.len() < 20 {
            let next = take(&mut subscriber, 1).await;
            seen.extend(ids(&next));
            held.extend(next);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    house.until(id, |totals| totals.delivered == 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_settled_goes_to_others_when_its_holder_leaves() {
    let house = House::build().await;
    house.publish(0..10).await;
    let id = house.subscription(LONG_MS).await;
    let mut first = house.subscriber(id, SubscribeMode::Push, 64);
    let held = take(&mut first, 5).await;
    let mut seen = ids(&held[..1]);
    assert!(first.ack(&held[0]).await.unwrap());
    drop(first);
    let mut second = house.subscriber(id, SubscribeMode::Push, 64);
    let rest = take(&mut second, 9).await;
    assert!(rest.iter().all(|handed| handed.attempt == 1));
    seen.extend(ids(&rest));
    seen.sort_unstable();
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    for handed in &rest {
        assert!(second.ack(handed).await.unwrap());
    }
    house.until(id, |totals| totals.delivered == 10).await;
    assert_eq!(
        house.vanus.subscription(id).await.unwrap().totals.attempts,
        10
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_goes_on_when_the_server_is_back() {
    let mut house = House::build().await;
    house.publish(0..10).await;
    let id = house.subscription(LONG_MS).await;
    let mut subscriber = house.subscriber(id, SubscribeMode::Push, 4);
    let held = take(&mut subscriber, 3).await;
    house.serve_again().await;
    // What is in hand does not come a second time, and is settled on the new stream.
    let next = take(&mut subscriber, 1).await;
    assert!(!ids(&held).contains(&ids(&next)[0]));
    let mut seen = ids(&held);
    for handed in held.iter().chain(&next) {
        assert!(subscriber.ack(handed).await.unwrap());
    }
    seen.extend(ids(&next));
    for _ in 0..6 {
        let next = take(&mut subscriber, 1).await;
        assert!(subscriber.ack(&next[0]).await.unwrap());
        seen.extend(ids(&next));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    house.until(id, |totals| totals.delivered == 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_settlements_at_a_time_are_all_answered() {
    let house = House::build().await;
    house.publish(0..200).await;
    let id = house.subscription(LONG_MS).await;
    let mut subscriber = house.subscriber(id, SubscribeMode::Push, 200);
    let held = take(&mut subscriber, 200).await;
    let mut acks = tokio::task::JoinSet::new();
    let subscriber = std::sync::Arc::new(subscriber);
    for handed in held {
        let subscriber = std::sync::Arc::clone(&subscriber);
        acks.spawn(async move { subscriber.ack(&handed).await });
    }
    while let Some(acked) = acks.join_next().await {
        assert!(acked.unwrap().unwrap());
    }
    house.until(id, |totals| totals.delivered == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_told_that_the_subscription_was_deleted() {
    let house = House::build().await;
    let id = house.subscription(LONG_MS).await;
    let mut subscriber = house.subscriber(id, SubscribeMode::Push, 4);
    let waiting = tokio::spawn(async move { subscriber.next().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    house.vanus.delete_subscription(id).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    let error = told.expect("an answer").unwrap().unwrap_err();
    assert!(
        matches!(&error, ClientError::Refused(fault) if fault.code == ErrorCode::SubscriptionNotFound),
        "{error}"
    );
}
