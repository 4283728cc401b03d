//! `vsctl bench consume`.

use clap::Args;
use vanus_client::{Consumer, ConsumerOptions, ProducerOptions};
use vanus_types::{Durability, limits::MAX_EVENTLOGS};

use super::{
    Common, embedded,
    load::{Load, Until},
    payload,
    progress::{Count, Progress},
    report::{Report, Row},
    scratch::{self, ScratchBus},
    stop::Stop,
};
use crate::{context::Context, error::CliError, output::Output};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl bench consume
  vsctl bench consume --count 5000000 --eventlogs 4 --json
  vsctl bench consume --embedded /var/lib/vanus-bench

The events are published first, which is not measured; the page cache holds them. They are read
twice: in whole batches, then one by one. Each event is looked at.";

/// What to consume, and how.
#[derive(Debug, Args)]
pub(crate) struct Consume {
    #[command(flatten)]
    common: Common,
    /// How many events
    #[arg(long, default_value_t = 1_000_000, value_name = "EVENTS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Bytes of data of each event
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1_048_576))]
    size: u32,
    /// Eventlogs of the eventbus
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_EVENTLOGS)))]
    eventlogs: u16,
    /// Bytes asked for at a time
    #[arg(long, default_value_t = 1_048_576, value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=8_388_608))]
    batch_bytes: u32,
    /// Measure the engine in this process, in a new folder under DIR, instead of a server
    #[arg(long, value_name = "DIR")]
    embedded: Option<String>,
}

impl Consume {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output().or_json(self.common.json);
        let (mut report, stop) = (Report::new("consume", context), Stop::on_interrupt());
        match &self.embedded {
            Some(directory) => {
                self.embedded(context, &output, directory, &mut report, &stop)
                    .await?;
            }
            None => {
                scratch::with_bus(context, self.eventlogs, async |bus| {
                    self.over_quic(context, &output, bus, &mut report, &stop)
                        .await
                })
                .await?;
            }
        }
        report.interrupted = stop.is_asked();
        report.print(&output)
    }

    async fn over_quic(
        &self,
        context: &Context,
        output: &Output,
        bus: &ScratchBus,
        report: &mut Report,
        stop: &Stop,
    ) -> Result<(), CliError> {
        let stored = self.fill(context, output, bus, stop).await?;
        if stop.is_asked() {
            return Err(CliError::Interrupted);
        }
        let (client, clock) = (context.client().await?, context.clock());
        let options = || ConsumerOptions {
            max_bytes: self.batch_bytes,
            ..ConsumerOptions::default()
        };
        let (namespace, name) = (bus.namespace.as_str(), bus.name.as_str());

        let count = Count::default();
        let progress = Progress::show(output, "consuming batches", &count, Some(stored));
        let begin = clock.monotonic_ns();
        let mut consumer = client.consumer(namespace, name, options()).await?;
        let consumed = tokio::select! {
            consumed = batches(&mut consumer, stored, &count) => consumed?,
            () = stop.asked() => count.get(),
        };
        report.add(
            self.row("QUIC tail, whole batches")
                .rate(consumed, clock.monotonic_ns() - begin),
        );
        drop((progress, consumer));
        if stop.is_asked() {
            return Ok(());
        }

        let count = Count::default();
        let _progress = Progress::show(output, "consuming events", &count, Some(stored));
        let begin = clock.monotonic_ns();
        let mut consumer = client.consumer(namespace, name, options()).await?;
        let consumed = tokio::select! {
            consumed = one_by_one(&mut consumer, stored, &count) => consumed?,
            () = stop.asked() => count.get(),
        };
        report.add(
            self.row("QUIC tail, one by one")
                .rate(consumed, clock.monotonic_ns() - begin),
        );
        Ok(())
    }

    async fn fill(
        &self,
        context: &Context,
        output: &Output,
        bus: &ScratchBus,
        stop: &Stop,
    ) -> Result<u64, CliError> {
        let events = payload::events(self.size as usize, context.entropy())?;
        let options = ProducerOptions {
            durability: Durability::PageCache,
            ..ProducerOptions::default()
        };
        let load = Load {
            producers: 1,
            options,
            until: Until::Events(self.count),
        };
        let count = Count::default();
        let _progress = Progress::show(output, "publishing", &count, Some(self.count));
        Ok(load
            .run(context, std::slice::from_ref(bus), events, &count, stop)
            .await?
            .events)
    }

    fn row(&self, name: &str) -> Row {
        Row {
            payload_bytes: Some(self.size as usize),
            batch_bytes: Some(self.batch_bytes as usize),
            connections: Some(1),
            eventlogs: Some(self.eventlogs.into()),
            ..Row::named(name)
        }
    }

    async fn embedded(
        &self,
        context: &Context,
        output: &Output,
        directory: &str,
        report: &mut Report,
        stop: &Stop,
    ) -> Result<(), CliError> {
        let events = payload::events(self.size as usize, context.entropy())?;
        embedded::with_engine(context, directory, self.eventlogs.into(), async |scene| {
            let count = Count::default();
            let progress = Progress::show(output, "publishing", &count, Some(self.count));
            let stored = embedded::fill(scene, context, &events, self.count, &count, stop).await?;
            drop(progress);
            if stop.is_asked() {
                return Err(CliError::Interrupted);
            }
            let (clock, count) = (context.clock(), Count::default());
            let progress = Progress::show(output, "reading pages", &count, Some(stored));
            let (read, ns) = embedded::read_pages(scene, clock.as_ref(), &count, stop).await?;
            drop(progress);
            let row = Row {
                batch_bytes: None,
                connections: None,
                ..self.row("embedded, pages")
            };
            report.add(row.rate(read, ns));
            if stop.is_asked() || scene.eventlogs()?.len() > 1 {
                return Ok(());
            }
            let count = Count::default();
            let _progress = Progress::show(output, "following", &count, Some(stored));
            let clock = clock.as_ref();
            let (read, ns) = embedded::read_tail(scene, clock, &count, stop, stored).await?;
            let row = Row {
                batch_bytes: None,
                connections: None,
                ..self.row("embedded, tail")
            };
            report.add(row.rate(read, ns));
            Ok(())
        })
        .await
    }
}

/// Consumes whole batches, looking at each event.
async fn batches(consumer: &mut Consumer, all: u64, count: &Count) -> Result<u64, CliError> {
    let (mut consumed, mut bytes) = (0, 0);
    while consumed < all {
        let batch = consumer.next_batch().await?;
        bytes += batch
            .events()
            .map(|(_, event)| event.data().bytes.len())
            .sum::<usize>();
        consumed += batch.len();
        count.add(batch.len());
    }
    std::hint::black_box(bytes);
    Ok(consumed)
}

/// Consumes events one by one.
async fn one_by_one(consumer: &mut Consumer, all: u64, count: &Count) -> Result<u64, CliError> {
    /// Events between two signs of progress.
    const ROUND: u64 = 1_024;
    let (mut consumed, mut bytes) = (0, 0);
    while consumed < all {
        bytes += consumer.next().await?.event.data().bytes.len();
        consumed += 1;
        if consumed % ROUND == 0 {
            count.add(ROUND);
        }
    }
    std::hint::black_box(bytes);
    Ok(consumed)
}
