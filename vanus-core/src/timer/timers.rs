//! The way in: timers are set, changed, found and listed here, whichever shard they are in.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::{join_all, try_join_all};
use parking_lot::RwLock;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use vanus_storage::meta::MetaStore;
use vanus_types::{
    Clock, Entropy, Event, EventId, EventbusId, EventlogId, NamespaceId, TimerId,
    control::{TimerFilter, TimerInfo, TimerList, TimerOutcome, TimerPlace},
    limits::{MAX_LISTED_TIMERS, MAX_TIMER_BATCH_LEN, MAX_TIMER_EVENT_LEN},
};

use super::{
    TimerError, TimerHost, TimerMetrics, TimerOptions,
    clock::TimerClock,
    driver::{Command, Common, Driver, Gauges, Listed, Wish, pack, read_record},
    metrics::Counters,
    payloads::Room,
    quota::Quota,
    schedule::Schedules,
    shard::{Goes, Place, Set, Timer},
    time::ClockState,
};
use crate::{eventbus::key_hash, eventlog::Logs};

/// Calls that wait for one shard.
const MOST_WAITING: usize = 256;

/// An event that shall wait.
#[derive(Debug, Clone)]
pub(crate) struct NewTimer {
    pub(crate) event: Event,
    /// When it is due, in milliseconds since the Unix epoch.
    pub(crate) due_ms: i64,
}

/// A timer that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetTimer {
    pub(crate) id: TimerId,
    /// Where its entry is.
    pub(crate) entry: EventId,
    pub(crate) append_time_ms: i64,
}

/// A shard at work.
#[derive(Debug)]
struct AtWork {
    number: u16,
    eventlog: EventlogId,
    commands: mpsc::Sender<Command>,
    gauges: Arc<Gauges>,
    task: parking_lot::Mutex<Option<JoinHandle<()>>>,
}

/// All shards of timers.
#[derive(Debug)]
pub(crate) struct Timers {
    common: Arc<Common>,
    options: TimerOptions,
    shards: RwLock<Vec<Arc<AtWork>>>,
    turn: AtomicUsize,
    /// Why the shards did not start, if they did not.
    broken: parking_lot::Mutex<Option<String>>,
}

impl Timers {
    /// No shards yet.
    pub(crate) fn new(
        logs: Logs,
        meta: Arc<dyn MetaStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: TimerOptions,
    ) -> Self {
        let common = Common {
            logs,
            meta,
            clock: Arc::new(TimerClock::new(clock)),
            entropy,
            host: RwLock::new(None),
            room: Arc::new(Room::new(options.cache_bytes)),
            quota: Quota::new(options.quota),
            counters: Counters::default(),
        };
        Self {
            common: Arc::new(common),
            options,
            shards: RwLock::default(),
            turn: AtomicUsize::new(0),
            broken: parking_lot::Mutex::default(),
        }
    }

    /// The schedules that go by the same time and lie in the same store; none yet.
    pub(crate) fn schedules(&self) -> Schedules {
        let Common {
            logs, meta, clock, ..
        } = self.common.as_ref();
        Schedules::new(logs.clone(), Arc::clone(meta), Arc::clone(clock))
    }

    /// Says who knows the eventbuses.
    pub(crate) fn bind(&self, host: Weak<dyn TimerHost>) {
        *self.common.host.write() = Some(host);
    }

    /// How many shards there shall be when there are none yet.
    pub(crate) fn wanted_shards(&self) -> u16 {
        self.options.shards
    }

    /// Whether shards are at work.
    pub(crate) fn is_started(&self) -> bool {
        !self.shards.read().is_empty()
    }

    /// The time timers go by, in milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> i64 {
        self.common.clock.now_ms()
    }

    /// Opens the shards with these eventlogs, and lets them work.
    ///
    /// # Errors
    /// [`TimerError`] when one of them cannot be opened; none works then.
    pub(crate) async fn start(&self, eventlogs: &[EventlogId]) -> Result<(), TimerError> {
        let in_memory = self.options.in_memory / eventlogs.len().max(1);
        let open = |(number, eventlog): (usize, &EventlogId)| {
            let (common, eventlog) = (Arc::clone(&self.common), *eventlog);
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            async move {
                let (commands, asked) = mpsc::channel(MOST_WAITING);
                let gauges = Arc::new(Gauges::default());
                let told = Arc::clone(&gauges);
                let driver = Driver::open(common, number, eventlog, in_memory, asked, told).await?;
                Ok::<_, TimerError>((number, eventlog, commands, gauges, driver))
            }
        };
        let opened = try_join_all(eventlogs.iter().enumerate().map(open)).await;
        *self.broken.lock() = opened.as_ref().err().map(ToString::to_string);
        let opened = opened?;
        let begin = |(number, eventlog, commands, gauges, driver): (_, _, _, _, Driver)| {
            let task = tokio::spawn(driver.run());
            Arc::new(AtWork {
                number,
                eventlog,
                commands,
                gauges,
                task: parking_lot::Mutex::new(Some(task)),
            })
        };
        *self.shards.write() = opened.into_iter().map(begin).collect();
        Ok(())
    }

    /// Waits for what is under way, writes the index, and stops. Nothing is lost without it.
    pub(crate) async fn stop(&self) {
        let shards = std::mem::take(&mut *self.shards.write());
        join_all(shards.iter().map(|shard| shard.stop())).await;
    }

    /// Sets timers for one eventbus; they are synced to disk when this answers. Tells, in their order, what they are called.
    ///
    /// Dropping the future does not take back what was already handed over.
    ///
    /// # Errors
    /// [`TimerError`]; some may be set all the same where they do not fit one batch.
    pub(crate) async fn set(
        &self,
        eventbus: EventbusId,
        namespace: NamespaceId,
        timers: &[NewTimer],
    ) -> Result<Vec<SetTimer>, TimerError> {
        for timer in timers {
            let len = timer.event.record().len();
            if len > MAX_TIMER_EVENT_LEN {
                let most = MAX_TIMER_EVENT_LEN;
                return Err(TimerError::TooLarge { len, most });
            }
        }
        let shard = self.any_shard()?;
        let set = |timer: &NewTimer| {
            let goes = Goes {
                eventbus,
                namespace,
                key: key_hash(&timer.event),
            };
            let set = Set {
                instead: None,
                due_ms: timer.due_ms,
                goes,
            };
            (set, timer.event.clone())
        };
        let epoch = shard.gauges.epoch.load(Ordering::Acquire);
        let wanted = pack(epoch, timers.iter().map(set).collect(), MAX_TIMER_BATCH_LEN)?;
        let count = timers.len() as u64;
        self.common.quota.take(namespace, count)?;
        let (reply, answer) = oneshot::channel();
        if let Err(_stopped) = shard.commands.send(Command::Set(wanted, reply)).await {
            self.common.quota.give_back(namespace, count);
            return Err(TimerError::Closing);
        }
        let placed = answer.await.map_err(|_| TimerError::Closing)??;
        let told = |(offset, append_time_ms): (u64, i64)| SetTimer {
            id: TimerId {
                shard: shard.number,
                offset,
            },
            entry: EventId {
                eventlog: shard.eventlog,
                offset,
            },
            append_time_ms,
        };
        Ok(placed.into_iter().map(told).collect())
    }

    /// Cancels a timer; it is certain that it does not fire when this answers that it is done.
    ///
    /// # Errors
    /// [`TimerError`] when it is not known what became of it.
    pub(crate) async fn cancel(&self, id: TimerId) -> Result<TimerOutcome, TimerError> {
        self.change(id, Wish::Cancel).await
    }

    /// Lets a timer be due at another time. Its id stays.
    ///
    /// # Errors
    /// [`TimerError`] when it is not known what became of it.
    pub(crate) async fn update(
        &self,
        id: TimerId,
        due_ms: i64,
    ) -> Result<TimerOutcome, TimerError> {
        self.change(id, Wish::Move(due_ms)).await
    }

    /// Lets a timer be due now.
    ///
    /// # Errors
    /// [`TimerError`] when it is not known what became of it.
    pub(crate) async fn fire_now(&self, id: TimerId) -> Result<TimerOutcome, TimerError> {
        self.change(id, Wish::FireNow).await
    }

    async fn change(&self, id: TimerId, wish: Wish) -> Result<TimerOutcome, TimerError> {
        let Some(shard) = self.shard(id) else {
            return Ok(TimerOutcome::TooLate);
        };
        shard
            .ask(|reply| Command::Change(id.offset, wish, reply))
            .await
    }

    /// A timer that waits, and its event.
    ///
    /// # Errors
    /// [`TimerError::NotFound`] when there is none.
    pub(crate) async fn get(&self, id: TimerId) -> Result<(TimerInfo, Event), TimerError> {
        let shard = self.shard(id).ok_or(TimerError::NotFound(id))?;
        let timer = shard.ask(|reply| Command::Get(id.offset, reply)).await?;
        let timer = timer.ok_or(TimerError::NotFound(id))?;
        self.describe(&shard, &timer).await
    }

    /// At most `limit` timers by the time they are due, after `after`.
    ///
    /// # Errors
    /// [`TimerError`] when the index or the eventlog of a shard cannot be read.
    pub(crate) async fn list(
        &self,
        filter: TimerFilter,
        after: Option<TimerPlace>,
        limit: usize,
    ) -> Result<TimerList, TimerError> {
        let limit = limit.clamp(1, MAX_LISTED_TIMERS);
        let filter = Arc::new(filter);
        let shards: Vec<_> = self.shards.read().clone();
        let ask = |shard: &Arc<AtWork>| {
            let (shard, filter) = (Arc::clone(shard), Arc::clone(&filter));
            async move {
                let from = after.and_then(|after| shard.after(after));
                let listed = shard.ask(|reply| Command::List(filter, from, limit, reply));
                listed.await.map(|listed| (shard, listed))
            }
        };
        let listed = try_join_all(shards.iter().map(ask)).await?;
        let (mut places, next) = merge(listed, limit);
        let mut items = Vec::with_capacity(places.len());
        for (_, shard, timer) in places.drain(..) {
            match self.describe(&shard, &timer).await {
                Ok((info, _)) => items.push(info),
                // It has fired, and was deleted, since it was found.
                Err(TimerError::Log(crate::eventlog::LogError::Underflow { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(key) = &filter.key {
            // What was compared so far is a checksum of it.
            items.retain(|info| info.key.as_ref() == Some(key));
        }
        Ok(TimerList { items, next })
    }

    async fn describe(
        &self,
        shard: &AtWork,
        timer: &Timer,
    ) -> Result<(TimerInfo, Event), TimerError> {
        let event = read_record(&self.common.logs, shard.eventlog, timer.at).await?;
        let host = self.common.host.read().as_ref().and_then(Weak::upgrade);
        let names = host.and_then(|host| host.names(timer.goes.eventbus));
        let (namespace, eventbus) = names.unzip();
        let key = event.attribute("partitionkey");
        let info = TimerInfo {
            id: TimerId {
                shard: shard.number,
                offset: timer.id,
            },
            due_ms: timer.due_ms,
            namespace,
            eventbus,
            eventbus_id: timer.goes.eventbus,
            event_id: event.id().to_owned(),
            event_source: event.source().to_owned(),
            event_type: event.ty().to_owned(),
            key: key.map(|key| key.canonical().into_owned()),
        };
        Ok((info, event))
    }

    /// Counters and gauges.
    pub(crate) fn metrics(&self) -> TimerMetrics {
        let (clock_offset_ms, clock_steps, _) = self.common.clock.told();
        let mut told = TimerMetrics {
            clock_offset_ms,
            clock_steps,
            cached_bytes: self.common.room.used() as u64,
            ..self.common.counters.snapshot()
        };
        for shard in self.shards.read().iter() {
            let get = |gauge: &std::sync::atomic::AtomicU64| gauge.load(Ordering::Relaxed);
            told.pending += get(&shard.gauges.pending);
            told.in_memory += get(&shard.gauges.in_memory);
            told.due += get(&shard.gauges.soon);
            told.failed_shards += get(&shard.gauges.failed);
        }
        told
    }

    /// What keeps timers from firing on time, if something does.
    pub(crate) fn trouble(&self) -> Option<String> {
        if let Some(why) = self.broken.lock().clone() {
            return Some(why);
        }
        let (offset_ms, _, state) = self.common.clock.told();
        if state == ClockState::Ignoring && self.is_started() {
            return Some(format!(
                "the wall clock was set {offset_ms} ms away from the time timers go by: set it right, or restart the node"
            ));
        }
        let failed = |shard: &&Arc<AtWork>| shard.gauges.failed.load(Ordering::Relaxed) > 0;
        let shard = self
            .shards
            .read()
            .iter()
            .find(failed)
            .map(|shard| shard.number);
        shard.map(|shard| {
            format!("shard {shard} of the timers has stopped: see the log, and restart the node")
        })
    }

    fn any_shard(&self) -> Result<Arc<AtWork>, TimerError> {
        let shards = self.shards.read();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % shards.len().max(1);
        shards.get(turn).cloned().ok_or(TimerError::Closing)
    }

    fn shard(&self, id: TimerId) -> Option<Arc<AtWork>> {
        self.shards.read().get(usize::from(id.shard)).cloned()
    }
}

impl AtWork {
    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, TimerError>>) -> Command,
    ) -> Result<T, TimerError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(command(reply)).await;
        sent.map_err(|_| TimerError::Closing)?;
        answer.await.unwrap_or(Err(TimerError::Closing))
    }

    /// Where a list goes on in this shard: timers due at the same time are told shard by shard.
    fn after(&self, after: TimerPlace) -> Option<Place> {
        let place = |id: u64| Place {
            due_ms: after.due_ms,
            id,
        };
        match self.number.cmp(&after.id.shard) {
            std::cmp::Ordering::Less => Some(place(u64::MAX)),
            std::cmp::Ordering::Equal => Some(place(after.id.offset)),
            std::cmp::Ordering::Greater => place(0).before(),
        }
    }

    async fn stop(&self) {
        let (stopped, answer) = oneshot::channel();
        if self.commands.send(Command::Stop(stopped)).await.is_ok() {
            // Without an answer the task has ended otherwise.
            let _ = answer.await;
        }
        let task = self.task.lock().take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(shard = self.number, %error, "a shard of timers ended badly");
        }
    }
}

type Found = (TimerPlace, Arc<AtWork>, Timer);

/// Puts together what the shards have found, and tells where to go on.
fn merge(listed: Vec<(Arc<AtWork>, Listed)>, limit: usize) -> (Vec<Found>, Option<TimerPlace>) {
    let mut all: Vec<Found> = Vec::new();
    // Behind the first place at which a shard has stopped looking nothing is certain.
    let mut certain: Option<TimerPlace> = None;
    for (shard, listed) in listed {
        let place = |place: Place| TimerPlace {
            due_ms: place.due_ms,
            id: TimerId {
                shard: shard.number,
                offset: place.id,
            },
        };
        if let Some(next) = listed.next.map(place) {
            certain = Some(certain.map_or(next, |certain| certain.min(next)));
        }
        let found = listed.timers.into_iter();
        all.extend(found.map(|timer| (place(timer.place()), Arc::clone(&shard), timer)));
    }
    all.sort_unstable_by_key(|(place, _, _)| *place);
    if let Some(certain) = certain {
        all.retain(|(place, _, _)| *place <= certain);
    }
    let cut = all.len() > limit;
    all.truncate(limit);
    let last = all.last().map(|(place, _, _)| *place);
    let next = if cut { last } else { certain };
    (all, next)
}
