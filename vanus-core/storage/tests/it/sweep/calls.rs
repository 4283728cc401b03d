//! Every call of every kind: failed once, failed for want of space, made short, torn and failed, and made slow.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use vanus_storage::{
    Health, MemoryFs, OpenError, Store, StoreOptions, Threads,
    fs::{Action, CrashPolicy, Fault, FaultyFs, OpKind},
};
use vanus_types::{Clock, SystemClock};

use super::{
    Slice,
    workload::{Promises, Work, killed, open, options},
};

const KINDS: [OpKind; 11] = [
    OpKind::Open,
    OpKind::Read,
    OpKind::Write,
    OpKind::Sync,
    OpKind::SetLen,
    OpKind::Allocate,
    OpKind::Rename,
    OpKind::Remove,
    OpKind::CreateDir,
    OpKind::SyncDir,
    OpKind::List,
];

/// A failed sync has to be seen by whoever asks for the health of the store within this time.
const RED_WITHIN: Duration = Duration::from_millis(100);
/// How long a slow call takes.
const SLOW: Duration = Duration::from_millis(20);

/// What is done to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    Fails,
    Full,
    Short,
    /// A part is written, the rest fails.
    Torn,
    Slow,
}

impl Harm {
    fn fits(self, kind: OpKind) -> bool {
        match self {
            Harm::Fails | Harm::Slow => true,
            Harm::Full => !matches!(kind, OpKind::Read | OpKind::List | OpKind::Remove),
            Harm::Short => matches!(kind, OpKind::Read | OpKind::Write),
            Harm::Torn => kind == OpKind::Write,
        }
    }
}

/// One call to harm.
#[derive(Debug, Clone, Copy)]
struct Case {
    kind: OpKind,
    harm: Harm,
    number: u64,
    threads: Threads,
}

impl Case {
    fn plan(self, fs: &FaultyFs, slow: Action) {
        let once = |action| Fault::once(self.kind, "", action);
        let action = match self.harm {
            Harm::Fails => Action::Error(ErrorKind::Other),
            Harm::Full => Action::Error(ErrorKind::StorageFull),
            Harm::Short => Action::Short(1),
            Harm::Torn => Action::Short(600),
            Harm::Slow => slow,
        };
        fs.plan(once(action).after(self.number));
        if self.harm == Harm::Torn {
            fs.plan(once(Action::Error(ErrorKind::Other)));
        }
    }

    /// Whether a sync fails, other than for want of space.
    fn fails_sync(self) -> bool {
        self.harm == Harm::Fails && matches!(self.kind, OpKind::Sync | OpKind::SyncDir)
    }
}

/// What all cases together showed.
#[derive(Debug, Default)]
struct Totals {
    cases: u64,
    by_kind: BTreeMap<String, u64>,
    refused_opens: u64,
    poisoned: u64,
    /// The longest from a failed sync to red health.
    red: Duration,
}

fn clock(threads: Threads) -> Arc<dyn Clock> {
    match threads {
        Threads::Inline => crate::common::clock(),
        Threads::Background => Arc::new(SystemClock::new()),
    }
}

fn store_options(threads: Threads) -> StoreOptions {
    StoreOptions {
        threads,
        ..options()
    }
}

/// While a call hangs, everything acknowledged by then survives a loss of power.
fn look(memory: &MemoryFs, work: &Work) -> Action {
    let (memory, work) = (memory.clone(), work.clone());
    Action::Hook(Arc::new(move || {
        thread::sleep(SLOW / 2);
        let promises = work.promises.lock().clone();
        let fork = memory.fork();
        fork.crash(CrashPolicy::LoseUnsynced, 1);
        let store = open(fork, options(), crate::common::clock(), 77).unwrap();
        promises.check(&store, false, &work.case);
        thread::sleep(SLOW / 2);
    }))
}

/// Measures from the moment the fault was met until the store is red.
fn watch(fs: &FaultyFs, store: &Store, done: &AtomicBool, red: &AtomicU64) {
    while fs.hits() == 0 {
        if done.load(Ordering::SeqCst) {
            return;
        }
        thread::sleep(Duration::from_micros(200));
    }
    let begun = super::now();
    while store.health() == Health::Ok {
        if begun.elapsed() > 5 * RED_WITHIN {
            break;
        }
        thread::sleep(Duration::from_micros(200));
    }
    red.store(begun.elapsed().as_micros() as u64, Ordering::SeqCst);
}

/// Runs the work with one call harmed and compares after each kind of stop; answers whether there was such a call.
fn run(base: &(MemoryFs, Promises), case: Case, totals: &Mutex<Totals>) -> bool {
    let name = format!("{case:?}");
    let memory = base.0.fork();
    let fs = FaultyFs::new(Arc::new(memory.clone()));
    let mut work = Work::new(&base.1, &name);
    case.plan(&fs, look(&memory, &work));
    let options = store_options(case.threads);
    let mut refused = false;
    let store = match open(fs.clone(), options.clone(), clock(case.threads), 2) {
        Ok(store) => store,
        Err(OpenError::Disk(_)) => {
            refused = true;
            fs.clear();
            open(fs.clone(), options, clock(case.threads), 3).unwrap()
        }
        Err(e) => panic!("{name}: {e}"),
    };
    if case.fails_sync() && fs.hits() > 0 && !refused && case.threads == Threads::Inline {
        assert_ne!(store.health(), Health::Ok, "{name}: open passed over it");
    }
    let (done, red) = (AtomicBool::new(refused), AtomicU64::new(0));
    thread::scope(|scope| {
        if case.fails_sync() && !refused {
            scope.spawn(|| watch(&fs, &store, &done, &red));
        }
        work.run(&store);
        done.store(true, Ordering::SeqCst);
    });
    let hit = fs.hits() > 0;
    if case.fails_sync() && hit && !refused {
        assert!(matches!(store.health(), Health::Poisoned { .. }), "{name}");
    }
    let poisoned = matches!(store.health(), Health::Poisoned { .. });
    let red = Duration::from_micros(red.into_inner());
    assert!(red <= RED_WITHIN, "{name}: red only after {red:?}");
    drop(store);
    let promises = work.promises.lock().clone();
    for policy in [
        CrashPolicy::KillProcess,
        CrashPolicy::LoseUnsynced,
        CrashPolicy::Random,
    ] {
        let fork = memory.fork();
        fork.crash(policy, case.number);
        let name = format!("{name}, {policy:?}");
        let store = open(fork, self::options(), crate::common::clock(), 4)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        promises.check(&store, policy == CrashPolicy::KillProcess, &name);
    }
    let mut totals = totals.lock();
    totals.cases += u64::from(hit);
    *totals
        .by_kind
        .entry(format!("{:?}", case.kind))
        .or_default() += u64::from(hit);
    totals.refused_opens += u64::from(refused);
    totals.poisoned += u64::from(poisoned);
    totals.red = totals.red.max(red);
    hit
}

fn sweep(threads: Threads, slice: Slice) {
    let base = killed();
    let totals = Mutex::new(Totals::default());
    for kind in KINDS {
        for harm in [Harm::Fails, Harm::Full, Harm::Short, Harm::Torn, Harm::Slow] {
            if !harm.fits(kind) {
                continue;
            }
            let numbers = (0..).filter(|number| slice.has(*number));
            for number in numbers {
                let case = Case {
                    kind,
                    harm,
                    number,
                    threads,
                };
                if !run(&base, case, &totals) {
                    break;
                }
            }
        }
    }
    let totals = totals.into_inner();
    println!("calls, {threads:?}: {totals:?}");
    assert!(totals.poisoned > 0 && totals.refused_opens > 0 && totals.cases > 50);
    println!(
        "sweep: threads={threads:?} calls={} lost=0 red_ms={}",
        totals.cases,
        totals.red.as_micros().div_ceil(1000)
    );
}

#[test]
fn a_harmed_call_loses_nothing_acknowledged() {
    sweep(Threads::Inline, Slice::of(17));
}

#[test]
fn a_harmed_call_loses_nothing_acknowledged_with_threads() {
    sweep(Threads::Background, Slice::of(17));
}

#[test]
#[ignore = "run by tests/bars/storage-4"]
fn every_harmed_call_loses_nothing_acknowledged() {
    sweep(Threads::Inline, Slice::asked());
}

#[test]
#[ignore = "run by tests/bars/storage-4"]
fn every_harmed_call_loses_nothing_acknowledged_with_threads() {
    sweep(Threads::Background, Slice::asked());
}
