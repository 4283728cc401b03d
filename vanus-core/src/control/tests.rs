//! Changes that the metadata store refuses.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use vanus_storage::{
    MemoryFs, Store, StoreOptions,
    meta::{
        CommitFuture, MemoryMeta, MetaBatch, MetaError, MetaHealth, MetaStore, Scan, ScanPage,
        Table,
    },
};
use vanus_types::{
    ManualClock, Name, SeededEntropy,
    control::{EventbusSpec, SubscriptionPhase, SubscriptionSpec},
};

use super::{Control, ControlParts};
use crate::{
    eventlog::Logs,
    timer::{TimerOptions, Timers},
    trigger::{FnSink, NoSinks, Triggers},
};

/// Refuses batches when it is told to.
#[derive(Debug)]
struct Refusing {
    inner: MemoryMeta,
    refuses: AtomicBool,
}

impl MetaStore for Refusing {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError> {
        self.inner.get(table, key)
    }

    fn scan(&self, table: Table, scan: &Scan) -> Result<ScanPage, MetaError> {
        self.inner.scan(table, scan)
    }

    fn commit(&self, batch: MetaBatch) -> CommitFuture {
        let batch = if self.refuses.load(Ordering::SeqCst) {
            // What every store refuses.
            MetaBatch::new().put(Table::Cluster, "", "")
        } else {
            batch
        };
        self.inner.commit(batch)
    }

    fn health(&self) -> MetaHealth {
        self.inner.health()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_deleted_goes_on_running() {
    let clock = Arc::new(ManualClock::new(1_000_000));
    let (fs, entropy) = (Arc::new(MemoryFs::new()), Arc::new(SeededEntropy::new(1)));
    let store = Store::open(fs, clock.clone(), entropy, StoreOptions::small()).unwrap();
    let logs = Logs::new(store);
    let refusing = Arc::new(Refusing {
        inner: MemoryMeta::new(),
        refuses: AtomicBool::new(false),
    });
    let meta: Arc<dyn MetaStore> = refusing.clone();
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
        logs,
        meta,
        clock,
        timers,
        triggers,
        vault: super::Vault::new(None, Arc::new(SeededEntropy::new(2))),
    };
    let (control, _) = Control::open(parts).await.unwrap();
    let spec = EventbusSpec::new(Name::new("orders").unwrap());
    let namespace = Name::new("default").unwrap();
    let bus = control
        .create_eventbus(&namespace, spec)
        .await
        .unwrap()
        .record
        .id;
    let spec = SubscriptionSpec::embedded("test", "default", "orders").unwrap();
    let sink = Arc::new(FnSink::new(|_| std::future::ready(Ok(()))));
    let created = control.create_subscription(spec, Some(sink)).await.unwrap();
    let record = created.record;
    assert_eq!(created.phase, SubscriptionPhase::Running);

    refusing.refuses.store(true, Ordering::SeqCst);
    control.delete_subscription(record.id).await.unwrap_err();
    assert_eq!(
        control.triggers().phase(&record),
        SubscriptionPhase::Running
    );
    control.delete_eventbus(bus).await.unwrap_err();
    assert_eq!(
        control.triggers().phase(&record),
        SubscriptionPhase::Running
    );

    refusing.refuses.store(false, Ordering::SeqCst);
    control.delete_eventbus(bus).await.unwrap();
    control.subscription(record.id).unwrap_err();
    control.close().await;
}
