//! Schedules make events, each occurrence once.

use std::{path::Path, time::Duration};

use vanus_core::{
    Coded, ErrorCode, Event, EventTemplate, Eventbus, Missed, Name, ReadOptions, SchedulePhase,
    ScheduleSpec, Vanus,
};

use crate::support::{eventbus, in_memory, on_disk, until};

fn spec(cron: &str) -> ScheduleSpec {
    let name = |name: &str| Name::new(name).unwrap();
    ScheduleSpec::new(name("tick"), name("jobs"), cron, EventTemplate::new("job"))
}

/// A schedule with `count` occurrences a second apart, all of them in the past.
fn past(vanus: &Vanus, count: u64, missed: Missed) -> ScheduleSpec {
    let mut spec = spec("@every 1");
    spec.start_ms = Some(vanus.clock().now_ms() - 1_000_000);
    spec.count = Some(count);
    spec.missed = missed;
    spec
}

async fn events(bus: &Eventbus) -> Vec<Event> {
    let log = bus.record().unwrap().eventlogs[0];
    let options = ReadOptions::default();
    let (mut all, mut from) = (Vec::new(), 0);
    loop {
        let page = bus.read(log, from, options).await.unwrap();
        let Some(last) = page.events.last() else {
            return all;
        };
        from = last.id.offset + 1;
        all.extend(page.events.into_iter().map(|stored| stored.event));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_makes_events_until_it_has_made_them_all() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "jobs", 3).await;
    let begun = vanus.clock().now_ms();
    let mut wanted = spec("@every 1");
    wanted.count = Some(2);
    wanted.event.data = Some("{\"n\": 1}".to_owned());
    wanted
        .event
        .attributes
        .insert("tenant".to_owned(), "t1".to_owned());
    let info = vanus.create_schedule("default", wanted).await.unwrap();
    assert_eq!((info.phase, info.made), (SchedulePhase::Active, 0));
    assert!(info.next_ms.unwrap() >= begun + 1_000);
    until("it has ended", async || {
        vanus.schedule("default", "tick").unwrap().phase == SchedulePhase::Ended
    })
    .await;
    let told = vanus.schedule("default", "tick").unwrap();
    assert_eq!((told.made, told.next_ms), (2, None));
    let mut stored = Vec::new();
    for log in bus.record().unwrap().eventlogs {
        let page = bus.read(log, 0, ReadOptions::default()).await.unwrap();
        stored.extend(page.events);
    }
    assert_eq!(stored.len(), 2);
    for (number, stored) in stored.iter().enumerate() {
        let at = info.record.start_ms + 1_000 * (number as i64 + 1);
        assert_eq!(stored.event.id(), format!("{}-{at}", info.record.id));
        assert_eq!(stored.event.source(), "/namespaces/default/schedules/tick");
        assert_eq!(stored.event.data_bytes().as_ref(), b"{\"n\": 1}");
        assert!(stored.append_time_ms >= at, "early");
    }
    assert_eq!(vanus.schedule_metrics().made, 2);
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_made_as_the_schedule_says() {
    for (missed, made) in [(Missed::All, 300), (Missed::Once, 1), (Missed::Skip, 0)] {
        let vanus = in_memory().await;
        let bus = eventbus(&vanus, "jobs", 1).await;
        let mut wanted = past(&vanus, 300, missed);
        // Nothing happens any more.
        wanted.end_ms = wanted.start_ms.map(|start| start + 300_000);
        let info = vanus.create_schedule("default", wanted).await.unwrap();
        until("it has ended", async || {
            vanus.schedule("default", "tick").unwrap().phase == SchedulePhase::Ended
        })
        .await;
        assert_eq!(
            vanus.schedule("default", "tick").unwrap().made,
            made,
            "{missed:?}"
        );
        let last = format!("{}-{}", info.record.id, info.record.start_ms + 300_000);
        let events = events(&bus).await;
        assert_eq!(events.len() as u64, made);
        assert!(events.last().is_none_or(|event| event.id() == last));
        vanus.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_schedule_makes_nothing_and_misses_nothing() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "jobs", 1).await;
    let mut wanted = spec("@every 1");
    wanted.missed = Missed::All;
    vanus.create_schedule("default", wanted).await.unwrap();
    let paused = vanus.pause_schedule("default", "tick").await.unwrap();
    assert_eq!(
        (paused.phase, paused.next_ms),
        (SchedulePhase::Paused, None)
    );
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert_eq!(events(&bus).await.len(), 0);
    let resumed = vanus.resume_schedule("default", "tick").await.unwrap();
    let from = resumed.record.resumed_at_ms.unwrap();
    until("it goes on", async || !events(&bus).await.is_empty()).await;
    vanus.delete_schedule("default", "tick").await.unwrap();
    for event in events(&bus).await {
        let at: i64 = event.id().split_once('-').unwrap().1.parse().unwrap();
        assert!(at > from, "{at} was during the pause");
    }
    assert_eq!(vanus.schedules(None).unwrap(), []);
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused() {
    let vanus = in_memory().await;
    eventbus(&vanus, "jobs", 1).await;
    let refused = async |change: fn(&mut ScheduleSpec)| {
        let mut wanted = spec("@daily");
        change(&mut wanted);
        vanus
            .create_schedule("default", wanted)
            .await
            .unwrap_err()
            .code()
    };
    assert_eq!(
        refused(|spec| spec.cron = "61 * * * *".to_owned()).await,
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        refused(|spec| spec.time_zone = "Mars".to_owned()).await,
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        refused(|spec| spec.end_ms = Some(0)).await,
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        refused(|spec| spec.event.ty = String::new()).await,
        ErrorCode::InvalidEvent
    );
    let reserved = refused(|spec| {
        spec.event
            .attributes
            .insert("xvanusdelay".to_owned(), "5".to_owned());
    });
    assert_eq!(reserved.await, ErrorCode::InvalidArgument);
    let elsewhere = refused(|spec| spec.eventbus = Name::new("other").unwrap());
    assert_eq!(elsewhere.await, ErrorCode::EventbusNotFound);
    vanus
        .create_schedule("default", spec("@daily"))
        .await
        .unwrap();
    let again = vanus.create_schedule("default", spec("@daily")).await;
    assert_eq!(again.unwrap_err().code(), ErrorCode::AlreadyExists);
    let absent = vanus.schedule("default", "absent").unwrap_err();
    assert_eq!(absent.code(), ErrorCode::NotFound);
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_go_with_their_eventbus_and_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let vanus = on_disk(dir.path()).await;
    let bus = eventbus(&vanus, "jobs", 1).await;
    let wanted = past(&vanus, 5, Missed::All);
    vanus.create_schedule("default", wanted).await.unwrap();
    until("all are made", async || events(&bus).await.len() == 5).await;
    vanus.close().await.unwrap();
    drop((vanus, bus));

    let vanus = on_disk(dir.path()).await;
    let info = vanus.schedule("default", "tick").unwrap();
    assert_eq!((info.phase, info.made), (SchedulePhase::Ended, 5));
    let bus = vanus.eventbus("default", "jobs").unwrap();
    vanus
        .delete_eventbus(bus.record().unwrap().id)
        .await
        .unwrap();
    assert_eq!(vanus.schedules(Some("default")).unwrap(), []);
    vanus.close().await.unwrap();
}

/// Ends everything at once, without closing, after a while.
fn run_a_while(path: &Path, millis: u64, wanted: Option<u64>) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    let ids = runtime.block_on(async {
        let vanus = on_disk(path).await;
        if let Some(count) = wanted {
            eventbus(&vanus, "jobs", 1).await;
            let wanted = past(&vanus, count, Missed::All);
            vanus.create_schedule("default", wanted).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(millis)).await;
        let bus = vanus.eventbus("default", "jobs").unwrap();
        let events = events(&bus).await;
        events.iter().map(|event| event.id().to_owned()).collect()
    });
    runtime.shutdown_timeout(Duration::from_secs(10));
    ids
}

#[test]
fn an_engine_that_stops_anywhere_makes_each_occurrence_once() {
    const COUNT: usize = 400;
    let dir = tempfile::tempdir().unwrap();
    let mut ids = run_a_while(dir.path(), 20, Some(COUNT as u64));
    let mut rounds = 0;
    while ids.len() < COUNT {
        rounds += 1;
        assert!(rounds < 1_000, "{} events", ids.len());
        ids = run_a_while(dir.path(), 7 + rounds * 13 % 40, None);
    }
    let at = |id: &String| id.split_once('-').unwrap().1.parse::<i64>().unwrap();
    let times: Vec<i64> = ids.iter().map(at).collect();
    assert_eq!(times.len(), COUNT);
    assert!(
        times.windows(2).all(|pair| pair[1] == pair[0] + 1_000),
        "{times:?}"
    );
    assert!(rounds > 0, "it was never stopped");
}
