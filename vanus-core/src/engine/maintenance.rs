//! Deletes what is past its retention, and tells of damage that the scrub found, now and then.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};
use vanus_storage::Corruption;
use vanus_types::{Clock, EventlogId};

use crate::{control::Control, eventlog::Logs};

/// The task that looks for expired events.
#[derive(Debug)]
pub(super) struct Maintenance {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Maintenance {
    pub(super) fn start(
        control: Arc<Control>,
        logs: Logs,
        clock: Arc<dyn Clock>,
        every: Duration,
    ) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut told = Vec::new();
            loop {
                tokio::select! {
                    _ = stopped.changed() => return,
                    () = tokio::time::sleep(every) => {
                        expire(&control, &logs, clock.now_ms()).await;
                        tell_damage(&logs, &mut told);
                    }
                }
            }
        });
        Self { stop, task }
    }

    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "maintenance ended badly");
        }
    }
}

/// Logs what the scrub has found since the last time.
fn tell_damage(logs: &Logs, told: &mut Vec<Corruption>) {
    let found = logs.store().damage();
    for damage in found.iter().filter(|damage| !told.contains(damage)) {
        tracing::error!(%damage, "a segment is damaged; what lies there cannot be read");
    }
    *told = found;
}

/// Deletes, in every eventlog, the segments whose events are all older than its retention.
async fn expire(control: &Control, logs: &Logs, now_ms: i64) {
    let due: Vec<(EventlogId, i64)> = control.look(|catalog| {
        let of_bus = |bus: &Arc<crate::control::Bus>| {
            let retention = i64::try_from(bus.record.retention_ms).unwrap_or(i64::MAX);
            let before_ms = now_ms.saturating_sub(retention);
            let eventlogs = bus.record.eventlogs.clone();
            eventlogs
                .into_iter()
                .map(move |eventlog| (eventlog, before_ms))
        };
        catalog.buses().flat_map(of_bus).collect()
    });
    let store = logs.store().clone();
    let expiring = tokio::task::spawn_blocking(move || {
        for (eventlog, before_ms) in due {
            if let Err(error) = store.expire(eventlog, before_ms) {
                tracing::warn!(%eventlog, %error, "expired events cannot be deleted");
            }
        }
    });
    // Cut off only when the runtime shuts down; the next start looks again.
    let _ = expiring.await;
}
