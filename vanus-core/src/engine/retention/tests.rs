//! Retention that meets a disk that is full, and changes while it works.

use std::io::ErrorKind;

use vanus_storage::{
    MemoryFs, StoreOptions,
    fs::{Action, Fault, FaultyFs, OpKind},
    meta::{MemoryMeta, MetaStore},
};
use vanus_types::{
    BatchBuilder, Durability, Event, ManualClock, Name, SeededEntropy,
    control::{EventbusSpec, EventbusUpdate, StartFrom, SubscriptionSpec},
};

use super::*;
use crate::{
    control::ControlParts,
    timer::{TimerOptions, Timers},
    trigger::{NoSinks, Triggers},
};

fn open(fs: &FaultyFs, clock: &Arc<ManualClock>) -> Store {
    let entropy = Arc::new(SeededEntropy::new(1));
    // A checkpoint, which seals segments, is due late.
    let options = StoreOptions {
        wal_file_bytes: 2 * 1024 * 1024,
        ..StoreOptions::small()
    };
    Store::open(Arc::new(fs.clone()), clock.clone(), entropy, options).unwrap()
}

/// Appends 40 events of about 10 KB, which fill several segments.
fn fill(store: &Store, eventlog: EventlogId, clock: &ManualClock) {
    for turn in 0..40 {
        let event = Event::builder()
            .id(turn.to_string())
            .source("/test")
            .ty("t")
            .binary(vec![7; 10_000])
            .build()
            .unwrap();
        let mut batch = BatchBuilder::new();
        assert!(batch.push(&event));
        let batch = batch.build().unwrap();
        store
            .append_blocking(eventlog, batch, Durability::Fsync)
            .unwrap();
        clock.advance_ms(10);
        store.tick().unwrap();
    }
}

async fn control(logs: &Logs, clock: &Arc<ManualClock>) -> Arc<Control> {
    let meta: Arc<dyn MetaStore> = Arc::new(MemoryMeta::new());
    let triggers = Triggers::new(
        logs.clone(),
        meta.clone(),
        clock.clone(),
        Arc::new(SeededEntropy::new(2)),
        Arc::new(NoSinks),
    );
    let timers = Timers::new(
        logs.clone(),
        meta.clone(),
        clock.clone(),
        Arc::new(SeededEntropy::new(3)),
        TimerOptions::default(),
    );
    let parts = ControlParts {
        logs: logs.clone(),
        meta,
        clock: clock.clone(),
        timers,
        triggers,
        vault: crate::control::Vault::new(None, Arc::new(vanus_types::SeededEntropy::new(2))),
    };
    Control::open(parts).await.unwrap().0
}

#[test]
fn an_eventlog_that_cannot_shrink_does_not_keep_the_others_from_it() {
    let fs = FaultyFs::new(Arc::new(MemoryFs::new()));
    let clock = Arc::new(ManualClock::new(1_000_000));
    let store = open(&fs, &clock);
    let logs = [0xA, 0xB].map(EventlogId::from_u64);
    for eventlog in logs {
        store.create_log_blocking(eventlog).unwrap();
        fill(&store, eventlog, &clock);
    }
    // The older one has no sealed segments; to seal one, its index is written.
    let index = format!("{}/", logs[0]);
    let full = Action::Error(ErrorKind::StorageFull);
    fs.plan(Fault::always(OpKind::Open, &index, full));
    let before = logs.map(|eventlog| store.info(eventlog).unwrap());
    assert!(before[0].segments > 2 && before[0].first_time_ms < before[1].first_time_ms);
    let job = Job {
        before_ms: 0,
        most_bytes: Some(1),
        logs: logs.map(Kept::free).to_vec(),
    };
    job.run(&store, &|| false);
    assert_eq!(store.info(logs[1]).unwrap().start_offset, 0, "called off");
    job.run(&store, &|| true);
    assert!(fs.hits() > 0);
    let after = logs.map(|eventlog| store.info(eventlog).unwrap());
    assert_eq!(after[0].start_offset, 0, "it cannot go");
    assert_eq!(after[1].segments, 1, "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_acknowledged_meanwhile_is_honoured() {
    let fs = FaultyFs::new(Arc::new(MemoryFs::new()));
    let clock = Arc::new(ManualClock::new(1_000_000));
    let store = open(&fs, &clock);
    let logs = Logs::new(store.clone());
    let control = control(&logs, &clock).await;
    let namespace = Name::new("default").unwrap();
    let mut buses = Vec::new();
    for name in ["one", "two"] {
        let spec = EventbusSpec {
            eventlogs: 1,
            retention_ms: 1_000,
            ..EventbusSpec::new(Name::new(name).unwrap())
        };
        let bus = control.create_eventbus(&namespace, spec).await.unwrap();
        let mut reader = SubscriptionSpec::embedded("reader", "default", name).unwrap();
        reader.config.start_from = StartFrom::Earliest;
        control.create_subscription(reader, None).await.unwrap();
        let eventlog = bus.record.eventlogs[0];
        let filled = store.clone();
        let time = clock.clone();
        tokio::task::spawn_blocking(move || fill(&filled, eventlog, &time))
            .await
            .unwrap();
        buses.push((bus.record.id, eventlog));
    }
    clock.advance_ms(10_000);

    // While the first segment of the first eventbus goes, both are told to wait for their readers.
    let (ids, changing) = (buses.clone(), control.clone());
    let runtime = tokio::runtime::Handle::current();
    let change = Action::Hook(Arc::new(move || {
        for (id, _) in &ids {
            let update = EventbusUpdate {
                retain_for: Some(RetainFor::Subscriptions),
                ..EventbusUpdate::default()
            };
            runtime
                .block_on(changing.update_eventbus(*id, update))
                .unwrap();
        }
    }));
    fs.plan(Fault::once(OpKind::Remove, ".seg", change));
    let retention = Retention {
        control,
        logs,
        clock,
        held: HeldBack::default(),
    };
    retention.look().await;
    assert_eq!(fs.hits(), 1);
    let starts: Vec<u64> = buses
        .iter()
        .map(|(_, eventlog)| store.info(*eventlog).unwrap().start_offset)
        .collect();
    let whole = starts.iter().filter(|start| **start == 0).count();
    assert_eq!(whole, 1, "one went before the change: {starts:?}");
}
