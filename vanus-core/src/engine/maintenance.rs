//! Looks for what is past its retention, and for damage that the scrub found, now and then, and when a retention is changed.

use std::time::Duration;

use tokio::{sync::watch, task::JoinHandle};
use vanus_storage::{Corruption, Store};

use super::retention::{HeldBack, Retention};

/// The task that looks for expired events.
#[derive(Debug)]
pub(super) struct Maintenance {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    held: HeldBack,
}

impl Maintenance {
    pub(super) fn start(retention: Retention, every: Duration) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let held = retention.held.clone();
        let task = tokio::spawn(async move {
            let mut told = Vec::new();
            loop {
                tokio::select! {
                    _ = stopped.changed() => return,
                    () = retention.control.retention_changed() => {}
                    () = tokio::time::sleep(every) => {}
                }
                retention.look().await;
                tell_damage(retention.logs.store(), &mut told);
            }
        });
        Self { stop, task, held }
    }

    /// What is kept for subscriptions past its retention.
    pub(super) fn held(&self) -> HeldBack {
        self.held.clone()
    }

    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "maintenance ended badly");
        }
    }
}

/// Logs what the scrub has found since the last time.
fn tell_damage(store: &Store, told: &mut Vec<Corruption>) {
    let found = store.damage();
    for damage in found.iter().filter(|damage| !told.contains(damage)) {
        tracing::error!(%damage, "a segment is damaged; what lies there cannot be read");
    }
    *told = found;
}
