//! `vsctl bench timers`: what the engine in this process does with events that wait.

use std::{sync::Arc, time::Duration};

use clap::Args;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::task::JoinSet;
use vanus_core::{Error, Event, Eventbus, EventlogId};
use vanus_types::{Clock, Durability, Entropy, SeededEntropy};

use super::{
    Common,
    embedded::{self, Scene},
    payload,
    recorder::Latencies,
    report::{Report, Row},
    stop::Stop,
};
use crate::{context::Context, error::CliError, parse::duration};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl bench timers --embedded /var/lib/vanus-bench
  vsctl bench timers --embedded /var/lib/vanus-bench --pending 10000000 --rate 20000
  vsctl bench timers --embedded /var/lib/vanus-bench --at-once 1000000 --size 128

First so many timers are set that are due in a day, and the engine is opened again with them. Then timers are set
that are due one after the other at a steady rate, and it is measured how late each of them is read from
its eventbus, in whole milliseconds of the clock. With --at-once many are due in the same millisecond; one
publisher tells how long its events take before and meanwhile. An engine of its own works in a new
folder under DIR, which is removed in the end.";

/// How far ahead the timers are due that only wait, in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// How long before their time timers are set whose lateness is measured, in milliseconds, at least.
const AHEAD_MS: i64 = 3_000;

/// How long after their time timers are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a publisher is measured before many timers are due, in milliseconds.
const BEFORE_MS: i64 = 3_000;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Timing {
    #[command(flatten)]
    common: Common,
    /// Where the engine works: a folder on the disk that is measured
    #[arg(long, value_name = "DIR")]
    embedded: String,
    /// Timers that wait meanwhile
    #[arg(long, default_value_t = 200_000, value_name = "NUMBER")]
    pending: u64,
    /// Timers that are due each second; 0 leaves this out
    #[arg(long, default_value_t = 5_000, value_name = "NUMBER")]
    rate: u64,
    /// For how long
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = duration)]
    duration: Duration,
    /// Timers that are due in the same millisecond; 0 leaves this out
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    at_once: u64,
    /// Bytes of data of each event
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    size: u32,
    /// Timers set with one call
    #[arg(long, default_value_t = 256, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
    /// Calls under way at once
    #[arg(long, default_value_t = 16, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1_000))]
    in_flight: u16,
}

/// Calls that are made of the timers of one measurement.
type Calls = Vec<Vec<(Event, i64)>>;

impl Timing {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output().or_json(self.common.json);
        let (mut report, stop) = (Report::new("timers", context), Stop::on_interrupt());
        let measured = embedded::with_engine_again(context, &self.embedded, 1, async |scene| {
            self.measure(context, scene, &mut report, &stop).await
        });
        measured.await?;
        report.interrupted = stop.is_asked();
        report.print(&output)
    }

    async fn measure(
        &self,
        context: &Context,
        scene: &mut Scene,
        report: &mut Report,
        stop: &Stop,
    ) -> Result<(), CliError> {
        if self.pending > 0 {
            let row = self.fill(context, scene.bus()?, stop).await?;
            report.add(row);
            let clock = context.clock();
            let begin = clock.monotonic_ns();
            scene.reopen(context).await?;
            let mut took = Latencies::new()?;
            took.record(clock.monotonic_ns() - begin);
            let row = self.row(format!("close and open again, {} pending", self.pending));
            report.add(row.latencies(&took));
        }
        if self.rate > 0 && !stop.is_asked() {
            report.add(self.steady(context, scene, stop).await?);
        }
        if self.at_once > 0 && !stop.is_asked() {
            for row in self.same_tick(context, scene, stop).await? {
                report.add(row);
            }
        }
        Ok(())
    }

    fn row(&self, name: impl Into<String>) -> Row {
        Row {
            durability: Some(Durability::Fsync),
            payload_bytes: Some(self.size as usize),
            batch_events: Some(self.batch as usize),
            in_flight: Some(self.in_flight.into()),
            eventlogs: Some(1),
            ..Row::named(name)
        }
    }

    /// Sets the timers that only wait.
    async fn fill(&self, context: &Context, bus: &Eventbus, stop: &Stop) -> Result<Row, CliError> {
        let clock = context.clock();
        let (now, random) = (clock.now_ms(), SeededEntropy::new(self.pending));
        let begin = clock.monotonic_ns();
        let (mut set, mut latencies) = (0, Latencies::new()?);
        // A part at a time, so that those to come take no memory.
        while set < self.pending && !stop.is_asked() {
            let count = (self.pending - set).min(100_000);
            let due = |_| now + i64::try_from(DAY_MS + random.next_u64() % DAY_MS).unwrap_or(0);
            let calls = self.calls(count, due)?;
            latencies.merge(&self.set(&clock, bus, &calls).await?)?;
            set += count;
        }
        let elapsed = clock.monotonic_ns() - begin;
        let row = self.row(format!("set, {} pending in the end", self.pending));
        Ok(row.rate(set, elapsed).latencies(&latencies))
    }

    /// The calls for so many timers, the `n`th due at `due(n)`.
    fn calls(&self, count: u64, due: impl Fn(u64) -> i64) -> Result<Calls, CliError> {
        let made = payload::events(self.size as usize, &SeededEntropy::new(1))?;
        let numbered = (0..count).zip(made.iter().cycle());
        let mut timers = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
        for (n, event) in numbered {
            let due_ms = due(n);
            let event = event.to_builder().subject(due_ms.to_string()).build();
            timers.push((event.map_err(|error| CliError::invalid(&error))?, due_ms));
        }
        let calls = timers.chunks(self.batch as usize);
        Ok(calls.map(<[_]>::to_vec).collect())
    }

    /// Makes the calls; answers how long each took.
    async fn set(
        &self,
        clock: &Arc<dyn Clock>,
        bus: &Eventbus,
        calls: &Calls,
    ) -> Result<Latencies, CliError> {
        let (mut under_way, mut latencies) = (FuturesUnordered::new(), Latencies::new()?);
        let mut rest = calls.iter();
        loop {
            while under_way.len() < usize::from(self.in_flight)
                && let Some(call) = rest.next()
            {
                let begin = clock.monotonic_ns();
                under_way.push(async move {
                    bus.set_timers(call).await?;
                    Ok::<_, Error>(clock.monotonic_ns() - begin)
                });
            }
            match under_way.next().await {
                Some(took) => latencies.record(took.map_err(|error| CliError::engine(&error))?),
                None => return Ok(latencies),
            }
        }
    }

    /// Timers that are due one after the other.
    async fn steady(&self, context: &Context, scene: &Scene, stop: &Stop) -> Result<Row, CliError> {
        let clock = context.clock();
        let seconds = self.duration.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a count"
        )]
        let count = (self.rate as f64 * seconds) as u64;
        // Setting them takes a while too.
        let lead = AHEAD_MS + i64::try_from(count / 50).unwrap_or(0);
        let first = clock.now_ms() + lead;
        let due = |n: u64| first + i64::try_from(n * 1_000 / self.rate).unwrap_or(0);
        let calls = self.calls(count, due)?;
        let (bus, eventlog, from) = end_of(scene).await?;
        self.set(&clock, bus, &calls).await?;
        if clock.now_ms() > first {
            return Err(CliError::Bench(
                "setting the timers took too long".to_owned(),
            ));
        }
        let (late, elapsed) = follow(&clock, bus, eventlog, from, count, stop).await?;
        let name = format!("lateness at {} due/s, {} pending", self.rate, self.pending);
        Ok(self.row(name).rate(count, elapsed).latencies(&late))
    }

    /// Timers that are due in the same millisecond, beside a publisher.
    async fn same_tick(
        &self,
        context: &Context,
        scene: &Scene,
        stop: &Stop,
    ) -> Result<Vec<Row>, CliError> {
        let clock = context.clock();
        let lead = AHEAD_MS + BEFORE_MS + i64::try_from(self.at_once / 50).unwrap_or(0);
        let due_ms = clock.now_ms() + lead;
        let calls = self.calls(self.at_once, |_| due_ms)?;
        let (bus, eventlog, from) = end_of(scene).await?;
        self.set(&clock, bus, &calls).await?;
        drop(calls);
        if clock.now_ms() + BEFORE_MS > due_ms {
            return Err(CliError::Bench(
                "setting the timers took too long".to_owned(),
            ));
        }
        let mut publishing = JoinSet::new();
        let events = payload::events(self.size as usize, &SeededEntropy::new(1))?;
        let other = scene.other_bus(context).await?;
        let (publisher, asked) = (Arc::clone(&clock), stop.clone());
        let (ended, end) = tokio::sync::oneshot::channel();
        publishing
            .spawn(async move { publish(&publisher, &other, &events, due_ms, end, &asked).await });
        let (late, elapsed) = follow(&clock, bus, eventlog, from, self.at_once, stop).await?;
        // It may have been interrupted before.
        let _ = ended.send(());
        let published = publishing.join_next().await;
        let (before, meanwhile) = match published {
            Some(Ok(published)) => published?,
            _ => return Err(CliError::Bench("the publisher ended".to_owned())),
        };
        let fired = self.row(format!("{} due in one millisecond", self.at_once));
        Ok(vec![
            fired.rate(self.at_once, elapsed).latencies(&late),
            Row::named("a publisher before").latencies(&before),
            Row::named("a publisher meanwhile").latencies(&meanwhile),
        ])
    }
}

/// The eventbus, its eventlog, and where that ends.
async fn end_of(scene: &Scene) -> Result<(&Eventbus, EventlogId, u64), CliError> {
    let bus = scene.bus()?;
    let ends = bus.offsets(vanus_core::StartFrom::Latest).await;
    let ends = ends.map_err(|error| CliError::engine(&error))?;
    let (eventlog, from) = ends
        .first()
        .copied()
        .ok_or_else(|| CliError::Bench("the eventbus has no eventlog".to_owned()))?;
    Ok((bus, eventlog, from))
}

/// Reads events of timers; answers how late they came, and how many nanoseconds after the first was due the last one did.
async fn follow(
    clock: &Arc<dyn Clock>,
    bus: &Eventbus,
    eventlog: EventlogId,
    from: u64,
    count: u64,
    stop: &Stop,
) -> Result<(Latencies, u64), CliError> {
    let mut tail = bus
        .tail(eventlog, from)
        .map_err(|error| CliError::engine(&error))?;
    let (mut late, mut first_due, mut last) = (Latencies::new()?, None, 0);
    for _ in 0..count {
        let next = tokio::select! {
            next = tokio::time::timeout(PATIENCE, tail.next()) => next,
            () = stop.asked() => break,
        };
        let next = next.map_err(|_| CliError::Bench("timers did not fire".to_owned()))?;
        let stored = next.map_err(|error| CliError::engine(&error))?;
        let due_ms = stored
            .event
            .subject()
            .and_then(|due| due.parse::<i64>().ok());
        let due_ms = due_ms.ok_or_else(|| CliError::Bench("not a timer of ours".to_owned()))?;
        let ms = clock.now_ms() - due_ms;
        let ms = u64::try_from(ms)
            .map_err(|_| CliError::Bench(format!("a timer was {} ms early", -ms)))?;
        late.record(ms.saturating_mul(1_000_000).max(1));
        let first = *first_due.get_or_insert(due_ms);
        last = u64::try_from(clock.now_ms() - first).unwrap_or(0) * 1_000_000;
    }
    Ok((late, last.max(1)))
}

/// Publishes one event after the other until told to end; answers how long each took before a time, and after it.
async fn publish(
    clock: &Arc<dyn Clock>,
    bus: &Eventbus,
    events: &[Event],
    due_ms: i64,
    mut end: tokio::sync::oneshot::Receiver<()>,
    stop: &Stop,
) -> Result<(Latencies, Latencies), CliError> {
    let (mut before, mut meanwhile) = (Latencies::new()?, Latencies::new()?);
    for event in events.iter().cycle() {
        if stop.is_asked()
            || end.try_recv() != Err(tokio::sync::oneshot::error::TryRecvError::Empty)
        {
            break;
        }
        let now = clock.now_ms();
        let begin = clock.monotonic_ns();
        let published = bus.publish(event.clone()).await;
        published.map_err(|error| CliError::engine(&error))?;
        let took = clock.monotonic_ns() - begin;
        if now < due_ms && now >= due_ms - BEFORE_MS {
            before.record(took);
        } else if now >= due_ms {
            meanwhile.record(took);
        }
    }
    Ok((before, meanwhile))
}
