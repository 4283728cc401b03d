//! `vsctl bench publish`.

use std::time::Duration;

use clap::Args;
use vanus_client::{Producer, ProducerOptions};
use vanus_types::{Clock, Durability, Event, Name, limits::MAX_PRODUCER_IN_FLIGHT};

use super::{
    Common, embedded,
    load::{Load, Loaded, Until},
    loopback, payload,
    progress::{Count, Progress},
    raw,
    recorder::Latencies,
    report::{Report, Row},
    scratch::{self, ScratchBus},
    stop::Stop,
};
use crate::{
    context::Context,
    error::CliError,
    parse::{duration, duration_or_zero},
};

/// Bytes of a write where single events are compared with the disk.
const SMALL_WRITE: usize = 4 * 1024;

/// Writes measured for the comparison with the disk.
const SMALL_WRITES: raw::Most = raw::Most {
    times: 5_000,
    ns: 2_000_000_000,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl bench publish
  vsctl bench publish --durability page-cache --count 1000000 --json
  vsctl bench publish --one-at-a-time --limits /var/lib/vanus
  vsctl bench publish --producers 4 --eventlogs 4 --size 256
  vsctl bench publish --eventlogs 1000 --size 65536 --warm-up 2s
  vsctl bench publish --eventbus orders --count 10000000 --durability page-cache
  vsctl bench publish --embedded /var/lib/vanus-bench --batch 1024 --in-flight 4

An eventbus has 64 eventlogs at most; where more are asked for, they are spread over as many eventbuses
as it takes, and each gets events in turn; a producer then has a connection for every 240 eventlogs. With
--eventbus the events stay.
Pipelined: one event in 64 is timed from sending to its acknowledgement, time spent waiting for
room in the window included; the rate counts acknowledged events up to the last acknowledgement.
Embedded: batches are published by the engine in this process, without a server, into a folder
of its own under DIR; each batch is timed. It is compared with what the same disk does when 1 MiB
is appended and synced at a time.";

/// How to publish.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    common: Common,
    /// What an event must survive before it is acknowledged: fsync or page-cache
    #[arg(long, env = "VANUS_DURABILITY", default_value_t = Durability::Fsync)]
    pub(super) durability: Durability,
    /// Bytes of data of each event
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1_048_576))]
    size: u32,
    /// How long to publish
    #[arg(long, default_value = "10s", value_parser = duration, conflicts_with = "count")]
    duration: Duration,
    /// How many events to publish instead
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// How long to publish before that, unmeasured: eventlogs then have their files
    #[arg(long, default_value = "0s", value_parser = duration_or_zero, value_name = "DURATION")]
    #[arg(conflicts_with = "one_at_a_time")]
    warm_up: Duration,
    /// Producers at a time, each on connections of its own
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) producers: u16,
    /// Eventlogs, in as many eventbuses as they take
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(scratch::MOST_EVENTLOGS)))]
    pub(super) eventlogs: u32,
    /// Publish to this eventbus of namespace "default", which stays as its events do, instead of
    /// one that is made for the measurement
    #[arg(long, value_name = "NAME", conflicts_with_all = ["eventlogs", "embedded", "one_at_a_time"])]
    eventbus: Option<Name>,
    /// Wait for each acknowledgement before the next event is sent
    #[arg(long, conflicts_with = "embedded")]
    pub(super) one_at_a_time: bool,
    /// How long an event may wait for others while earlier ones are under way
    #[arg(long, default_value = "1ms", value_parser = duration_or_zero, value_name = "DURATION")]
    linger: Duration,
    /// Bytes after which a batch is sent
    #[arg(long, default_value_t = 262_144, value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=8_388_608))]
    batch_bytes: u32,
    /// Batches under way at a time, of each producer and eventlog
    #[arg(long, default_value_t = 8, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=MAX_PRODUCER_IN_FLIGHT as i64))]
    pub(super) in_flight: u16,
    /// Bytes that may be sent and not acknowledged yet, of each producer; a smaller window is
    /// quicker to answer, a larger one passes more
    #[arg(long, default_value_t = 33_554_432, value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_073_741_824))]
    window: u32,
    /// Measure the engine in this process, in a new folder under DIR, instead of a server
    #[arg(long, value_name = "DIR")]
    embedded: Option<String>,
    /// Events of each batch; with --embedded only
    #[arg(
        long,
        default_value_t = 1024,
        value_name = "EVENTS",
        requires = "embedded"
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(super) batch: u32,
    /// Measure this folder's disk and the network as well, and compare; with --one-at-a-time only
    #[arg(long, value_name = "DIR", requires = "one_at_a_time")]
    limits: Option<String>,
}

impl Publish {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output().or_json(self.common.json);
        let (mut report, stop) = (Report::new("publish", context), Stop::on_interrupt());
        if let Some(directory) = &self.embedded {
            let events = payload::events(self.size(), context.entropy())?;
            embedded::publish(&self, context, directory, &events, &mut report, &stop).await?;
        } else if self.one_at_a_time {
            self.one_by_one(context, &mut report, &stop).await?;
        } else {
            self.pipelined(context, &mut report, &stop).await?;
        }
        report.interrupted = stop.is_asked();
        report.print(&output)
    }

    pub(super) fn size(&self) -> usize {
        self.size as usize
    }

    /// When to end.
    pub(super) fn until(&self) -> Until {
        let elapsed = Until::Elapsed(nanoseconds(self.duration));
        self.count.map_or(elapsed, Until::Events)
    }

    /// When to end what comes before, if anything does.
    pub(super) fn warm_until(&self) -> Option<Until> {
        let ns = nanoseconds(self.warm_up);
        (ns > 0).then_some(Until::Elapsed(ns))
    }

    pub(super) fn warm_up_s(&self) -> Option<f64> {
        self.warm_until().map(|_| self.warm_up.as_secs_f64())
    }

    fn options(&self) -> ProducerOptions {
        ProducerOptions {
            durability: self.durability,
            linger: self.linger,
            max_batch_bytes: self.batch_bytes as usize,
            max_in_flight: self.in_flight.into(),
            window_bytes: self.window as usize,
            ..ProducerOptions::default()
        }
    }

    fn load(&self) -> Load {
        Load {
            producers: self.producers.into(),
            options: self.options(),
            until: self.until(),
        }
    }

    fn row(&self, name: &str) -> Row {
        Row {
            durability: Some(self.durability),
            payload_bytes: Some(self.size()),
            connections: Some(self.producers.into()),
            eventlogs: Some(self.eventlogs),
            ..Row::named(name)
        }
    }

    async fn pipelined(
        &self,
        context: &Context,
        report: &mut Report,
        stop: &Stop,
    ) -> Result<(), CliError> {
        let events = payload::events(self.size(), context.entropy())?;
        let load = self.load();
        let output = context.output().or_json(self.common.json);
        let measure = async |buses: &[ScratchBus]| {
            if let Some(until) = self.warm_until() {
                let (before, count) = (
                    Load {
                        until,
                        ..load.clone()
                    },
                    Count::default(),
                );
                let _progress = Progress::show(&output, "warming up", &count, None);
                before
                    .run(context, buses, events.clone(), &count, stop)
                    .await?;
            }
            let count = Count::default();
            let _progress = Progress::show(&output, "publishing", &count, self.count);
            let loaded = load.run(context, buses, events, &count, stop).await?;
            Ok((loaded, buses.iter().map(|bus| bus.eventlogs).sum::<usize>()))
        };
        let (loaded, eventlogs) = match &self.eventbus {
            Some(name) => scratch::with_bus_of_user(context, name, measure).await?,
            None => scratch::with_buses(context, self.eventlogs, measure).await?,
        };
        let Loaded {
            events,
            elapsed_ns,
            latencies,
            connections,
        } = loaded;
        let row = Row {
            batch_bytes: Some(self.batch_bytes as usize),
            window_bytes: Some(self.window as usize),
            linger_us: u64::try_from(self.linger.as_micros()).ok(),
            in_flight: Some(self.in_flight.into()),
            connections: Some(connections),
            eventlogs: u32::try_from(eventlogs).ok(),
            warm_up_s: self.warm_up_s(),
            ..self.row("QUIC, pipelined")
        };
        report.add(row.rate(events, elapsed_ns).latencies(&latencies));
        Ok(())
    }

    async fn one_by_one(
        &self,
        context: &Context,
        report: &mut Report,
        stop: &Stop,
    ) -> Result<(), CliError> {
        let floor = match &self.limits {
            None => None,
            Some(directory) => Some(self.floor(context, directory, report, stop).await?),
        };
        let events = payload::events(self.size(), context.entropy())?;
        let output = context.output().or_json(self.common.json);
        let measured = scratch::with_buses(context, self.eventlogs, async |buses| {
            let count = Count::default();
            let _progress = Progress::show(&output, "publishing", &count, self.count);
            self.take_turns(context, buses, &events, &count, stop).await
        });
        let (latencies, elapsed_ns) = measured.await?;
        let row = Row {
            batch_events: Some(1),
            in_flight: Some(1),
            ..self.row("QUIC, one at a time")
        };
        let row = row
            .rate(latencies.count(), elapsed_ns)
            .latencies(&latencies);
        if let Some(floor) = floor {
            report.ratio("p50 / (fdatasync p50 + ping-pong p50)", row.median(), floor);
        }
        report.add(row);
        Ok(())
    }

    /// What one event costs at best, in microseconds: a write that is synced and a round trip.
    async fn floor(
        &self,
        context: &Context,
        directory: &str,
        report: &mut Report,
        stop: &Stop,
    ) -> Result<f64, CliError> {
        let (clock, stop_disk) = (context.clock(), stop.clone());
        let (directory, name) = (directory.to_owned(), scratch::unique(context.entropy()));
        let disk = tokio::task::spawn_blocking(move || {
            let scratch =
                raw::ScratchFile::make(&directory, &name).map_err(|source| CliError::Disk {
                    path: directory.clone(),
                    source,
                })?;
            let (file, clock) = (scratch.file.as_ref(), clock.as_ref());
            raw::overwrite_and_sync(file, clock, SMALL_WRITE, SMALL_WRITES, &stop_disk)
        });
        let disk = disk
            .await
            .map_err(|error| CliError::Bench(error.to_string()))??;
        let network = loopback::quic_ping_pong(context.clock().as_ref(), stop).await?;
        let floor = disk.median() + network.median();
        report.add(disk);
        report.add(network);
        Ok(floor)
    }

    /// Each producer sends one event, waits for it, and sends the next.
    async fn take_turns(
        &self,
        context: &Context,
        buses: &[ScratchBus],
        events: &[Event],
        count: &Count,
        stop: &Stop,
    ) -> Result<(Latencies, u64), CliError> {
        let (mut clients, mut producers) = (Vec::new(), Vec::new());
        for _ in 0..self.producers {
            let (connections, own) = self.load().connect(context, buses).await?;
            producers.push(own);
            clients.extend(connections);
        }
        let clock = context.clock();
        let begin = clock.monotonic_ns();
        let done = |sent: u64| {
            stop.is_asked()
                || match self.until() {
                    Until::Events(all) => sent >= all.div_ceil(self.producers.into()),
                    Until::Elapsed(ns) => clock.monotonic_ns() - begin >= ns,
                }
        };
        let turns = producers
            .iter()
            .map(|one| one_by_one(one, events, &*clock, count, &done));
        let mut latencies = Latencies::new()?;
        for own in futures_util::future::join_all(turns).await {
            latencies.merge(&own?)?;
        }
        let elapsed_ns = clock.monotonic_ns() - begin;
        clients.iter().for_each(vanus_client::Client::close);
        Ok((latencies, elapsed_ns))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

async fn one_by_one(
    producers: &[Producer],
    events: &[Event],
    clock: &dyn Clock,
    count: &Count,
    done: &(dyn Fn(u64) -> bool + Sync),
) -> Result<Latencies, CliError> {
    let mut latencies = Latencies::new()?;
    for (event, producer) in events.iter().cycle().zip(producers.iter().cycle()) {
        if done(latencies.count()) {
            break;
        }
        let before = clock.monotonic_ns();
        let sent = producer.send_and_wait(event.clone()).await;
        sent.map_err(|error| CliError::Bench(format!("an event was not stored: {error}")))?;
        latencies.record(clock.monotonic_ns() - before);
        count.add(1);
    }
    Ok(latencies)
}
