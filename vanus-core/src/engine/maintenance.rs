//! Looks for what is past its retention, now and then, and when a retention is changed.

use std::time::Duration;

use tokio::{sync::watch, task::JoinHandle};

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
            loop {
                tokio::select! {
                    _ = stopped.changed() => return,
                    () = retention.control.retention_changed() => {}
                    () = tokio::time::sleep(every) => {}
                }
                retention.look().await;
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
