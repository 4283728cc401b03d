//! Publishing over QUIC as fast as it goes.

use std::sync::Arc;

use tokio::task::JoinSet;
use vanus_client::{Ack, Client, Producer, ProducerOptions};
use vanus_net::quic::MAX_STREAMS;
use vanus_types::{Clock, Event};

use super::{progress::Count, recorder::Latencies, scratch::ScratchBus, stop::Stop};
use crate::{context::Context, error::CliError};

/// One event in so many is timed from sending to its acknowledgement; so many are sent before the
/// clock is looked at.
const SAMPLED: u64 = 64;

/// Most eventlogs published to over one connection: each takes a stream, and a connection has so
/// many, less some to ask with.
const MOST_STREAMS: usize = MAX_STREAMS as usize - 16;

/// When to end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// After so many events, of all producers together.
    Events(u64),
    /// After so long, in nanoseconds.
    Elapsed(u64),
}

impl Until {
    /// When each of so many ends, so that all together end here.
    pub(super) fn shared_by(self, many: usize) -> Self {
        match self {
            Self::Events(all) => Self::Events(all.div_ceil(many.max(1) as u64)),
            elapsed @ Self::Elapsed(_) => elapsed,
        }
    }
}

/// What to publish, and how.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) producers: usize,
    pub(super) options: ProducerOptions,
    pub(super) until: Until,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) events: u64,
    pub(super) elapsed_ns: u64,
    pub(super) latencies: Latencies,
    pub(super) connections: usize,
}

/// What the producers of a load share.
#[derive(Debug, Clone)]
struct Shared {
    events: Arc<Vec<Event>>,
    clock: Arc<dyn Clock>,
    count: Count,
    stop: Stop,
    begin_ns: u64,
    until: Until,
}

impl Load {
    /// Publishes `events` over and over, each producer on connections of its own and to each of
    /// `buses` in turn, and waits for every acknowledgement. The eventbuses share the window of
    /// their producer.
    pub(super) async fn run(
        &self,
        context: &Context,
        buses: &[ScratchBus],
        events: Vec<Event>,
        count: &Count,
        stop: &Stop,
    ) -> Result<Loaded, CliError> {
        let mut producers = Vec::with_capacity(self.producers);
        let mut clients = Vec::with_capacity(self.producers);
        for _ in 0..self.producers {
            let (connections, own) = self.connect(context, buses).await?;
            producers.push(own);
            clients.extend(connections);
        }
        let clock = context.clock();
        let begin_ns = clock.monotonic_ns();
        let shared = Shared {
            events: Arc::new(events),
            clock: Arc::clone(&clock),
            count: count.clone(),
            stop: stop.clone(),
            begin_ns,
            until: self.until.shared_by(self.producers),
        };
        let mut running = JoinSet::new();
        for own in producers {
            running.spawn(publish(own, shared.clone()));
        }
        let (mut events, mut latencies) = (0, Latencies::new()?);
        while let Some(done) = running.join_next().await {
            let (sent, own) = done.map_err(|error| CliError::Bench(error.to_string()))??;
            events += sent;
            latencies.merge(&own)?;
        }
        let elapsed_ns = clock.monotonic_ns() - begin_ns;
        clients.iter().for_each(vanus_client::Client::close);
        Ok(Loaded {
            events,
            elapsed_ns,
            latencies,
            connections: clients.len(),
        })
    }

    /// A producer for each eventbus, on as few connections as have a stream for each eventlog.
    pub(super) async fn connect(
        &self,
        context: &Context,
        buses: &[ScratchBus],
    ) -> Result<(Vec<Client>, Vec<Producer>), CliError> {
        let options = ProducerOptions {
            window_bytes: (self.options.window_bytes / buses.len().max(1)).max(1),
            ..self.options.clone()
        };
        let (mut clients, mut producers, mut streams) = (Vec::new(), Vec::new(), 0);
        for bus in buses {
            if clients.is_empty() || streams + bus.eventlogs > MOST_STREAMS {
                clients.push(context.connect().await?);
                streams = 0;
            }
            streams += bus.eventlogs;
            let (namespace, name) = (bus.namespace.as_str(), bus.name.as_str());
            if let Some(client) = clients.last() {
                producers.push(client.producer(namespace, name, options.clone()).await?);
            }
        }
        Ok((clients, producers))
    }
}

impl Shared {
    /// Whether a producer that sent so many events is done.
    fn is_done(&self, sent: u64) -> bool {
        let done = match self.until {
            Until::Events(events) => sent >= events,
            Until::Elapsed(ns) => self.clock.monotonic_ns() - self.begin_ns >= ns,
        };
        done || self.stop.is_asked()
    }
}

/// Publishes to each eventbus in turn; answers how many events were acknowledged.
async fn publish(producers: Vec<Producer>, shared: Shared) -> Result<(u64, Latencies), CliError> {
    let (mut sampled, mut latencies) = (JoinSet::new(), Latencies::new()?);
    let (mut sent, mut last) = (0, None);
    let rounds = shared.events.chunks(SAMPLED as usize).cycle();
    for (round, producer) in rounds.zip(producers.iter().cycle()) {
        if shared.is_done(sent) {
            break;
        }
        let room = match shared.until {
            Until::Events(all) => usize::try_from(all - sent).unwrap_or(usize::MAX),
            Until::Elapsed(_) => usize::MAX,
        };
        let begin = shared.clock.monotonic_ns();
        for (index, event) in round.iter().take(room).enumerate() {
            let ack = producer.send(event.clone()).await?;
            if index == 0 {
                sampled.spawn(timed(ack, begin, Arc::clone(&shared.clock)));
            } else {
                last = Some(ack);
            }
            sent += 1;
        }
        shared.count.add(round.len().min(room) as u64);
        while let Some(Ok(ns)) = sampled.try_join_next() {
            latencies.record(ns);
        }
    }
    for producer in &producers {
        producer.flush().await;
    }
    while let Some(Ok(ns)) = sampled.join_next().await {
        latencies.record(ns);
    }
    let stats = producers.iter().map(Producer::stats);
    let (acknowledged, failed) = stats.fold((0, 0), |(good, bad), own| {
        (good + own.acknowledged, bad + own.failed)
    });
    if failed > 0 {
        let reason = last.and_then(|ack: Ack| ack.try_get()?.err());
        let reason = reason.map(|error| format!(": {error}")).unwrap_or_default();
        return Err(CliError::Bench(format!(
            "{failed} events were not stored{reason}"
        )));
    }
    Ok((acknowledged, latencies))
}

/// Nanoseconds from `begin` to the acknowledgement.
async fn timed(ack: Ack, begin: u64, clock: Arc<dyn Clock>) -> u64 {
    // That events failed is noticed by the statistics of the producer.
    let _ = ack.await;
    clock.monotonic_ns() - begin
}
