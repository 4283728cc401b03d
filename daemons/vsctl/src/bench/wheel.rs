//! `vsctl bench wheel`: what a timer costs in the timing wheel, in this process.

use std::hint::black_box;

use clap::Args;
use vanus_core::timer::wheel::{Advance, Tick, TimerHandle, Wheel};
use vanus_types::{Clock, Entropy, SeededEntropy};

use super::{
    Common,
    recorder::Latencies,
    report::{Report, Row},
    stop::Stop,
};
use crate::{context::Context, error::CliError};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl bench wheel
  vsctl bench wheel --pending 1000000 --json

So many timers wait at once, due at random within a day. Then timers anywhere among them are cancelled
and others inserted in their place, in rounds of a thousand; and in the end time moves on until
all have been given out, each at its millisecond. Percentiles are of one timer, averaged over a
round. A timer of this measurement takes 48 bytes: ten million need half a gigabyte, and their
handles a third of that.";

/// How far ahead timers are due, in milliseconds.
const WITHIN_MS: u64 = 24 * 60 * 60 * 1_000;

/// Timers between two looks at the clock.
const ROUND: usize = 1_000;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Wheeling {
    #[command(flatten)]
    common: Common,
    /// How many timers wait, one number after the other
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000,10000,100000,1000000,10000000",
        value_name = "NUMBERS"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pending: Vec<u64>,
    /// How long cancelling and inserting is measured, in milliseconds
    #[arg(long, default_value_t = 1_000, value_name = "MS")]
    #[arg(value_parser = clap::value_parser!(u64).range(10..=60_000))]
    millis: u64,
    /// The tick of the wheel, in milliseconds
    #[arg(long, default_value_t = Tick::default().ms(), value_name = "MS")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    tick: u32,
}

/// One wheel under measurement.
struct Load<'a> {
    clock: &'a dyn Clock,
    wheel: Wheel<u64>,
    handles: Vec<TimerHandle>,
    random: SeededEntropy,
}

/// What an operation took.
struct Taken {
    latencies: Latencies,
    count: u64,
    ns: u64,
}

impl Wheeling {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output().or_json(self.common.json);
        let (mut report, stop) = (Report::new("wheel", context), Stop::on_interrupt());
        let (clock, asked) = (context.clock(), stop.clone());
        let measuring = tokio::task::spawn_blocking(move || self.measure(clock.as_ref(), &asked));
        let rows = measuring
            .await
            .map_err(|error| CliError::Bench(error.to_string()))??;
        rows.into_iter().for_each(|row| report.add(row));
        report.interrupted = stop.is_asked();
        report.print(&output)
    }

    fn measure(&self, clock: &dyn Clock, stop: &Stop) -> Result<Vec<Row>, CliError> {
        let tick = Tick::from_ms(self.tick).map_err(|error| CliError::Bench(error.to_string()))?;
        let mut rows = Vec::new();
        for pending in &self.pending {
            let mut load = Load {
                clock,
                wheel: Wheel::new(tick, u32::MAX, 0),
                handles: Vec::new(),
                random: SeededEntropy::new(*pending),
            };
            let mut inserted = Taken::new()?;
            let mut cancelled = Taken::new()?;
            load.fill(*pending)?;
            while inserted.ns + cancelled.ns < self.millis * 1_000_000 && !stop.is_asked() {
                load.replace(&mut cancelled, &mut inserted)?;
            }
            rows.push(inserted.row(format!("insert, {pending} pending")));
            rows.push(cancelled.row(format!("cancel, {pending} pending")));
            let advanced = load.give_out(stop)?;
            rows.push(advanced.row(format!("advance, {pending} pending")));
            if stop.is_asked() {
                break;
            }
        }
        Ok(rows)
    }
}

impl Load<'_> {
    fn due_ms(&self) -> i64 {
        i64::try_from(self.random.next_u64() % WITHIN_MS).unwrap_or(0)
    }

    fn insert(&mut self, due_ms: i64) -> Result<TimerHandle, CliError> {
        let inserted = self.wheel.insert(due_ms, 0);
        inserted.map_err(|error| CliError::Bench(error.to_string()))
    }

    fn fill(&mut self, pending: u64) -> Result<(), CliError> {
        for _ in 0..pending {
            let handle = self.insert(self.due_ms())?;
            self.handles.push(handle);
        }
        Ok(())
    }

    /// Cancels a round of timers, each of them anywhere, and inserts as many.
    fn replace(&mut self, cancelled: &mut Taken, inserted: &mut Taken) -> Result<(), CliError> {
        let len = self.handles.len();
        let mut gone = Vec::with_capacity(ROUND);
        for _ in 0..ROUND.min(len) {
            let which = usize::try_from(self.random.next_u64()).unwrap_or(0) % self.handles.len();
            gone.push(self.handles.swap_remove(which));
        }
        let dues: Vec<i64> = gone.iter().map(|_| self.due_ms()).collect();
        let begin = self.clock.monotonic_ns();
        for handle in &gone {
            black_box(self.wheel.cancel(black_box(*handle)));
        }
        let middle = self.clock.monotonic_ns();
        for due_ms in &dues {
            let handle = self.insert(black_box(*due_ms))?;
            self.handles.push(handle);
        }
        let end = self.clock.monotonic_ns();
        cancelled.add(gone.len(), middle - begin);
        inserted.add(dues.len(), end - middle);
        Ok(())
    }

    /// Moves on from one millisecond with something to do to the next, until nothing is left.
    fn give_out(&mut self, stop: &Stop) -> Result<Taken, CliError> {
        let mut taken = Taken::new()?;
        let (mut due, mut begin) = (Vec::with_capacity(ROUND), self.clock.monotonic_ns());
        while let Some(now_ms) = self.wheel.next_ms() {
            while self.wheel.advance(now_ms, ROUND, &mut due) == Advance::More {}
            if due.iter().any(|timer| timer.due_ms > now_ms) {
                return Err(CliError::Bench("a timer was early".to_owned()));
            }
            if due.len() >= ROUND || self.wheel.is_empty() {
                let end = self.clock.monotonic_ns();
                taken.add(due.len(), end - begin);
                due.clear();
                begin = end;
                if stop.is_asked() {
                    break;
                }
            }
        }
        Ok(taken)
    }
}

impl Taken {
    fn new() -> Result<Self, CliError> {
        Ok(Self {
            latencies: Latencies::new()?,
            count: 0,
            ns: 0,
        })
    }

    fn add(&mut self, count: usize, ns: u64) {
        let count = count as u64;
        self.count += count;
        self.ns += ns;
        self.latencies.record(ns / count.max(1));
    }

    fn row(self, name: String) -> Row {
        Row::named(name)
            .rate(self.count, self.ns)
            .latencies(&self.latencies)
    }
}
