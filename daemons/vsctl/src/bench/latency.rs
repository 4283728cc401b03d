//! `vsctl bench latency`.

use std::{sync::Arc, time::Duration};

use clap::Args;
use vanus_client::{Consumer, ConsumerOptions, Producer, ProducerOptions, StartAt};
use vanus_runtime::ticker::Ticker;
use vanus_types::{Clock, Durability};

use super::{
    Common, payload,
    progress::{Count, Progress},
    recorder::Latencies,
    report::{Report, Row},
    scratch::{self, ScratchBus},
    stop::Stop,
};
use crate::{
    context::Context,
    error::CliError,
    output::Output,
    parse::{duration, duration_or_zero},
};

/// Bytes of the time stamp at the start of the data.
const STAMP_LEN: usize = 8;

/// A publisher this far behind its schedule, in nanoseconds, is held up; its events count from
/// the time they were due.
const HELD_UP_NS: u64 = 1_000_000;

/// How long the consumer may take for the last events.
const LAST: Duration = Duration::from_secs(10);

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl bench latency
  vsctl bench latency --rate 5000 --duration 30s --durability fsync --json

Each event carries the time at which it is sent; a consumer on another connection, which follows
the eventbus, tells how old it is when it arrives. A publisher that is held up does not hide it:
its events then count from the time they were due. The first second is not counted.";

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct Latency {
    #[command(flatten)]
    common: Common,
    /// Events a second
    #[arg(long, default_value_t = 5_000, value_name = "EVENTS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: u64,
    /// How long to measure, for each durability
    #[arg(long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// Bytes of data of each event
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u32).range(8..=1_048_576))]
    size: u32,
    /// How long an event may wait for others while earlier ones are under way
    #[arg(long, default_value = "0s", value_parser = duration_or_zero, value_name = "DURATION")]
    linger: Duration,
    /// Only this durability: fsync or page-cache; else both
    #[arg(long)]
    durability: Option<Durability>,
}

impl Latency {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output().or_json(self.common.json);
        let (mut report, stop) = (Report::new("latency", context), Stop::on_interrupt());
        let levels = match self.durability {
            Some(level) => vec![level],
            None => vec![Durability::PageCache, Durability::Fsync],
        };
        for level in levels {
            if stop.is_asked() {
                break;
            }
            let row = scratch::with_bus(context, 1, async |bus| {
                self.measure(context, &output, bus, level, &stop).await
            });
            report.add(row.await?);
        }
        report.interrupted = stop.is_asked();
        report.print(&output)
    }

    async fn measure(
        &self,
        context: &Context,
        output: &Output,
        bus: &ScratchBus,
        durability: Durability,
        stop: &Stop,
    ) -> Result<Row, CliError> {
        let (publishing, consuming) = (context.connect().await?, context.connect().await?);
        let (namespace, name) = (bus.namespace.as_str(), bus.name.as_str());
        let start = ConsumerOptions {
            start: StartAt::Latest,
            ..ConsumerOptions::default()
        };
        let consumer = consuming.consumer(namespace, name, start).await?;
        let options = ProducerOptions {
            durability,
            linger: self.linger,
            ..ProducerOptions::default()
        };
        let producer = publishing.producer(namespace, name, options).await?;

        let warm_up = self.rate;
        let all = warm_up + self.rate * self.duration.as_secs().max(1);
        let count = Count::default();
        let progress = Progress::show(output, "measuring", &count, Some(all));
        let pace = Pace {
            producer,
            clock: context.clock(),
            interval_ns: 1_000_000_000 / self.rate,
            size: self.size as usize,
            all,
            stop: stop.clone(),
        };
        let clock = context.clock();
        let arriving = tokio::spawn(arrivals(consumer, Arc::clone(&clock), warm_up, all, count));
        let begin = clock.monotonic_ns();
        let sent = pace.keep().await?;
        let elapsed_ns = clock.monotonic_ns() - begin;
        let mut arriving = arriving;
        let latencies = if sent < all {
            arriving.abort();
            return Err(CliError::Interrupted);
        } else {
            tokio::time::timeout(LAST, &mut arriving).await
        };
        drop(progress);
        let Ok(joined) = latencies else {
            arriving.abort();
            return Err(CliError::Bench("the last events did not arrive".to_owned()));
        };
        let latencies = joined.map_err(|error| CliError::Bench(error.to_string()))??;
        publishing.close();
        consuming.close();
        let row = Row {
            durability: Some(durability),
            payload_bytes: Some(self.size as usize),
            linger_us: u64::try_from(self.linger.as_micros()).ok(),
            connections: Some(2),
            eventlogs: Some(1),
            rate_per_s: Some(self.rate),
            ..Row::named("QUIC, end to end")
        };
        Ok(row.rate(sent, elapsed_ns).latencies(&latencies))
    }
}

/// A publisher with a schedule.
#[derive(Debug)]
struct Pace {
    producer: Producer,
    clock: Arc<dyn Clock>,
    interval_ns: u64,
    size: usize,
    all: u64,
    stop: Stop,
}

impl Pace {
    /// Publishes event by event when each is due; answers how many.
    async fn keep(self) -> Result<u64, CliError> {
        let failed = |error: std::io::Error| CliError::Bench(format!("no timer: {error}"));
        let begin = self.clock.monotonic_ns();
        let mut ticker = Ticker::every(Duration::from_nanos(self.interval_ns)).map_err(failed)?;
        for number in 0..self.all {
            if self.stop.is_asked() {
                return Ok(number);
            }
            let due = begin + number * self.interval_ns;
            let mut now = self.clock.monotonic_ns();
            while now < due {
                ticker.tick().await.map_err(failed)?;
                now = self.clock.monotonic_ns();
            }
            let stamp = if now - due > HELD_UP_NS { due } else { now };
            let mut data = stamp.to_le_bytes().to_vec();
            data.resize(self.size, 0x5A);
            let event = payload::event(number, data)?;
            // What is not acknowledged does not arrive, which is noticed there.
            drop(self.producer.send(event).await?);
        }
        self.producer.flush().await;
        match self.producer.stats().failed {
            0 => Ok(self.all),
            failed => Err(CliError::Bench(format!("{failed} events were not stored"))),
        }
    }
}

/// How old events are when they arrive.
async fn arrivals(
    mut consumer: Consumer,
    clock: Arc<dyn Clock>,
    warm_up: u64,
    all: u64,
    count: Count,
) -> Result<Latencies, CliError> {
    let mut latencies = Latencies::new()?;
    for number in 0..all {
        let received = consumer.next().await?;
        let now = clock.monotonic_ns();
        let data = received.event.data();
        let stamp = data.bytes.first_chunk::<STAMP_LEN>();
        let stamp = stamp.ok_or_else(|| CliError::Bench("an event has no stamp".to_owned()))?;
        if number >= warm_up {
            latencies.record(now.saturating_sub(u64::from_le_bytes(*stamp)));
        }
        count.add(1);
    }
    Ok(latencies)
}
