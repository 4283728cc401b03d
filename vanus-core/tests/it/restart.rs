//! What survives closing, dropping and opening again.

use std::sync::Arc;

use vanus_core::{
    Coded, DeliveryError, ErrorCode, ReadOptions, StartFrom, SubscriptionPhase, Vanus,
};
use vanus_storage::{DiskFs, Store, StoreOptions};
use vanus_types::{OsEntropy, SystemClock};

use crate::support::{Seen, event, eventbus, on_disk, subscription, until};

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (published, sub) = {
        let vanus = on_disk(dir.path()).await;
        let bus = eventbus(&vanus, "orders", 3).await;
        let sub = vanus
            .subscribe(subscription("orders"), Seen::default().sink())
            .await
            .unwrap();
        let mut published = Vec::new();
        for id in 0..30 {
            published.push(bus.publish(event(id, "t")).await.unwrap().id);
        }
        until("all are delivered", async || {
            vanus
                .subscription(sub.record.id)
                .await
                .unwrap()
                .totals
                .delivered
                == 30
        })
        .await;
        vanus.close().await.unwrap();
        assert!(bus.publish(event(99, "t")).await.is_err());
        (published, sub.record.id)
    };
    let vanus = on_disk(dir.path()).await;
    let bus = vanus.eventbus("default", "orders").unwrap();
    for (id, place) in published.iter().enumerate() {
        assert_eq!(bus.event(*place).await.unwrap().event.id(), id.to_string());
    }
    let info = vanus.subscription(sub).await.unwrap();
    assert_eq!(info.phase, SubscriptionPhase::Detached);
    assert!(
        info.progress
            .iter()
            .all(|log| log.committed == log.end_offset)
    );
    let seen = Seen::default();
    vanus.attach(sub, seen.sink()).await.unwrap();
    bus.publish(event("new", "t")).await.unwrap();
    until("only the new event arrives", async || {
        !seen.ids().is_empty()
    })
    .await;
    assert_eq!(seen.ids(), ["new"]);
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_due_time_of_a_retry_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let vanus = on_disk(dir.path()).await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let failing = |_| async { Err(DeliveryError::retry("down")) };
    let sub = vanus
        .subscribe(subscription("orders"), failing)
        .await
        .unwrap()
        .record
        .id;
    let before = vanus.clock().now_ms();
    bus.publish(event("late", "t")).await.unwrap();
    bus.publish(event("late too", "t")).await.unwrap();
    until("both wait", async || {
        vanus.subscription(sub).await.unwrap().totals.retrying == 2
    })
    .await;
    vanus.close().await.unwrap();
    drop((vanus, bus));

    let vanus = on_disk(dir.path()).await;
    let info = vanus.subscription(sub).await.unwrap();
    assert_eq!(
        (info.progress[0].committed, info.progress[0].retrying),
        (0, 2)
    );
    let seen = Seen::default();
    vanus.attach(sub, seen.sink()).await.unwrap();
    until("both arrive", async || seen.ids().len() == 2).await;
    assert!(vanus.clock().now_ms() - before >= 1_000);
    until("the offset is committed", async || {
        vanus.subscription(sub).await.unwrap().progress[0].committed == 2
    })
    .await;
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let vanus = on_disk(dir.path()).await;
    let second = Vanus::builder()
        .data_dir(dir.path())
        .open()
        .await
        .unwrap_err();
    assert_eq!(second.code(), ErrorCode::DirectoryLocked);
    vanus.close().await.unwrap();
    drop(vanus);
    on_disk(dir.path()).await.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_eventbus_stays_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let vanus = on_disk(dir.path()).await;
    let bus = eventbus(&vanus, "orders", 1).await;
    bus.publish(event(1, "t")).await.unwrap();
    vanus.delete_eventbus(bus.id()).await.unwrap();
    let kept = eventbus(&vanus, "kept", 1).await;
    kept.publish(event(2, "t")).await.unwrap();
    vanus.close().await.unwrap();
    drop((vanus, bus, kept));
    let vanus = on_disk(dir.path()).await;
    assert!(vanus.eventbus("default", "orders").is_err());
    let kept = vanus.eventbus("default", "kept").unwrap();
    let (log, _) = kept.offsets(StartFrom::Earliest).await.unwrap()[0];
    let page = kept.read(log, 0, ReadOptions::default()).await.unwrap();
    assert_eq!(page.events[0].event.id(), "2");
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_was_lost_costs_no_events() {
    let dir = tempfile::tempdir().unwrap();
    let vanus = on_disk(dir.path()).await;
    let bus = eventbus(&vanus, "orders", 1).await;
    bus.publish(event(1, "t")).await.unwrap();
    let log = bus.record().unwrap().eventlogs[0];
    vanus.close().await.unwrap();
    drop((vanus, bus));

    #[expect(clippy::disallowed_methods, reason = "damages what the engine keeps")]
    std::fs::remove_dir_all(dir.path().join("meta")).unwrap();
    let vanus = on_disk(dir.path()).await;
    assert!(vanus.eventbus("default", "orders").is_err());
    vanus.close().await.unwrap();
    drop(vanus);

    let store = Store::open(
        Arc::new(DiskFs::open(dir.path()).unwrap()),
        Arc::new(SystemClock::new()),
        Arc::new(OsEntropy),
        StoreOptions::default(),
    )
    .unwrap();
    let kept = store.read(log, 0, 1024).unwrap();
    assert_eq!(kept.batches[0].events().next().unwrap().1.id(), "1");
    store.close().unwrap();
}
