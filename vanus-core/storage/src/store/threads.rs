//! The threads of a store: one commits, one syncs what was acknowledged without, one flushes, one checkpoints and
//! prepares files, one looks at free space, one scrubs.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use parking_lot::MutexGuard;

use super::{commit::Committer, health::Worker, queue::Taken, shared::Shared, space};

/// How long a worker waits before it tries again on a full disk.
const RETRY_FULL: Duration = Duration::from_secs(1);

/// How long the syncing thread waits for the committer before it looks whether the store stops.
const LOOK_UP: Duration = Duration::from_millis(20);

/// The running threads.
#[derive(Debug)]
pub(crate) struct Running {
    commit: JoinHandle<()>,
    others: Vec<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<Running> {
        let spawn = |name: &str, work: fn(&Shared)| {
            let shared = shared.clone();
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || work(&shared))
        };
        let commit = spawn("vanus-commit", commit)?;
        let others = [
            ("vanus-sync", sync as fn(&Shared)),
            ("vanus-flush", flush),
            ("vanus-checkpoint", checkpoint),
            ("vanus-space", space::watch),
            ("vanus-scrub", super::scrub::run),
        ];
        let others = others.into_iter().map(|(name, work)| spawn(name, work));
        match others.collect() {
            Ok(others) => Ok(Running { commit, others }),
            Err(e) => {
                shared.queue.stop();
                stop_workers(shared);
                Err(e)
            }
        }
    }

    /// Answers what waits, then ends all threads.
    pub(crate) fn stop(self, shared: &Shared) {
        shared.queue.stop();
        join(self.commit);
        stop_workers(shared);
        self.others.into_iter().for_each(join);
    }
}

fn stop_workers(shared: &Shared) {
    shared.signals.state.lock().stop = true;
    shared.signals.sync.notify_all();
    shared.signals.space.notify_all();
    shared.signals.flush.notify_all();
    shared.signals.scrub.notify_all();
    shared.signals.checkpoint.notify_all();
    shared.signals.progress.notify_all();
}

fn join(thread: JoinHandle<()>) {
    // The last handle may be dropped by a callback, which runs on the committing thread itself.
    if thread.thread().id() != thread::current().id() {
        // A panic has been reported by its hook already.
        drop(thread.join());
    }
}

fn commit(shared: &Shared) {
    let most = shared.most_group_bytes();
    loop {
        match shared.queue.take(most) {
            Taken::Requests(requests) => {
                shared.committer.lock().commit(shared, requests);
                shared.queue.release();
            }
            Taken::Stopped => {
                // Nobody was promised this sync; it makes a later loss of power cheaper.
                drop(shared.committer.lock().sync(shared));
                return;
            }
        }
    }
}

/// The committer, or nothing once the store stops: who stops it may hold the committer and wait for this thread.
fn committer(shared: &Shared) -> Option<MutexGuard<'_, Committer>> {
    loop {
        if let Some(committer) = shared.committer.try_lock_for(LOOK_UP) {
            return Some(committer);
        }
        if shared.signals.state.lock().stop {
            return None;
        }
    }
}

/// Syncs what was acknowledged from the page cache, beside the commits that go on.
fn sync(shared: &Shared) {
    while let Some(mut held) = committer(shared) {
        let next = held.next_sync(shared);
        drop(held);
        match next {
            Ok((unsynced, began_ns)) => {
                if shared.sync_wal(&unsynced).is_ok() {
                    let Some(mut held) = committer(shared) else {
                        return;
                    };
                    held.synced(&unsynced, began_ns);
                }
            }
            Err(sleep) => {
                let mut state = shared.signals.state.lock();
                while !state.stop && !state.look_at_sync {
                    match sleep {
                        None => shared.signals.sync.wait(&mut state),
                        Some(time) => {
                            if shared.signals.sync.wait_for(&mut state, time).timed_out() {
                                break;
                            }
                        }
                    }
                }
                if state.stop {
                    return;
                }
                state.look_at_sync = false;
            }
        }
    }
}

/// How much of `interval` is left since `since`, which is now if it was not set.
fn left(shared: &Shared, since: &mut Option<u64>, interval: Duration) -> Duration {
    let now = shared.context.clock.monotonic_ns();
    let since = *since.get_or_insert(now);
    interval.saturating_sub(Duration::from_nanos(now.saturating_sub(since)))
}

fn flush(shared: &Shared) {
    let interval = Duration::from_millis(shared.context.options.flush_interval_ms);
    loop {
        {
            let mut since = None;
            let mut state = shared.signals.state.lock();
            while !state.stop && !state.flush_now {
                if state.flush_soon {
                    let left = left(shared, &mut since, interval);
                    if shared.signals.flush.wait_for(&mut state, left).timed_out() {
                        break;
                    }
                } else {
                    shared.signals.flush.wait(&mut state);
                }
            }
            if state.stop {
                return;
            }
            state.flush_now = false;
            state.flush_soon = false;
        }
        match shared.flush_round() {
            Ok(_) => {
                shared.signal(
                    |state| state.checkpoint_soon = true,
                    &shared.signals.checkpoint,
                );
                // What came meanwhile may be much already.
                if shared.unflushed_bytes() >= shared.context.options.flush_bytes {
                    shared.signals.state.lock().flush_now = true;
                }
            }
            Err(_) if shared.health.is_full(Worker::Flush) => {
                let mut state = shared.signals.state.lock();
                if !state.stop {
                    shared.signals.flush.wait_for(&mut state, RETRY_FULL);
                }
                state.flush_now = true;
            }
            // Poisoned: there is nothing left to do but to end.
            Err(_) => {}
        }
    }
}

fn checkpoint(shared: &Shared) {
    let interval = Duration::from_millis(shared.context.options.checkpoint_interval_ms);
    let mut full = false;
    let mut since = None;
    loop {
        let (prepare, now) = {
            let mut state = shared.signals.state.lock();
            while !state.stop && !state.checkpoint_now && !state.prepare {
                if full || state.checkpoint_soon {
                    let interval = if full { RETRY_FULL } else { interval };
                    let wait = left(shared, &mut since, interval);
                    if shared
                        .signals
                        .checkpoint
                        .wait_for(&mut state, wait)
                        .timed_out()
                    {
                        state.checkpoint_now = state.checkpoint_soon || full;
                        state.prepare = full;
                    }
                } else {
                    shared.signals.checkpoint.wait(&mut state);
                }
            }
            if state.stop {
                return;
            }
            (
                std::mem::take(&mut state.prepare),
                std::mem::take(&mut state.checkpoint_now),
            )
        };
        if now || full {
            since = None;
        }
        full = false;
        if prepare {
            full |= !shared.prepare_wal_file();
        }
        if now {
            shared.signals.state.lock().checkpoint_soon = false;
            drop(shared.run_checkpoint());
        }
        // Also when only a file was to be prepared: the checkpoint that found no room is still due.
        full |= shared.health.is_full(Worker::Checkpoint);
    }
}
