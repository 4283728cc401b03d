//! The engine in this process, without a server: publishing and reading back.

use std::{future::Future, sync::Arc};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::task::JoinSet;
use vanus_core::{
    Error, Eventbus, EventbusSpec, EventlogId, PublishOptions, ReadOptions, StartFrom, Vanus,
};
use vanus_storage::fs::{DiskFs, Fs as _};
use vanus_types::{Clock, Durability, Event, Name, control::DEFAULT_NAMESPACE, limits};

use super::{
    load::Until,
    progress::{Count, Progress},
    publish::Publish,
    raw,
    recorder::Latencies,
    report::{Report, Row},
    scratch,
    stop::Stop,
};
use crate::{context::Context, error::CliError};

/// Bytes of an append that the engine is compared with.
const APPENDED: usize = 1024 * 1024;

/// How many such appends are measured, before and after the engine.
const APPENDS: raw::Most = raw::Most {
    times: 1_024,
    ns: 1_000_000_000,
};

/// An engine in a folder of its own, with eventbuses.
#[derive(Debug)]
pub(super) struct Scene {
    vanus: Vanus,
    pub(super) buses: Vec<Eventbus>,
    directory: String,
    folder: String,
}

impl Scene {
    /// Opens an engine in a new folder under `directory`, with as many eventbuses as so many
    /// eventlogs take.
    pub(super) async fn open(
        context: &Context,
        directory: &str,
        eventlogs: u32,
    ) -> Result<Self, CliError> {
        let folder = scratch::unique(context.entropy());
        let path = std::path::Path::new(directory).join(&folder);
        let opened = Vanus::builder()
            .data_dir(path)
            .clock(context.clock())
            .open()
            .await;
        let vanus = opened.map_err(|error| CliError::engine(&error))?;
        let mut buses = Vec::new();
        for (number, eventlogs) in scratch::spread(eventlogs).into_iter().enumerate() {
            let name = Name::new(&format!("{folder}-{number}"));
            let name = name.map_err(|error| CliError::invalid(&error))?;
            let spec = EventbusSpec {
                eventlogs,
                ..EventbusSpec::new(name)
            };
            let bus = vanus.create_eventbus(DEFAULT_NAMESPACE, spec).await;
            buses.push(bus.map_err(|error| CliError::engine(&error))?);
        }
        Ok(Self {
            vanus,
            buses,
            directory: directory.to_owned(),
            folder,
        })
    }

    /// Closes the engine and opens it again.
    pub(super) async fn reopen(&mut self, context: &Context) -> Result<(), CliError> {
        let names: Vec<_> = self.buses.iter().map(|bus| bus.id()).collect();
        self.buses.clear();
        let closed = self.vanus.close().await;
        closed.map_err(|error| CliError::engine(&error))?;
        let path = std::path::Path::new(&self.directory).join(&self.folder);
        // What is opened in its place for a moment frees the folder.
        let nothing = Vanus::builder().in_memory().open().await;
        self.vanus = nothing.map_err(|error| CliError::engine(&error))?;
        let opened = Vanus::builder()
            .data_dir(path)
            .clock(context.clock())
            .open()
            .await;
        self.vanus = opened.map_err(|error| CliError::engine(&error))?;
        for id in names {
            let bus = self.vanus.eventbus_by_id(id);
            self.buses
                .push(bus.map_err(|error| CliError::engine(&error))?);
        }
        Ok(())
    }

    /// One more eventbus.
    pub(super) async fn other_bus(&self, context: &Context) -> Result<Eventbus, CliError> {
        let name = Name::new(&scratch::unique(context.entropy()));
        let spec = EventbusSpec::new(name.map_err(|error| CliError::invalid(&error))?);
        let bus = self.vanus.create_eventbus(DEFAULT_NAMESPACE, spec).await;
        bus.map_err(|error| CliError::engine(&error))
    }

    /// The eventbus, where there is one.
    pub(super) fn bus(&self) -> Result<&Eventbus, CliError> {
        let first = self.buses.first();
        first.ok_or_else(|| CliError::Bench("there is no eventbus".to_owned()))
    }

    /// The eventlogs of the eventbus.
    pub(super) fn eventlogs(&self) -> Result<Vec<EventlogId>, CliError> {
        Ok(self
            .bus()?
            .record()
            .map_err(|error| CliError::engine(&error))?
            .eventlogs)
    }

    /// Closes the engine and removes its folder.
    pub(super) async fn close(self) -> Result<(), CliError> {
        let closed = self
            .vanus
            .close()
            .await
            .map_err(|error| CliError::engine(&error));
        drop((self.buses, self.vanus));
        let removed = DiskFs::open(&self.directory)
            .and_then(|fs| scratch::remove_tree(&fs, &self.folder).and_then(|()| fs.sync_dir("")));
        closed?;
        removed.map_err(|source| CliError::Disk {
            path: self.directory,
            source,
        })
    }
}

/// Measures with an engine that is opened before, and closed and removed after, whatever happens
/// in between.
pub(super) async fn with_engine<T>(
    context: &Context,
    directory: &str,
    eventlogs: u32,
    measure: impl AsyncFnOnce(&Scene) -> Result<T, CliError>,
) -> Result<T, CliError> {
    with_engine_again(context, directory, eventlogs, async |scene| {
        measure(scene).await
    })
    .await
}

/// As [`with_engine`], for measurements that open the engine again.
pub(super) async fn with_engine_again<T>(
    context: &Context,
    directory: &str,
    eventlogs: u32,
    measure: impl AsyncFnOnce(&mut Scene) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let mut scene = Scene::open(context, directory, eventlogs).await?;
    let measured = measure(&mut scene).await;
    let closed = scene.close().await;
    let measured = measured?;
    closed.map(|()| measured)
}

/// Publishes with the engine, and compares with the bare disk before and after.
pub(super) async fn publish(
    bench: &Publish,
    context: &Context,
    directory: &str,
    events: &[Event],
    report: &mut Report,
    stop: &Stop,
) -> Result<(), CliError> {
    let before = bare_appends(context, directory, stop).await?;
    let (batches, until) = (batches(events, bench.batch as usize), bench.until());
    let measured = with_engine(context, directory, bench.eventlogs, async |scene| {
        let count = Count::default();
        let _progress = Progress::show(context.output(), "publishing", &count, None);
        let work = Work {
            buses: scene.buses.clone(),
            batches: Arc::clone(&batches),
            durability: bench.durability,
            in_flight: bench.in_flight.into(),
            clock: context.clock(),
            until: until.shared_by(bench.producers.into()),
            count,
            stop: stop.clone(),
        };
        if let Some(until) = bench.warm_until() {
            let before = Work {
                until,
                ..work.clone()
            };
            before.run(bench.producers.into()).await?;
        }
        work.run(bench.producers.into()).await
    });
    let (published, elapsed_ns, latencies) = measured.await?;
    let after = bare_appends(context, directory, stop).await?;
    let row = Row {
        durability: Some(bench.durability),
        payload_bytes: Some(bench.size()),
        batch_events: Some(bench.batch as usize),
        in_flight: Some(bench.in_flight.into()),
        connections: Some(bench.producers.into()),
        eventlogs: Some(bench.eventlogs),
        warm_up_s: bench.warm_up_s(),
        ..Row::named("embedded")
    };
    let row = row.rate(published, elapsed_ns).latencies(&latencies);
    let bare = f64::midpoint(before.megabytes(), after.megabytes());
    report.ratio(
        "embedded / bare durable appends of 1 MiB",
        row.megabytes(),
        bare,
    );
    report.add(before);
    report.add(row);
    report.add(after);
    Ok(())
}

async fn bare_appends(context: &Context, directory: &str, stop: &Stop) -> Result<Row, CliError> {
    let (clock, stop) = (context.clock(), stop.clone());
    let (directory, name) = (directory.to_owned(), scratch::unique(context.entropy()));
    let measuring = tokio::task::spawn_blocking(move || {
        let scratch =
            raw::ScratchFile::make(&directory, &name).map_err(|source| CliError::Disk {
                path: directory.clone(),
                source,
            })?;
        raw::append_and_sync(
            scratch.file.as_ref(),
            clock.as_ref(),
            APPENDED,
            APPENDS,
            &stop,
        )
    });
    measuring
        .await
        .map_err(|error| CliError::Bench(error.to_string()))?
}

/// The events in batches of `size`, in turn.
fn batches(events: &[Event], size: usize) -> Arc<Vec<Vec<Event>>> {
    let rounds = events.len().div_ceil(size.max(1)).max(4);
    let mut turn = events.iter().cycle();
    Arc::new(
        (0..rounds)
            .map(|_| turn.by_ref().take(size).cloned().collect())
            .collect(),
    )
}

/// What publishers of an engine do.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// Each gets batches in turn.
    pub(super) buses: Vec<Eventbus>,
    pub(super) batches: Arc<Vec<Vec<Event>>>,
    pub(super) durability: Durability,
    pub(super) in_flight: usize,
    pub(super) clock: Arc<dyn Clock>,
    /// When each publisher ends.
    pub(super) until: Until,
    pub(super) count: Count,
    pub(super) stop: Stop,
}

impl Work {
    /// Publishes with so many publishers; answers events, nanoseconds and the latencies of
    /// batches.
    pub(super) async fn run(self, publishers: usize) -> Result<(u64, u64, Latencies), CliError> {
        let (clock, begin) = (Arc::clone(&self.clock), self.clock.monotonic_ns());
        let mut running = JoinSet::new();
        for _ in 0..publishers {
            running.spawn(self.clone().publish(begin));
        }
        let (mut events, mut latencies) = (0, Latencies::new()?);
        while let Some(done) = running.join_next().await {
            let (sent, own) = done.map_err(|error| CliError::Bench(error.to_string()))??;
            events += sent;
            latencies.merge(&own)?;
        }
        Ok((events, clock.monotonic_ns() - begin, latencies))
    }

    async fn publish(self, begin: u64) -> Result<(u64, Latencies), CliError> {
        let (mut under_way, mut latencies) = (FuturesUnordered::new(), Latencies::new()?);
        let (mut begun, mut stored) = (0_u64, 0_u64);
        let mut batches = self.batches.iter().cycle().zip(self.buses.iter().cycle());
        loop {
            let ended = match self.until {
                Until::Events(all) => begun >= all,
                Until::Elapsed(ns) => self.clock.monotonic_ns() - begin >= ns,
            };
            let ended = ended || self.stop.is_asked();
            while !ended
                && under_way.len() < self.in_flight
                && let Some((batch, bus)) = batches.next()
            {
                begun += batch.len() as u64;
                under_way.push(self.one(bus, batch));
            }
            let Some(done) = under_way.next().await else {
                break;
            };
            let (events, ns) = done.map_err(|error| CliError::engine(&error))?;
            stored += events;
            self.count.add(events);
            latencies.record(ns);
        }
        Ok((stored, latencies))
    }

    /// Publishes one batch; answers how many events and how long it took.
    fn one<'a>(
        &'a self,
        bus: &'a Eventbus,
        batch: &'a [Event],
    ) -> impl Future<Output = Result<(u64, u64), Error>> + use<'a> {
        let options = PublishOptions {
            durability: self.durability,
            ..PublishOptions::default()
        };
        async move {
            let before = self.clock.monotonic_ns();
            let published = bus.publish_with(batch, options).await?;
            Ok((published.len() as u64, self.clock.monotonic_ns() - before))
        }
    }
}

/// Publishes `count` events to be read back.
pub(super) async fn fill(
    scene: &Scene,
    context: &Context,
    events: &[Event],
    count: u64,
    shown: &Count,
    stop: &Stop,
) -> Result<u64, CliError> {
    let work = Work {
        buses: scene.buses.clone(),
        batches: batches(events, events.len()),
        durability: Durability::PageCache,
        in_flight: 4,
        clock: context.clock(),
        until: Until::Events(count),
        count: shown.clone(),
        stop: stop.clone(),
    };
    Ok(work.run(1).await?.0)
}

/// Reads all events page by page; answers how many, and how long it took.
pub(super) async fn read_pages(
    scene: &Scene,
    clock: &dyn Clock,
    shown: &Count,
    stop: &Stop,
) -> Result<(u64, u64), CliError> {
    let options = ReadOptions {
        max_events: limits::MAX_READ_EVENTS,
        max_bytes: limits::MAX_READ_LEN,
        ..ReadOptions::default()
    };
    let begin = clock.monotonic_ns();
    let (mut events, mut bytes) = (0_u64, 0_usize);
    for (eventlog, mut next) in offsets(scene).await? {
        while !stop.is_asked() {
            let page = scene.bus()?.read(eventlog, next, options).await;
            let page = page.map_err(|error| CliError::engine(&error))?;
            events += page.events.len() as u64;
            bytes += page
                .events
                .iter()
                .map(|one| one.event.data().bytes.len())
                .sum::<usize>();
            shown.add(page.events.len() as u64);
            next = page.next_offset;
            if page.events.is_empty() || next >= page.end_offset {
                break;
            }
        }
    }
    std::hint::black_box(bytes);
    Ok((events, clock.monotonic_ns() - begin))
}

/// Follows the first eventlog event by event up to `end`; answers how many, and how long it took.
pub(super) async fn read_tail(
    scene: &Scene,
    clock: &dyn Clock,
    shown: &Count,
    stop: &Stop,
    most: u64,
) -> Result<(u64, u64), CliError> {
    let first = offsets(scene).await?.into_iter().next();
    let (eventlog, offset) =
        first.ok_or_else(|| CliError::Bench("the eventbus has no eventlog".to_owned()))?;
    let tail = scene.bus()?.tail(eventlog, offset);
    let mut tail = tail.map_err(|error| CliError::engine(&error))?;
    let begin = clock.monotonic_ns();
    let (mut events, mut bytes) = (0, 0);
    while events < most {
        if events % 1_024 == 0 {
            shown.add(1_024);
            if stop.is_asked() {
                break;
            }
        }
        let stored = tail
            .next()
            .await
            .map_err(|error| CliError::engine(&error))?;
        bytes += stored.event.data().bytes.len();
        events += 1;
    }
    std::hint::black_box(bytes);
    Ok((events, clock.monotonic_ns() - begin))
}

async fn offsets(scene: &Scene) -> Result<Vec<(EventlogId, u64)>, CliError> {
    scene
        .bus()?
        .offsets(StartFrom::Earliest)
        .await
        .map_err(|error| CliError::engine(&error))
}
