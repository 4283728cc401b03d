//! A running subscription: one worker per eventlog, and one for dead letters sent again.

use std::sync::{Arc, atomic::Ordering};

use tokio::{sync::watch, task::JoinHandle};
use vanus_types::{EventlogId, control::EventlogProgress};

use super::{
    attempt::Origin,
    progress::Progress,
    shared::Shared,
    sink::Sink,
    worker::{Reached, Worker},
};

/// Holds the workers of one subscription. Dropping it stops them without waiting.
#[derive(Debug)]
pub(crate) struct Runner {
    sink: Arc<dyn Sink>,
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
    reached: Vec<(EventlogId, Arc<Reached>)>,
}

impl Runner {
    /// Starts the workers where their stored progress says.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        eventlogs: Vec<(EventlogId, Progress)>,
        dead_letters: Progress,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut runner = Self {
            sink: Arc::clone(&shared.sink),
            stop,
            workers: Vec::new(),
            reached: Vec::new(),
        };
        for (eventlog, progress) in eventlogs {
            let worker = Worker::new(Arc::clone(shared), Origin::Eventlog, eventlog, progress);
            runner.reached.push((eventlog, worker.reached()));
            runner
                .workers
                .push(tokio::spawn(worker.run(stopped.clone())));
        }
        // Without letters sent again that worker would have nothing to do, ever.
        if !dead_letters.retries.is_empty() {
            let (shared, eventlog) = (Arc::clone(shared), shared.dead_letters);
            let worker = Worker::new(shared, Origin::DeadLetters, eventlog, dead_letters);
            runner.workers.push(tokio::spawn(worker.run(stopped)));
        }
        runner
    }

    /// Stops reading, waits for the deliveries in flight and until progress is stored.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        for worker in self.workers {
            if let Err(error) = worker.await {
                tracing::error!(%error, "a subscription worker ended badly");
            }
        }
    }

    /// Why nothing is delivered, if somebody has to do something about it.
    pub(crate) fn problem(&self) -> Option<String> {
        self.sink.problem()
    }

    /// How far each worker is. End offsets are left zero: the caller knows them.
    pub(crate) fn progress(&self) -> Vec<EventlogProgress> {
        let told = |(eventlog, reached): &(EventlogId, Arc<Reached>)| EventlogProgress {
            eventlog: *eventlog,
            committed: reached.committed.load(Ordering::Relaxed),
            position: reached.position.load(Ordering::Relaxed),
            end_offset: 0,
            retrying: reached.retrying.load(Ordering::Relaxed),
        };
        self.reached.iter().map(told).collect()
    }
}
