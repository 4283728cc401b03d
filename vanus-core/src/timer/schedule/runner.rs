//! Makes the events of schedules when they are due.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use parking_lot::{Mutex, RwLock};
use tokio::{sync::Notify, task::JoinHandle};
use vanus_storage::{
    AppendError,
    meta::{MetaBatch, MetaStore},
};
use vanus_types::{
    Batch, Durability, Event, EventlogId, ScheduleId,
    checksum::crc32c,
    control::{ScheduleInfo, SchedulePhase, ScheduleRecord},
    limits::MAX_SCHEDULES_AT_ONCE,
};

use super::{
    Plan, Progress,
    plan::Next,
    progress::{Making, producer},
};
use crate::{
    eventlog::{LogError, Logs},
    timer::{
        Goes, TimerHost,
        clock::TimerClock,
        wheel::{Tick, TimerHandle, Wheel},
    },
};

/// How long to wait after something failed, in milliseconds.
const AGAIN_MS: i64 = 1_000;

/// Longest sleep: the time that timers go by may go faster or slower than that of the machine.
const LONGEST_SLEEP_MS: i64 = 1_000;

/// Counts of schedules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScheduleMetrics {
    /// Schedules there are.
    pub schedules: u64,
    /// Events made since the engine was opened.
    pub made: u64,
    /// Times that an event could not be made and was tried again.
    pub failed: u64,
}

/// All schedules at work.
#[derive(Debug)]
pub(crate) struct Schedules {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    logs: Logs,
    meta: Arc<dyn MetaStore>,
    clock: Arc<TimerClock>,
    host: RwLock<Option<Weak<dyn TimerHost>>>,
    state: Mutex<State>,
    changed: Notify,
    made: AtomicU64,
    failed: AtomicU64,
}

#[derive(Debug)]
struct State {
    entries: HashMap<ScheduleId, Entry>,
    wheel: Wheel<ScheduleId>,
    stopping: bool,
}

#[derive(Debug)]
struct Entry {
    record: Arc<ScheduleRecord>,
    plan: Arc<Plan>,
    progress: Progress,
    /// Whether what is being made is written down.
    intent_stored: bool,
    /// Its place in the wheel; none while it makes an event, or has none to make.
    handle: Option<TimerHandle>,
    busy: bool,
}

/// An event to be made.
struct Job {
    id: ScheduleId,
    record: Arc<ScheduleRecord>,
    /// With the intent.
    progress: Progress,
    making: Making,
    /// Whether the intent is stored already, from before a crash or a failure.
    stored: bool,
}

impl Schedules {
    pub(in crate::timer) fn new(
        logs: Logs,
        meta: Arc<dyn MetaStore>,
        clock: Arc<TimerClock>,
    ) -> Self {
        let wheel = Wheel::new(Tick::default(), u32::MAX, clock.now_ms());
        let state = State {
            entries: HashMap::new(),
            wheel,
            stopping: false,
        };
        let shared = Shared {
            logs,
            meta,
            clock,
            host: RwLock::new(None),
            state: Mutex::new(state),
            changed: Notify::new(),
            made: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
            task: Mutex::new(None),
        }
    }

    /// Begins to work, asking `host` where events go.
    pub(crate) fn start(&self, host: Weak<dyn TimerHost>) {
        *self.shared.host.write() = Some(host);
        let shared = Arc::clone(&self.shared);
        *self.task.lock() = Some(tokio::spawn(async move { shared.run().await }));
    }

    /// Ends what is under way, and makes nothing more.
    pub(crate) async fn stop(&self) {
        self.shared.state.lock().stopping = true;
        self.shared.changed.notify_one();
        let task = self.task.lock().take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the schedules ended badly");
        }
    }

    /// Adds a schedule, or changes it. What is known of its progress stays.
    pub(crate) fn put(&self, record: Arc<ScheduleRecord>, plan: Plan, progress: Option<Progress>) {
        let id = record.id;
        let now_ms = self.shared.clock.now_ms();
        let mut state = self.shared.state.lock();
        let state = &mut *state;
        let entry = state.entries.entry(id).or_insert_with(|| Entry {
            record: Arc::clone(&record),
            plan: Arc::new(plan.clone()),
            progress: progress.unwrap_or(Progress::NONE),
            intent_stored: true,
            handle: None,
            busy: false,
        });
        (entry.record, entry.plan) = (record, Arc::new(plan));
        state.replan(id, now_ms);
        self.shared.changed.notify_one();
    }

    /// Forgets a schedule. An event that is being made may still come.
    pub(crate) fn remove(&self, id: ScheduleId) {
        let mut state = self.shared.state.lock();
        if let Some(handle) = state.entries.remove(&id).and_then(|entry| entry.handle) {
            state.wheel.cancel(handle);
        }
    }

    /// Tells about a schedule.
    pub(crate) fn info(&self, record: &ScheduleRecord) -> ScheduleInfo {
        let now_ms = self.shared.clock.now_ms();
        let state = self.shared.state.lock();
        let entry = state.entries.get(&record.id);
        let next = entry.map_or(Next::Ended, |entry| {
            entry.plan.next(&entry.progress, now_ms)
        });
        let progress = entry.map_or(Progress::NONE, |entry| entry.progress);
        let (phase, next_ms) = match next {
            _ if record.paused => (SchedulePhase::Paused, None),
            Next::Make(_) => (SchedulePhase::Active, Some(now_ms)),
            Next::Wait(due_ms) => (SchedulePhase::Active, Some(due_ms)),
            Next::Ended => (SchedulePhase::Ended, None),
        };
        ScheduleInfo {
            record: record.clone(),
            phase,
            next_ms,
            last_ms: progress.last_ms,
            made: progress.made,
        }
    }

    /// Counts.
    pub(crate) fn metrics(&self) -> ScheduleMetrics {
        ScheduleMetrics {
            schedules: self.shared.state.lock().entries.len() as u64,
            made: self.shared.made.load(Ordering::Relaxed),
            failed: self.shared.failed.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Schedules {
    /// An engine that is dropped without being closed leaves no task behind.
    fn drop(&mut self) {
        self.shared.state.lock().stopping = true;
        self.shared.changed.notify_one();
    }
}

impl State {
    /// Puts a schedule in the wheel for the time at which it has something to do.
    fn replan(&mut self, id: ScheduleId, now_ms: i64) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        if let Some(handle) = entry.handle.take() {
            self.wheel.cancel(handle);
        }
        let due_ms = match entry.plan.next(&entry.progress, now_ms) {
            _ if entry.busy => return,
            // What was begun is ended, paused or not.
            _ if entry.progress.making.is_some() => now_ms,
            _ if entry.record.paused => return,
            Next::Make(_) => now_ms,
            Next::Wait(due_ms) => due_ms,
            Next::Ended => return,
        };
        // As many as there are schedules fit.
        entry.handle = self.wheel.insert(due_ms, id).ok();
    }

    /// Puts a schedule off after a failure.
    fn put_off(&mut self, id: ScheduleId, until_ms: i64) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.busy = false;
            entry.handle = self.wheel.insert(until_ms, id).ok();
        }
    }
}

impl Shared {
    async fn run(&self) {
        loop {
            let now_ms = self.clock.now_ms();
            let (jobs, sleep_ms) = {
                let mut state = self.state.lock();
                if state.stopping {
                    return;
                }
                let jobs = self.due(&mut state, now_ms);
                let next = state.wheel.next_ms();
                (jobs, next.map(|next| next.saturating_sub(now_ms)))
            };
            if !jobs.is_empty() {
                self.make(jobs).await;
                continue;
            }
            let sleep = async {
                match sleep_ms {
                    Some(ms) => {
                        let ms = u64::try_from(ms.clamp(0, LONGEST_SLEEP_MS)).unwrap_or(0);
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep => {}
            }
        }
    }

    /// What is to be made at `now_ms`.
    fn due(&self, state: &mut State, now_ms: i64) -> Vec<Job> {
        let host = self.host.read().as_ref().and_then(Weak::upgrade);
        let mut jobs = Vec::new();
        while jobs.len() < MAX_SCHEDULES_AT_ONCE
            && let Some(due) = state.wheel.pop(now_ms)
        {
            let id = due.value;
            let Some(entry) = state.entries.get_mut(&id) else {
                continue;
            };
            entry.handle = None;
            let making = match (
                entry.progress.making,
                entry.plan.next(&entry.progress, now_ms),
            ) {
                (Some(making), _) => Some((making, entry.intent_stored)),
                (None, Next::Make(occurrence_ms)) if !entry.record.paused => {
                    let eventlog = host
                        .as_ref()
                        .and_then(|host| eventlog(host.as_ref(), &entry.record));
                    let Some(eventlog) = eventlog else {
                        state.put_off(id, now_ms + AGAIN_MS);
                        continue;
                    };
                    let making = Making {
                        occurrence_ms,
                        eventlog,
                    };
                    Some((making, false))
                }
                _ => None,
            };
            let Some((making, stored)) = making else {
                state.replan(id, now_ms);
                continue;
            };
            entry.busy = true;
            jobs.push(Job {
                id,
                record: Arc::clone(&entry.record),
                progress: entry.progress.intending(making),
                making,
                stored,
            });
        }
        jobs
    }

    /// Writes down what is made, makes it, and writes down that it is over.
    async fn make(&self, jobs: Vec<Job>) {
        let new = jobs.iter().filter(|job| !job.stored);
        let intents = new.fold(MetaBatch::new(), |batch, job| {
            job.progress.put(batch, job.id)
        });
        if !intents.is_empty()
            && let Err(error) = self.meta.commit(intents).await
        {
            tracing::warn!(%error, "events of schedules cannot be made now; they are tried again");
            self.failed.fetch_add(jobs.len() as u64, Ordering::Relaxed);
            let again_ms = self.clock.now_ms() + AGAIN_MS;
            let mut state = self.state.lock();
            for job in &jobs {
                // It may be stored all the same, so it must not become another one.
                if let Some(entry) = state.entries.get_mut(&job.id) {
                    entry.progress = job.progress;
                    entry.intent_stored = job.stored;
                }
                state.put_off(job.id, again_ms);
            }
            return;
        }
        let outcomes = join_all(jobs.iter().map(|job| self.append(job))).await;
        let over = jobs.iter().zip(&outcomes).filter(|(_, made)| **made);
        let over = over.fold(MetaBatch::new(), |batch, (job, _)| {
            job.progress.done().put(batch, job.id)
        });
        if !over.is_empty()
            && let Err(error) = self.meta.commit(over).await
        {
            // The next intent of each tells it too; until then a crash repeats an append in vain.
            tracing::warn!(%error, "it could not be written down which events of schedules were made");
        }
        let now_ms = self.clock.now_ms();
        let mut state = self.state.lock();
        for (job, made) in jobs.iter().zip(outcomes) {
            if let Some(entry) = state.entries.get_mut(&job.id) {
                entry.busy = false;
                entry.intent_stored = true;
                entry.progress = if made {
                    job.progress.done()
                } else {
                    job.progress
                };
            }
            if made {
                self.made.fetch_add(1, Ordering::Relaxed);
                state.replan(job.id, now_ms);
            } else {
                self.failed.fetch_add(1, Ordering::Relaxed);
                state.put_off(job.id, now_ms + AGAIN_MS);
            }
        }
    }

    /// Appends the event of a job; answers whether it is stored.
    async fn append(&self, job: &Job) -> bool {
        let appended = match job.record.event_at(job.making.occurrence_ms) {
            Ok(event) => self.append_event(job, &event).await,
            Err(error) => {
                tracing::error!(schedule = %job.id, %error, "the event of a schedule is invalid");
                return false;
            }
        };
        match appended {
            Ok(()) | Err(LogError::Append(AppendError::DuplicateForgotten { .. })) => true,
            Err(error) => {
                tracing::warn!(schedule = %job.id, %error, "the event of a schedule is tried again");
                false
            }
        }
    }

    async fn append_event(&self, job: &Job, event: &Event) -> Result<(), LogError> {
        let batch = Batch::of_one(event).produced_by(producer(job.id), job.progress.made);
        let eventlog = job.making.eventlog;
        self.logs
            .append(eventlog, batch, Durability::default())
            .await?;
        Ok(())
    }
}

/// The eventlog a schedule's events go to: always the same, so that they are in order.
fn eventlog(host: &dyn TimerHost, record: &ScheduleRecord) -> Option<EventlogId> {
    let goes = Goes {
        eventbus: record.eventbus_id,
        namespace: record.namespace_id,
        key: Some(crc32c(&record.id.get().to_be_bytes())),
    };
    host.target(&goes, 0).map(|target| target.eventlog)
}
