//! The task that runs one shard: appends entries, folds them, fires what is due, keeps the index.
//!
//! All that is written into the eventlog of the shard goes through here, so that acknowledgements come in the order of offsets
//! and an offset that is not this owner's is noticed. What blocks or waits (reading events, the index, the eventlogs that events
//! go to) runs beside, and comes back as an answer.

mod append;
mod change;
mod fire;
mod jobs;
mod list;
mod open;
mod reads;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{FuturesOrdered, FuturesUnordered},
};
use tokio::sync::{mpsc, oneshot};
use vanus_storage::meta::MetaStore;
use vanus_types::{
    Batch, Entropy, EventlogId,
    control::{TimerFilter, TimerOutcome},
    limits::MAX_TIMER_CHANGES,
};

pub(super) use self::{append::pack, reads::read_record};
use self::{
    append::{Appending, SetCall},
    change::Changing,
    fire::Fired,
    jobs::{Done, Job},
    reads::ReadAhead,
};
use super::{
    TimerError,
    clock::TimerClock,
    host::TimerHost,
    index::Index,
    metrics::Counters,
    payloads::{Payloads, Room},
    quota::Quota,
    shard::{Firing, Place, Set, Shard, Target, Timer},
};
use crate::eventlog::Logs;

/// The longest the task sleeps while timers wait.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// After how long what comes next is looked at again, in milliseconds, while timers wait.
const LOOK_AGAIN_MS: i64 = 500;

/// How long the task waits after the store has refused something.
const PAUSE: Duration = Duration::from_millis(200);

/// Commands that are taken before what is due is looked at again.
const COMMANDS_AT_ONCE: usize = 64;

/// What all shards have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) logs: Logs,
    pub(super) meta: Arc<dyn MetaStore>,
    pub(super) clock: Arc<TimerClock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) host: parking_lot::RwLock<Option<Weak<dyn TimerHost>>>,
    pub(super) room: Arc<Room>,
    pub(super) quota: Quota,
    pub(super) counters: Counters,
}

/// What others may look at while the task runs.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    pub(super) epoch: AtomicU32,
    pub(super) pending: AtomicU64,
    pub(super) in_memory: AtomicU64,
    pub(super) soon: AtomicU64,
    /// 1 once the shard has stopped after a failure.
    pub(super) failed: AtomicU64,
}

/// Timers that somebody wants to set, as batches of entries.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The epoch the entries are written with.
    pub(super) epoch: u32,
    /// The batches, each with its timers and the records of their events.
    pub(super) batches: Vec<(Batch, Vec<(Set, bytes::Bytes)>)>,
}

/// What somebody wants to do to a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Cancel,
    /// Be due at another time, in milliseconds since the Unix epoch.
    Move(i64),
    /// Be due now.
    FireNow,
}

/// Where the entries of timers that were set are, in their order: offset and append time.
pub(super) type Placed = Result<Vec<(u64, i64)>, TimerError>;

/// Some timers of one shard, in order.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) timers: Vec<Timer>,
    /// Where to go on, if there may be more.
    pub(super) next: Option<Place>,
}

/// What the task is asked for.
#[derive(Debug)]
pub(super) enum Command {
    Set(Wanted, oneshot::Sender<Placed>),
    Change(u64, Wish, oneshot::Sender<Result<TimerOutcome, TimerError>>),
    Get(u64, oneshot::Sender<Result<Option<Timer>, TimerError>>),
    /// At most so many timers after a place, or from it on if nothing is there to be after.
    List(
        Arc<TimerFilter>,
        Option<Place>,
        usize,
        oneshot::Sender<Result<Listed, TimerError>>,
    ),
    Stop(oneshot::Sender<()>),
}

/// Why a shard does nothing any more.
#[derive(Debug, Clone)]
enum Ended {
    /// It was asked to.
    Stopped,
    /// It cannot go on.
    Failed(TimerError),
}

/// One shard at work.
pub(super) struct Driver {
    common: Arc<Common>,
    gauges: Arc<Gauges>,
    number: u16,
    eventlog: EventlogId,
    index: Index,
    shard: Shard,
    firing: Firing,
    epoch: u32,
    payloads: Payloads,
    commands: mpsc::Receiver<Command>,
    appends: FuturesOrdered<BoxFuture<'static, Appending>>,
    fired: FuturesUnordered<BoxFuture<'static, Fired>>,
    changing: FuturesUnordered<BoxFuture<'static, Changing>>,
    reading: Option<BoxFuture<'static, ReadAhead>>,
    wanted_ahead: Vec<u64>,
    job: Option<BoxFuture<'static, Done>>,
    jobs: VecDeque<Job>,
    calls: HashMap<u64, SetCall>,
    next_call: u64,
    /// Fires that are over and not yet written down as such.
    over: Vec<u64>,
    over_since_ns: u64,
    /// Up to which offset the eventlog is in the index, and when that was written.
    written: u64,
    written_ns: u64,
    /// The range of the eventlog that was looked through last, to free it.
    looked_through: Option<u64>,
    /// Nothing is written before this time, as the store has refused something.
    paused_until_ns: u64,
    /// Timers that are due, and wait as enough is under way to their eventlog.
    held: BTreeMap<EventlogId, VecDeque<(Timer, Target)>>,
    turn: usize,
    most_in_memory: usize,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<Ended>,
}

impl Driver {
    /// Runs until it is asked to stop, or nobody can ask any more.
    pub(super) async fn run(mut self) {
        while self.ended.is_none() {
            self.turn().await;
        }
        if let Some(Ended::Failed(error)) = self.ended.clone() {
            tracing::error!(shard = self.number, %error, "a shard of timers has stopped; what waits fires after the engine is opened again");
            self.gauges.failed.store(1, Ordering::Relaxed);
            self.refuse_all(&error).await;
        }
        if let Some(stopped) = self.stop.take() {
            // Whoever asked may not wait any more.
            let _ = stopped.send(());
        }
    }

    /// One round: what is due is begun, then whatever happens next.
    async fn turn(&mut self) {
        self.begin().await;
        if self.ended.is_some() {
            return;
        }
        let wait = self.sleep();
        let takes = self.takes_commands();
        tokio::select! {
            biased;
            Some(appending) = self.appends.next() => self.appended(appending).await,
            Some(fired) = self.fired.next() => self.fired(fired).await,
            Some(changing) = self.changing.next() => self.changed(changing).await,
            done = next(&mut self.job) => self.job_done(done).await,
            read = next(&mut self.reading) => self.read_ahead(read),
            command = self.commands.recv(), if takes => self.command(command).await,
            () = tokio::time::sleep(wait) => {}
        }
    }

    /// Whether there is room for more changes.
    fn takes_commands(&self) -> bool {
        let unwritten: usize = self.shard.unwritten().map(|changes| changes.len()).sum();
        self.stop.is_none() && unwritten < MAX_TIMER_CHANGES
    }

    async fn command(&mut self, first: Option<Command>) {
        let mut next = first;
        if next.is_none() && self.stop.is_none() {
            // All handles are gone.
            self.ended = Some(Ended::Stopped);
        }
        for _ in 0..COMMANDS_AT_ONCE {
            match next {
                Some(Command::Set(wanted, reply)) => self.set(wanted, reply).await,
                Some(Command::Change(id, wish, reply)) => self.wish(id, wish, reply).await,
                Some(Command::Get(id, reply)) => self.get(id, reply),
                Some(Command::List(filter, from, limit, reply)) => {
                    self.jobs.push_back(Job::List {
                        filter,
                        from,
                        limit,
                        reply,
                    });
                }
                Some(Command::Stop(reply)) => {
                    self.stop = Some(reply);
                    return;
                }
                None => return,
            }
            next = self.commands.try_recv().ok();
        }
        // One that was taken out must not be lost.
        if let Some(command) = next {
            Box::pin(self.command(Some(command))).await;
        }
    }

    /// Begins what can be begun.
    async fn begin(&mut self) {
        let now_ms = self.common.clock.now_ms();
        let now_ns = self.common.clock.monotonic_ns();
        if self.stop.is_none() {
            self.approach(now_ms);
            if now_ns >= self.paused_until_ns {
                self.fire(now_ms).await;
            }
        }
        if now_ns >= self.paused_until_ns {
            self.work();
        }
        self.write_down_over(now_ns).await;
        self.begin_job(now_ms, now_ns);
        self.begin_reading();
        self.tell();
        if self.stop.is_some() && self.is_idle() {
            self.ended = Some(Ended::Stopped);
        }
    }

    /// Whether everything that was begun has ended and is written down.
    fn is_idle(&self) -> bool {
        let at_work = self.appends.len() + self.fired.len() + self.changing.len();
        let waits = self.over.len() + self.jobs.len();
        at_work + waits == 0 && self.job.is_none() && self.is_written()
    }

    fn tell(&self) {
        let (in_memory, soon) = self.shard.in_memory();
        let gauges = &self.gauges;
        gauges.epoch.store(self.epoch, Ordering::Release);
        gauges
            .pending
            .store(self.shard.waiting(), Ordering::Relaxed);
        gauges.in_memory.store(in_memory as u64, Ordering::Relaxed);
        gauges.soon.store(soon as u64, Ordering::Relaxed);
    }

    /// How long nothing has to be done by itself.
    fn sleep(&self) -> Duration {
        let now_ns = self.common.clock.monotonic_ns();
        let mut wait = LONGEST_SLEEP;
        if let Some(due_ms) = self.shard.next_ms()
            && self.firing.has_room()
        {
            wait = wait.min(self.common.clock.until(due_ms));
        }
        if !self.over.is_empty() {
            let since = now_ns.saturating_sub(self.over_since_ns);
            wait = wait.min(append::OVER_AFTER.saturating_sub(Duration::from_nanos(since)));
        }
        if self.shard.waiting() > 0 {
            // What stands in the wheel is looked at a second ahead, and what stands in the index a minute.
            let soon = self.common.clock.now_ms().saturating_add(LOOK_AGAIN_MS);
            wait = wait.min(self.common.clock.until(soon));
        }
        let paused = Duration::from_nanos(self.paused_until_ns.saturating_sub(now_ns));
        if paused.is_zero() { wait } else { paused }
    }

    fn pause(&mut self) {
        let pause = u64::try_from(PAUSE.as_nanos()).unwrap_or(u64::MAX);
        self.paused_until_ns = self.common.clock.monotonic_ns().saturating_add(pause);
    }

    fn host(&self) -> Option<Arc<dyn TimerHost>> {
        self.common.host.read().as_ref().and_then(Weak::upgrade)
    }

    fn fail(&mut self, error: TimerError) {
        if self.ended.is_none() {
            self.ended = Some(Ended::Failed(error));
        }
    }

    /// Answers everybody with an error until it is asked to stop.
    async fn refuse_all(&mut self, error: &TimerError) {
        for (_, call) in self.calls.drain() {
            call.refuse(&self.common, error);
        }
        while let Some(changing) = self.changing.next().await {
            let _ = changing.reply.send(Err(error.clone()));
        }
        for job in self.jobs.drain(..) {
            job.refuse(error);
        }
        if self.stop.is_some() {
            return;
        }
        while let Some(command) = self.commands.recv().await {
            match command {
                Command::Set(wanted, reply) => {
                    SetCall::new(&wanted, reply).refuse(&self.common, error);
                }
                Command::Change(_, _, reply) => drop(reply.send(Err(error.clone()))),
                Command::Get(_, reply) => drop(reply.send(Err(error.clone()))),
                Command::List(_, _, _, reply) => drop(reply.send(Err(error.clone()))),
                Command::Stop(reply) => {
                    self.stop = Some(reply);
                    return;
                }
            }
        }
    }
}

/// The answer of what runs, if something runs; waits for ever otherwise.
async fn next<T>(running: &mut Option<BoxFuture<'static, T>>) -> T {
    match running {
        Some(future) => {
            let answer = future.await;
            *running = None;
            answer
        }
        None => std::future::pending().await,
    }
}
