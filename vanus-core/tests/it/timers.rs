//! Events that wait for their time.

use std::time::Duration;

use vanus_core::{
    Coded, ErrorCode, Event, PublishOptions, ReadOptions, TimerFilter, TimerOutcome, Vanus,
};

use crate::support::{Seen, event, eventbus, in_memory, on_disk, subscription, until};

fn later(id: &str, delay: &str) -> Event {
    let event = Event::builder().id(id).source("/test").ty("t");
    event.extension("xvanusdelay", delay).build().unwrap()
}

async fn ids(bus: &vanus_core::Eventbus) -> Vec<String> {
    let log = bus.record().unwrap().eventlogs[0];
    let page = bus.read(log, 0, ReadOptions::default()).await.unwrap();
    page.events
        .iter()
        .map(|stored| stored.event.id().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waits_is_stored_when_it_is_due() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let seen = Seen::default();
    vanus
        .subscribe(subscription("orders"), seen.sink())
        .await
        .unwrap();
    let waiting = later("late", "0.3");
    let published = bus
        .publish_all(&[event("now", "t"), waiting.clone(), event("then", "t")])
        .await
        .unwrap();
    let timers: Vec<bool> = published.iter().map(|told| told.timer.is_some()).collect();
    assert_eq!(timers, [false, true, false]);
    assert_eq!(ids(&bus).await, ["now", "then"]);
    until("the third one comes", async || seen.ids().len() == 3).await;
    assert_eq!(seen.ids()[2], "late");
    let log = bus.record().unwrap().eventlogs[0];
    let page = bus.read(log, 2, ReadOptions::default()).await.unwrap();
    assert_eq!(page.events[0].event, waiting);
    assert!(page.events[0].append_time_ms >= published[1].append_time_ms + 299);
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_goes_straight_through_and_what_makes_no_sense_is_refused() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let past = Event::builder().id("past").source("/s").ty("t");
    let past = past.extension("xvanusdeliverytime", "1999-01-01T00:00:00Z");
    let published = bus.publish(past.build().unwrap()).await.unwrap();
    assert_eq!((published.timer, published.id.offset), (None, 0));
    let nonsense = bus
        .publish_all(&[event("1", "t"), later("2", "soon")])
        .await;
    assert_eq!(nonsense.unwrap_err().code(), ErrorCode::InvalidArgument);
    assert_eq!(ids(&bus).await, ["past"]);
    let placed = PublishOptions {
        eventlog: Some(bus.record().unwrap().eventlogs[0]),
        ..PublishOptions::default()
    };
    let refused = bus.publish_with(&[later("3", "5")], placed).await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::InvalidArgument);
    // No timer was ever set, so there is no eventbus for them.
    assert_eq!(vanus.eventbuses(Some("vanus-system")).unwrap().len(), 1);
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_are_listed_moved_and_cancelled() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let other = eventbus(&vanus, "others", 1).await;
    let with_key = |id: &str, key: &str| {
        let event = later(id, "P3D").to_builder().extension("partitionkey", key);
        event.build().unwrap()
    };
    let first = bus
        .publish(with_key("1", "a"))
        .await
        .unwrap()
        .timer
        .unwrap();
    let second = bus
        .publish(with_key("2", "b"))
        .await
        .unwrap()
        .timer
        .unwrap();
    other.publish(with_key("3", "a")).await.unwrap();
    let list = async |filter| {
        let list = vanus.timers(filter, None, 100).await.unwrap();
        let ids = list.items.into_iter().map(|timer| timer.event_id);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(list(TimerFilter::default()).await.len(), 3);
    let of_key = TimerFilter {
        key: Some("a".to_owned()),
        eventbus_id: Some(bus.id()),
        ..TimerFilter::default()
    };
    assert_eq!(list(of_key).await, ["1"]);
    let (info, told) = vanus.timer(first).await.unwrap();
    assert_eq!(
        (info.eventbus.unwrap().as_str(), told.id()),
        ("orders", "1")
    );
    assert_eq!(vanus.cancel_timer(first).await.unwrap(), TimerOutcome::Done);
    assert_eq!(
        vanus.cancel_timer(first).await.unwrap(),
        TimerOutcome::TooLate
    );
    assert_eq!(vanus.fire_timer(second).await.unwrap(), TimerOutcome::Done);
    until("it fires", async || ids(&bus).await == ["2"]).await;
    let hidden = vanus.eventbuses(Some("vanus-system")).unwrap();
    assert!(hidden.iter().all(|bus| bus.name.as_str() != "__timer"));
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timers_of_a_deleted_eventbus_become_dead_letters() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    bus.publish(later("1", "0.3")).await.unwrap();
    vanus.delete_eventbus(bus.id()).await.unwrap();
    until("it is told", async || {
        vanus.timer_metrics().dead_letters == 1
    })
    .await;
    let letters = vanus.eventbus("vanus-system", "__dl_timer").unwrap();
    assert_eq!(ids(&letters).await, ["1"]);
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let cancelled = {
        let vanus = on_disk(dir.path()).await;
        let bus = eventbus(&vanus, "orders", 1).await;
        let mut timers = Vec::new();
        for id in 0..20 {
            let told = bus.publish(later(&id.to_string(), "1.5")).await.unwrap();
            timers.push(told.timer.unwrap());
        }
        let never = bus
            .publish(later("never", "P1D"))
            .await
            .unwrap()
            .timer
            .unwrap();
        vanus.cancel_timer(timers[3]).await.unwrap();
        vanus.close().await.unwrap();
        never
    };
    let vanus: Vanus = on_disk(dir.path()).await;
    let bus = vanus.eventbus("default", "orders").unwrap();
    until("all fire", async || ids(&bus).await.len() >= 19).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut stored = ids(&bus).await;
    stored.sort();
    stored.dedup();
    assert_eq!((stored.len(), ids(&bus).await.len()), (19, 19));
    assert!(!stored.contains(&"3".to_owned()));
    assert_eq!(
        vanus.cancel_timer(cancelled).await.unwrap(),
        TimerOutcome::Done
    );
    vanus.close().await.unwrap();
}
