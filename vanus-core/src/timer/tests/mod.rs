//! Shards at work over a store in memory: crashes, hand-overs, a full disk, and eventbuses that are gone.

mod node;
mod sim;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use vanus_storage::{MemoryFs, Store, meta::MemoryMeta};
use vanus_types::{
    Coded, Durability, ErrorCode, NamespaceId, OsEntropy, SystemClock, TimerId,
    control::{TimerFilter, TimerOutcome},
};

use self::node::{
    BUS, LETTERS, NAMESPACE, Node, QUOTA, SHARDS, TARGET, check_once, due_of, fresh, new, options,
};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn timers_fire_once_in_order_and_unchanged() {
    let node = fresh().await;
    let now = node.now_ms();
    node.set(500, |n| now + 100 + (n as i64 * 37) % 300).await;
    node.until_none_waits().await;
    let stored = node.stored(TARGET).await;
    check_once(&stored, 500);
    let (event, _) = &stored[0];
    assert_eq!(
        event,
        &new(
            event.id().split_once('/').unwrap().0.parse().unwrap(),
            due_of(event)
        )
        .event
    );
    let told = node.timers.metrics();
    assert_eq!((told.set, told.fired, told.pending), (500, 500, 0));
    assert_eq!(told.lateness.iter().sum::<u64>(), 500);
    node.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_timers_than_memory_holds_fire_too() {
    let node = fresh().await;
    let now = node.now_ms();
    for call in 0..10 {
        node.set(1_000, |n| {
            now + 1_000 + ((call * 1_000 + n as i64) * 7_919) % 2_000
        })
        .await;
    }
    assert!(node.timers.metrics().in_memory <= 1_100);
    node.until_none_waits().await;
    check_once(&node.stored(TARGET).await, 10_000);
    assert_eq!(node.timers.metrics().cached_bytes, 0);
    node.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wishes_are_granted_in_time_and_not_after() {
    let node = fresh().await;
    let now = node.now_ms();
    let hour = now + 3_600_000;
    let ids = node.set(5, |n| hour + n as i64).await;
    let [cancelled, moved, fired, kept, _] = ids[..] else {
        panic!("{ids:?}")
    };
    assert_eq!(
        node.timers.cancel(cancelled).await.unwrap(),
        TimerOutcome::Done
    );
    assert_eq!(
        node.timers.cancel(cancelled).await.unwrap(),
        TimerOutcome::TooLate
    );
    assert_eq!(
        node.timers.update(moved, hour + 50).await.unwrap(),
        TimerOutcome::Done
    );
    assert_eq!(
        node.timers.update(moved, hour - 50).await.unwrap(),
        TimerOutcome::Done
    );
    assert_eq!(
        node.timers.fire_now(fired).await.unwrap(),
        TimerOutcome::Done
    );
    node.until_stored(3, 1).await;
    assert_eq!(node.stored(TARGET).await.len(), 1);
    assert_eq!(
        node.timers.cancel(fired).await.unwrap(),
        TimerOutcome::TooLate
    );
    let unknown = TimerId {
        shard: 9,
        offset: 1,
    };
    assert_eq!(
        node.timers.cancel(unknown).await.unwrap(),
        TimerOutcome::TooLate
    );
    let list = node
        .timers
        .list(TimerFilter::default(), None, 10)
        .await
        .unwrap();
    let dues: Vec<_> = list.items.iter().map(|info| info.due_ms).collect();
    assert_eq!(dues, [hour - 50, hour + 3, hour + 4]);
    assert_eq!(list.items[0].id, moved);
    let (info, event) = node.timers.get(kept).await.unwrap();
    assert_eq!(
        (info.due_ms, event.id()),
        (hour + 3, &*format!("3/{}", hour + 3))
    );
    let error = node.timers.get(cancelled).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TimerNotFound);
    node.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_on_where_it_stopped_across_shards() {
    let node = fresh().await;
    let hour = node.now_ms() + 3_600_000;
    for call in 0..20 {
        node.set(10, |n| hour + (call * 10 + n as i64) / 7).await;
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = node
            .timers
            .list(TimerFilter::default(), after, 7)
            .await
            .unwrap();
        assert!(page.items.len() <= 7);
        seen.extend(page.items.iter().map(|info| (info.due_ms, info.id)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 200);
    assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]));
    let filter = TimerFilter {
        from_ms: Some(hour + 3),
        until_ms: Some(hour + 5),
        ..TimerFilter::default()
    };
    let range = node.timers.list(filter, None, 100).await.unwrap();
    assert_eq!(range.items.len(), 14);
    node.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_at_any_moment_each_timer_fires_once() {
    let mut node = fresh().await;
    let mut expected = 0;
    for round in 0..12_u64 {
        let now = node.now_ms();
        let count = 300;
        node.set(count, |n| {
            now + 1 + ((n as i64 * 7_919) % 150) + round as i64
        })
        .await;
        expected += count;
        tokio::time::sleep(Duration::from_millis((round * 29) % 170)).await;
        let (fs, meta) = node.copy_after_crash(round);
        // The old one goes on in its own world, which nobody looks at again.
        let set = node.set.load(Ordering::Relaxed);
        node = Node::open(fs, meta).await;
        node.set.store(set, Ordering::Relaxed);
    }
    node.until_stored(0, expected).await;
    check_once(&node.stored(TARGET).await, expected);
    node.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stopped_goes_on_from_its_index() {
    let node = fresh().await;
    let now = node.now_ms();
    let ids = node.set(3_000, |n| now + 3_600_000 + n as i64).await;
    node.set(100, |n| now + 300 + n as i64).await;
    node.timers.stop().await;
    let index = super::index::Index::new(node.meta.clone(), 0);
    let checkpoint = index.checkpoint().unwrap().unwrap();
    assert_eq!(
        checkpoint.applied,
        node.store.info(SHARDS[0]).unwrap().end_offset
    );
    let node = Node::over(node.fs.clone(), node.meta.clone(), node.store.clone()).await;
    node.until_stored(3_000, 100).await;
    check_once(&node.stored(TARGET).await, 100);
    for id in &ids[..50] {
        assert_eq!(node.timers.cancel(*id).await.unwrap(), TimerOutcome::Done);
    }
    node.until_stored(2_950, 100).await;
    node.timers.stop().await;
}

/// What replication does: the eventlogs of one engine, batch by batch, in another.
async fn carry_over(from: &Node, to: &Store) {
    for log in SHARDS.into_iter().chain([TARGET, LETTERS]) {
        to.create_log(log).await.unwrap();
        let mut next = 0;
        loop {
            let chunk = from.store.read(log, next, 1 << 20).unwrap();
            if chunk.batches.is_empty() {
                break;
            }
            next = chunk.next_offset;
            for batch in chunk.batches {
                to.append(log, batch, Durability::Fsync).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_engine_takes_over_from_the_eventlogs_alone() {
    let first = fresh().await;
    let now = first.now_ms();
    first.set(1_000, |n| now + (n as i64 * 7_919) % 1_500).await;
    let ids = first.set(100, |n| now + 3_600_000 + n as i64).await;
    assert_eq!(
        first.timers.cancel(ids[7]).await.unwrap(),
        TimerOutcome::Done
    );
    assert_eq!(
        first.timers.update(ids[8], now + 900).await.unwrap(),
        TimerOutcome::Done
    );
    tokio::time::sleep(Duration::from_millis(400)).await;
    // In the middle of its work the first one is cut off; what it has acknowledged is in the other.
    let (fs, _) = first.copy_after_crash(1);
    let cut = Node::open(fs, Arc::new(MemoryMeta::new())).await;
    cut.timers.stop().await;
    let clock = Arc::new(SystemClock::new());
    let disk = MemoryFs::new();
    let store = Store::open(
        Arc::new(disk.clone()),
        clock,
        Arc::new(OsEntropy),
        options(),
    );
    let store = store.unwrap();
    carry_over(&cut, &store).await;
    let second = Node::over(disk, Arc::new(MemoryMeta::new()), store).await;
    assert_eq!(
        second.timers.cancel(ids[9]).await.unwrap(),
        TimerOutcome::Done
    );
    second.until_stored(97, 1_001).await;
    let stored = second.stored(TARGET).await;
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for (event, _) in &stored {
        *times.entry(event.id()).or_default() += 1;
    }
    assert_eq!(times.len(), 1_001);
    assert!(times.values().all(|times| *times == 1));
    second.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_taken_over_sets_and_fires_nothing_more() {
    let first = fresh().await;
    let now = first.now_ms();
    first
        .set(2_000, |n| now + 200 + (n as i64 * 7_919) % 800)
        .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let meta = Arc::new(MemoryMeta::new());
    let second = Node::over(first.fs.clone(), meta, first.store.clone()).await;
    // It learns it from its next entry.
    for _ in 0..4 {
        let refused = first.timers.set(BUS, NAMESPACE, &[new(1, now)]).await;
        assert!(
            matches!(refused, Err(TimerError::HandedOver)),
            "{refused:?}"
        );
    }
    second.set(10, |n| now + 5_000_000 + n as i64).await;
    second.until_stored(10, 2_000).await;
    check_once(&second.stored(TARGET).await, 2_000);
    second.timers.stop().await;
    first.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eventbus_that_is_gone_leaves_dead_letters() {
    let node = fresh().await;
    let now = node.now_ms();
    node.set(10, |n| now + 300 + n as i64).await;
    *node.host.0.lock() = None;
    node.until_none_waits().await;
    assert_eq!(node.stored(TARGET).await.len(), 0);
    let letters = node.stored(LETTERS).await;
    check_once(&letters, 10);
    let reason = letters[0].0.attribute("xvanusdlreason").unwrap();
    assert_eq!(reason.canonical(), "EventbusNotFound");
    assert_eq!(node.timers.metrics().dead_letters, 10);
    node.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eventlog_that_is_deleted_while_events_are_on_their_way_leaves_dead_letters() {
    let node = fresh().await;
    node.store.delete_log(TARGET).await.unwrap();
    let now = node.now_ms();
    node.set(10, |n| now + 50 + n as i64).await;
    node.until_none_waits().await;
    check_once(&node.stored(LETTERS).await, 10);
    node.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_timers_and_fires_when_there_is_room() {
    let node = fresh().await;
    let now = node.now_ms();
    node.set(200, |n| now + 400 + n as i64).await;
    node.fs.set_capacity(node.fs.used());
    let mut set: i64 = 200;
    let refused = loop {
        let timers: Vec<_> = (0..50).map(|n| new(n, now + 1_000 + set)).collect();
        match node.timers.set(BUS, NAMESPACE, &timers).await {
            Ok(_) => set += 50,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.code(), ErrorCode::NoSpace);
    tokio::time::sleep(Duration::from_millis(700)).await;
    node.fs.set_capacity(u64::MAX);
    node.until_stored(0, set as usize).await;
    let stored = node.stored(TARGET).await;
    let first: Vec<_> = stored
        .iter()
        .filter(|(event, _)| due_of(event) < now + 1_000)
        .cloned()
        .collect();
    check_once(&first, 200);
    node.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_of_a_namespace_holds_across_shards_and_restarts() {
    let node = fresh().await;
    let now = node.now_ms();
    let hour = now + 3_600_000;
    for _ in 0..5 {
        node.set(QUOTA as usize / 5, |n| hour + n as i64).await;
    }
    let more = node.timers.set(BUS, NAMESPACE, &[new(1, hour)]).await;
    assert_eq!(more.unwrap_err().code(), ErrorCode::ResourceExhausted);
    let list = node
        .timers
        .list(TimerFilter::default(), None, 1)
        .await
        .unwrap();
    assert_eq!(
        node.timers.cancel(list.items[0].id).await.unwrap(),
        TimerOutcome::Done
    );
    node.timers.stop().await;
    let node = Node::over(node.fs.clone(), node.meta.clone(), node.store.clone()).await;
    node.set(1, |_| hour).await;
    assert!(
        node.timers
            .set(BUS, NAMESPACE, &[new(1, hour)])
            .await
            .is_err()
    );
    let other = NamespaceId::from_u64(2);
    node.timers.set(BUS, other, &[new(1, hour)]).await.unwrap();
    node.timers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_fired_is_deleted_and_what_is_left_of_the_eventlog_is_enough() {
    let node = fresh().await;
    let now = node.now_ms();
    // More than the changes after which the index is written.
    for _ in 0..40 {
        node.set(2_000, |n| now + n as i64 % 500).await;
    }
    let day = now + 86_400_000;
    let ids = node.set(10, |n| day + n as i64).await;
    node.until_stored(10, 80_000).await;
    // The next write of the index is what lets the eventlog begin later.
    node.set(70_000, |n| now + n as i64 % 7).await;
    node.until(async || {
        SHARDS
            .into_iter()
            .all(|log| node.store.info(log).unwrap().start_offset > 16_384)
    })
    .await;
    node.until_stored(10, 150_000).await;
    let (fs, _) = node.copy_after_crash(7);
    let next = Node::open(fs, Arc::new(MemoryMeta::new())).await;
    next.until_stored(10, 150_000).await;
    check_once(&next.stored(TARGET).await, 150_000);
    for id in ids {
        assert_eq!(next.timers.cancel(id).await.unwrap(), TimerOutcome::Done);
    }
    next.timers.stop().await;
}
