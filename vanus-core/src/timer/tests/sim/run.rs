//! A run: the lives of one machine, one after the other, and what happens in them.

use std::{fmt, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::sleep;
use vanus_storage::{
    Health, MemoryFs,
    fs::{Action, CrashPolicy, Fault, FaultyFs, OpKind},
    meta::MemoryMeta,
};
use vanus_types::{Batch, Durability, Entropy, Event, ProducerId, SeededEntropy};

use super::{
    bound::Bound,
    bug::{Bug, GivenMeta},
    clients::{self, below},
    clock::{BEGIN_MS, SimClock},
    host::targets,
    judge::{Book, Known},
    life::Life,
};
use crate::timer::Timers;

/// The longest the last life waits for timers, in milliseconds: none is set for later, unless time went mad.
const LONGEST_WAIT_MS: u64 = 3_600_000;

/// What was done.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Figures {
    pub(super) minutes: u64,
    pub(super) set: u64,
    pub(super) fired: u64,
    pub(super) cancelled: u64,
    pub(super) crashes: u64,
    pub(super) handed_over: u64,
    pub(super) jumps: u64,
    pub(super) latest_ms: i64,
}

impl Figures {
    pub(super) fn add(&mut self, other: &Self) {
        self.minutes += other.minutes;
        self.set += other.set;
        self.fired += other.fired;
        self.cancelled += other.cancelled;
        self.crashes += other.crashes;
        self.handed_over += other.handed_over;
        self.jumps += other.jumps;
        self.latest_ms = self.latest_ms.max(other.latest_ms);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} hours, {} timers set, {} fired, {} cancelled, {} crashes, {} hand-overs, {} jumps of the clock, at most {} ms late, 0 violations",
            self.minutes as f64 / 60.0,
            self.set,
            self.fired,
            self.cancelled,
            self.crashes,
            self.handed_over,
            self.jumps,
            self.latest_ms
        )
    }
}

/// What outlives a life.
struct Machine {
    random: Arc<SeededEntropy>,
    memory: MemoryFs,
    faulty: FaultyFs,
    meta: Arc<GivenMeta>,
    book: Arc<Mutex<Book>>,
    bound: Option<Bound>,
    elapsed_us: i64,
    set_us: i64,
    drift: i64,
    bug: Option<Bug>,
    figures: Figures,
}

/// Runs one seed for so many simulated minutes; answers what was done and what is wrong.
pub(super) fn run(seed: u64, minutes: u64, bug: Option<Bug>) -> (Figures, Vec<String>) {
    let random = Arc::new(SeededEntropy::new(seed));
    let memory = MemoryFs::new();
    let mut machine = Machine {
        faulty: FaultyFs::new(Arc::new(memory.clone())),
        memory,
        meta: new_meta(bug),
        book: Arc::default(),
        bound: None,
        elapsed_us: 0,
        set_us: 0,
        drift: i64::try_from(below(&random, 400)).unwrap_or(0) - 200,
        random,
        bug,
        figures: Figures::default(),
    };
    let end_us = i64::try_from(minutes * 60_000_000).unwrap_or(i64::MAX);
    while machine.elapsed_us < end_us {
        machine.live(false);
        let wrong = machine.book.lock().violations(false);
        if !wrong.is_empty() {
            return (machine.figures, wrong);
        }
    }
    machine.live(true);
    machine.figures.minutes = machine.elapsed_us.unsigned_abs() / 60_000_000;
    let book = machine.book.lock();
    let count = |what: fn(&super::judge::Timer) -> bool| {
        book.timers.values().filter(|timer| what(timer)).count() as u64
    };
    let figures = Figures {
        set: count(|timer| matches!(timer.known, Known::Set(_))),
        fired: count(|timer| !timer.seen.is_empty()),
        cancelled: count(|timer| timer.cancelled),
        latest_ms: book.latest_ms(),
        ..machine.figures
    };
    (figures, book.violations(true))
}

fn new_meta(bug: Option<Bug>) -> Arc<GivenMeta> {
    Arc::new(GivenMeta {
        meta: MemoryMeta::new(),
        bug,
    })
}

impl Machine {
    /// One life, from power on to its end. The last one has no trouble, and lasts until every timer is due.
    fn live(&mut self, last: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        self.faulty.clear();
        let end = runtime.block_on(self.within(last));
        drop(runtime);
        self.elapsed_us = end;
        if !last {
            let policy = match below(&self.random, 3) {
                0 => CrashPolicy::KillProcess,
                1 => CrashPolicy::LoseUnsynced,
                _ => CrashPolicy::Random,
            };
            self.faulty.clear();
            self.memory.crash(policy, self.random.next_u64());
            self.figures.crashes += 1;
            // An hour of absence now and then, and a clock that is mostly right afterwards.
            if below(&self.random, 8) == 0 {
                self.elapsed_us += i64::try_from(below(&self.random, 600)).unwrap_or(0) * 1_000_000;
            }
            self.set_us = if below(&self.random, 10) == 0 {
                -2_000_000
            } else {
                0
            };
        }
    }

    /// Answers how many microseconds had passed in the end.
    async fn within(&mut self, last: bool) -> i64 {
        let clock = Arc::new(SimClock::new(self.elapsed_us, self.set_us, self.drift));
        let bound = Bound::begin(self.bound, clock.elapsed_us(), clock.wall_us());
        let bound = Arc::new(Mutex::new(bound));
        {
            let mut book = self.book.lock();
            book.stands = true;
        }
        if !last && below(&self.random, 6) == 0 {
            self.trouble(below(&self.random, 60));
        }
        let parts = (Arc::clone(&bound), Arc::clone(&self.book));
        let begun = Life::begin(
            Arc::new(self.faulty.clone()),
            self.random.next_u64(),
            Arc::clone(&clock),
            parts,
            self.bug,
        );
        if let Some(life) = begun {
            self.lived(Arc::new(life), last).await;
        } else {
            assert!(
                self.faulty.crashed() || self.faulty.hits() > 0,
                "the store does not open"
            );
            sleep(Duration::from_millis(100)).await;
        }
        bound.lock().go_on(clock.elapsed_us(), clock.wall_us());
        self.bound = Some(*bound.lock());
        clock.elapsed_us()
    }

    /// The machine stops, or the disk refuses something, so many calls from now.
    fn trouble(&self, after: u64) {
        let fault = match below(&self.random, 3) {
            0 => Fault {
                op: None,
                path: String::new(),
                after,
                times: 1,
                action: Action::Crash(usize::try_from(below(&self.random, 3_000)).unwrap_or(0)),
            },
            1 => Fault::once(OpKind::Sync, "", Action::Error(std::io::ErrorKind::Other))
                .after(after / 4),
            _ => Fault::once(OpKind::Write, "", Action::Error(std::io::ErrorKind::Other))
                .after(after / 4),
        };
        self.faulty.plan(fault);
    }

    async fn lived(&mut self, life: Arc<Life>, last: bool) {
        if life.look_up().await.is_none() {
            return;
        }
        if self.bug == Some(Bug::FiresTwice) {
            make_noise(&life, self.random.next_u64()).await;
        }
        let in_memory = 40 + usize::try_from(below(&self.random, 200)).unwrap_or(0);
        let started = life
            .timers(self.meta.clone(), self.random.next_u64(), in_memory)
            .await;
        let Some(timers) = started else {
            assert!(
                self.faulty.hits() > 0 || self.faulty.crashed(),
                "the shards do not start"
            );
            return;
        };
        let owner = Arc::new(Mutex::new(timers));
        for log in targets() {
            tokio::spawn(Arc::clone(&life).watch(log, Arc::clone(&owner)));
        }
        tokio::spawn(tick(Arc::clone(&life), Arc::clone(&owner)));
        self.goes_on(&life, &owner);
        if last {
            self.wait_for_all(&life).await;
            let owner = owner.lock().clone();
            owner.stop().await;
            return;
        }
        let mut before: Vec<Arc<Timers>> = Vec::new();
        let steps = 20 + below(&self.random, 300);
        for _ in 0..steps {
            sleep(Duration::from_millis(1 + below(&self.random, 400))).await;
            if life.logs.store().health() != Health::Ok {
                break;
            }
            match below(&self.random, 200) {
                0 => self.hand_over(&life, &owner, &mut before).await,
                1 | 2 => self.jump(&life),
                3 => self.trouble(below(&self.random, 100)),
                4 => sleep(Duration::from_secs(below(&self.random, 100))).await,
                other => self.ask(other, &life, &owner, &before),
            }
        }
        self.set_us = life.clock.set_us();
    }

    /// Time goes on for the shards.
    fn goes_on(&self, life: &Life, owner: &Mutex<Arc<Timers>>) {
        life.bound_ms();
        let now_ms = owner.lock().now_ms();
        let mut book = self.book.lock();
        book.stands = false;
        book.stood_until_ms = now_ms;
    }

    /// Somebody asks for something: of the owner, or of one before.
    fn ask(&self, what: u64, life: &Arc<Life>, owner: &Mutex<Arc<Timers>>, before: &[Arc<Timers>]) {
        let asked = match before.last() {
            Some(one) if below(&self.random, 5) == 0 => Arc::clone(one),
            _ => owner.lock().clone(),
        };
        let random = Arc::new(SeededEntropy::new(self.random.next_u64()));
        let life = Arc::clone(life);
        match what % 10 {
            0..7 => drop(tokio::spawn(clients::set(life, asked, random))),
            7 => drop(tokio::spawn(clients::cancel(life, asked, random))),
            _ => drop(tokio::spawn(clients::change(life, asked, random))),
        }
    }

    /// Others take over the shards, from their eventlogs alone.
    async fn hand_over(
        &mut self,
        life: &Arc<Life>,
        owner: &Mutex<Arc<Timers>>,
        before: &mut Vec<Arc<Timers>>,
    ) {
        if below(&self.random, 3) == 0 {
            let one = owner.lock().clone();
            one.stop().await;
        }
        self.book.lock().stands = true;
        // The clock of a successor may be wrong too, but it begins with it: nothing tells it from a long absence.
        life.jump(if below(&self.random, 4) == 0 {
            2_000_000
        } else {
            0
        });
        life.begin_anew();
        if self.bug == Some(Bug::FiresTwice) {
            make_noise(life, self.random.next_u64()).await;
        }
        let meta = new_meta(self.bug);
        let successor = life.timers(meta.clone(), self.random.next_u64(), 100).await;
        let Some(successor) = successor else {
            return;
        };
        self.meta = meta;
        before.push(std::mem::replace(&mut *owner.lock(), successor));
        self.goes_on(life, owner);
        self.figures.handed_over += 1;
    }

    /// The wall clock is set wrong, or right again.
    fn jump(&mut self, life: &Life) {
        const SECOND: i64 = 1_000_000;
        let back = life.clock.set_us() != 0 && below(&self.random, 3) > 0;
        let by = match below(&self.random, 5) {
            _ if back => 0,
            0 => SECOND,
            1 => 60 * SECOND,
            2 => 3_600 * SECOND,
            3 => 86_400 * 2 * SECOND,
            _ => 3_652 * 86_400 * SECOND,
        };
        let forward = below(&self.random, 2) == 0;
        life.jump(if forward { by } else { -by });
        self.figures.jumps += 1;
    }

    /// Waits until everything is due and has had the time to fire.
    async fn wait_for_all(&self, life: &Life) {
        let latest = {
            let book = self.book.lock();
            let due = book.timers.values().flat_map(|timer| &timer.due_ms);
            due.copied().max().unwrap_or(BEGIN_MS)
        };
        let wait = latest.saturating_sub(life.clock.wall_us() / 1_000);
        let wait = u64::try_from(wait).unwrap_or(0).min(LONGEST_WAIT_MS);
        // Time may still be made up for.
        sleep(Duration::from_millis(wait + wait / 100 + 60_000)).await;
        life.bound_ms();
    }
}

/// Somebody else writes into the eventlogs too, as a producer of his own.
async fn make_noise(life: &Life, producer: u64) {
    let event = Event::builder()
        .id("n")
        .source("/sim")
        .ty("noise")
        .build()
        .unwrap();
    for log in targets() {
        let batch = Batch::of_one(&event).produced_by(ProducerId::from_u64(producer | 1), 0);
        // It may not be there any more.
        let _ = life.logs.append(log, batch, Durability::default()).await;
    }
}

/// The work of the store that its threads do otherwise; and whether time goes as ever is looked at.
async fn tick(life: Arc<Life>, owner: Arc<Mutex<Arc<Timers>>>) {
    while life.logs.store().tick().is_ok() {
        let owner = owner.lock().clone();
        if owner.metrics().clock_offset_ms.abs() > 1_000 {
            life.book.lock().unsteady_until_ms = owner.now_ms() + 2_000;
        }
        // What waits for room in the log waits so long, and while a step is followed that is up to sixty times as much.
        sleep(Duration::from_millis(5)).await;
    }
}
