//! Measures how long deliveries take, and that a thousand subscriptions are left in peace by three
//! whose sinks hang, fail and never come to an end.
//!
//! `latency`: events at a steady rate to one sink, from when they are handed to the publisher to when
//! the sink has them. `neighbours`: a thousand subscriptions with a filter each; the same load with
//! and without the three, in turns, so that drift of the machine falls on both.

#![allow(clippy::print_stdout, reason = "the figures are printed")]
#![allow(clippy::disallowed_methods, reason = "it tests real processes")]

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand};
use http::StatusCode;
use parking_lot::Mutex;
use serde_json::{Value, json};
use vanus_client::{Client, ClientConfig, Durability, Event, Producer, ProducerOptions};
use vanus_tests::harness::{Connection, Daemon, Reply, Result, Sink};

const EVENTBUS: &str = "deliveries";
const TICK: Duration = Duration::from_millis(1);
const WITHIN: Duration = Duration::from_secs(20);
const NEIGHBOURS: u64 = 1_000;
const TURNS: usize = 3;

/// Measures deliveries of a daemon.
#[derive(Debug, Parser)]
struct Options {
    /// The daemon.
    #[arg(long)]
    vanus: PathBuf,
    /// Where its data go; must be empty or absent.
    #[arg(long)]
    place: PathBuf,
    /// Events a second.
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// How long each is measured, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How long deliveries to one sink take.
    Latency,
    /// Whether many are left in peace by some.
    Neighbours {
        /// What the sinks of the some do.
        #[arg(long, value_delimiter = ',', default_value = "hang,fail,endless")]
        bad: Vec<Bad>,
    },
}

/// What a bad sink does.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Bad {
    /// It never answers.
    Hang,
    /// It answers 500.
    Fail,
    /// Its answers have no end.
    Endless,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    std::fs::create_dir_all(&options.place)?;
    let mut daemon = Daemon::new(&options.vanus, &options.place)?;
    daemon.start().await?;
    let mut connection = Connection::open(&daemon.http()).await?;
    let spec = json!({ "name": EVENTBUS, "eventlogs": 1 });
    let path = "/api/v1/namespaces/default/eventbuses";
    connection.json("POST", path, &spec).await?;
    let client = Client::connect(ClientConfig::new(daemon.quic().to_string().as_str())).await?;
    let producer = client
        .producer(
            "default",
            EVENTBUS,
            ProducerOptions {
                durability: Durability::PageCache,
                ..ProducerOptions::default()
            },
        )
        .await?;
    let scene = Scene::new(&options, producer).await?;
    match options.what {
        What::Latency => {
            scene
                .subscribe(&mut connection, &scene.good.url(), None)
                .await?;
            scene.run(1).await?;
            let measured = scene.run(1).await?;
            println!("deliveries: {measured}");
        }
        What::Neighbours { bad } => neighbours(&scene, &mut connection, &bad).await?,
    }
    client.close();
    Ok(())
}

/// One load, and where it is delivered to.
struct Scene {
    rate: u64,
    seconds: u64,
    producer: Producer,
    good: Sink,
    /// When, counted from `begun`, and how long each event took, in nanoseconds.
    seen: Arc<Mutex<Vec<u64>>>,
    begun: Instant,
}

/// What came of a load.
#[derive(Debug, Clone)]
struct Measured {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            per_second,
            p50_us,
            p99_us,
        } = self;
        write!(
            f,
            "per_second={per_second:.0} p50_us={p50_us:.0} p99_us={p99_us:.0}"
        )
    }
}

impl Scene {
    async fn new(options: &Options, producer: Producer) -> Result<Self> {
        let (seen, begun) = (Arc::<Mutex<Vec<u64>>>::default(), Instant::now());
        let noted = Arc::clone(&seen);
        let good = Sink::start(move |_, body| {
            let now = nanoseconds(begun);
            let sent = body.get(..8).and_then(|bytes| bytes.try_into().ok());
            let sent = sent.map_or(0, u64::from_be_bytes);
            noted.lock().push(now.saturating_sub(sent));
            Reply::Status(StatusCode::NO_CONTENT)
        })
        .await?;
        Ok(Self {
            rate: options.rate,
            seconds: options.seconds,
            producer,
            good,
            seen,
            begun,
        })
    }

    async fn subscribe(
        &self,
        connection: &mut Connection,
        sink: &str,
        ty: Option<u64>,
    ) -> Result<String> {
        let filters = match ty {
            Some(ty) => json!([{ "exact": { "type": format!("t{ty}") } }]),
            None => json!([]),
        };
        let spec = json!({
            "name": "s", "namespace": "default", "eventbus": EVENTBUS, "sink": sink,
            "filters": filters,
            "config": { "delivery_timeout_ms": 1_000 },
        });
        let made = connection
            .json("POST", "/api/v1/subscriptions", &spec)
            .await?;
        let id = made.get("id").and_then(Value::as_str);
        Ok(id.ok_or("a subscription without an id")?.to_owned())
    }

    /// Publishes at the rate, events of so many types in turn, and waits until all have come.
    async fn run(&self, types: u64) -> Result<Measured> {
        self.seen.lock().clear();
        let count = self.rate * self.seconds;
        let begin = Instant::now();
        let mut ticks = tokio::time::interval(TICK);
        let mut sent = 0;
        while sent < count {
            ticks.tick().await;
            // As many as are due, so that a late tick is made up for.
            let due = (begin.elapsed().as_micros() * u128::from(self.rate) / 1_000_000) as u64;
            while sent < due.min(count) {
                let now = nanoseconds(self.begun).to_be_bytes();
                let event = Event::builder()
                    .id(sent.to_string())
                    .source("/deliveries")
                    .ty(format!("t{}", sent % types))
                    .binary([&now[..], &[0; 248]].concat())
                    .build()?;
                drop(
                    self.producer
                        .send(event)
                        .await
                        .map_err(|error| error.reason)?,
                );
                sent += 1;
            }
        }
        let waiting = Instant::now();
        while (self.seen.lock().len() as u64) < count {
            if waiting.elapsed() > WITHIN {
                return Err(format!("{} of {count} events came", self.seen.lock().len()).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let elapsed = begin.elapsed().as_secs_f64();
        let mut latencies = std::mem::take(&mut *self.seen.lock());
        latencies.sort_unstable();
        let at = |quantile: f64| {
            let index = (latencies.len() as f64 * quantile) as usize;
            latencies.get(index).copied().unwrap_or(u64::MAX) as f64 / 1e3
        };
        Ok(Measured {
            per_second: count as f64 / elapsed,
            p50_us: at(0.5),
            p99_us: at(0.99),
        })
    }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

async fn neighbours(scene: &Scene, connection: &mut Connection, bad: &[Bad]) -> Result<()> {
    for ty in 0..NEIGHBOURS - 3 {
        scene
            .subscribe(connection, &scene.good.url(), Some(ty))
            .await?;
    }
    let replies = bad.iter().map(|bad| match bad {
        Bad::Hang => Reply::Never,
        Bad::Fail => Reply::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Bad::Endless => Reply::Endless,
    });
    let mut sinks = Vec::new();
    for reply in replies {
        sinks.push(Sink::start(move |_, _| reply).await?);
    }
    scene.run(NEIGHBOURS - 3).await?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        without.push(scene.run(NEIGHBOURS - 3).await?);
        let mut bad = Vec::new();
        for sink in &sinks {
            bad.push(scene.subscribe(connection, &sink.url(), None).await?);
        }
        with.push(scene.run(NEIGHBOURS - 3).await?);
        for id in bad {
            let path = format!("/api/v1/subscriptions/{id}");
            connection.json("DELETE", &path, &Value::Null).await?;
        }
        for (name, measured) in [("without", without.last()), ("with", with.last())] {
            if let Some(measured) = measured {
                println!("deliveries: {name} {measured}");
            }
        }
    }
    let median = |all: &[Measured], of: fn(&Measured) -> f64| {
        let mut figures: Vec<f64> = all.iter().map(of).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let rate = |all: &[Measured]| median(all, |measured| measured.per_second);
    let p99 = |all: &[Measured]| median(all, |measured| measured.p99_us);
    println!(
        "deliveries: rate_ratio={:.3} p99_ratio={:.3} p99_us={:.0}",
        rate(&with) / rate(&without),
        p99(&with) / p99(&without),
        p99(&with)
    );
    Ok(())
}
