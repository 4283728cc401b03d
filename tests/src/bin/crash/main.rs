//! Kills the real daemon again and again under load, and judges what everybody saw.
//!
//! Two publishers over QUIC, two over HTTP, one reader of every eventlog that follows its tail, and
//! two subscriptions: `all`, whose sink takes everything, and `some`, which filters and whose sink
//! fails at random. With `--flows` there are more: in strict order, ordered by key, without dead
//! letters, and with routes whose weights change between the kills. All of them go on through every crash, on one data directory. At the end
//! everything is read, and the oracles judge the history.

#![allow(clippy::print_stdout, reason = "progress and the figure are printed")]
#![allow(clippy::disallowed_methods, reason = "it tests real processes")]

mod drain;
mod publish_http;
mod publish_quic;
mod read;
mod sample;
mod sinks;
mod world;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use clap::Parser;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use vanus_tests::{
    harness::{Connection, Daemon, Random, Result},
    history::History,
    oracle::{Orders, Passes, judge, key_order},
};

use crate::world::World;

const MOST_SHOWN: usize = 30;
const SETUP_TIME: Duration = Duration::from_secs(10);

/// Kills the real daemon again and again under load, and judges what everybody saw.
#[derive(Debug, Parser)]
struct Options {
    /// The daemon.
    #[arg(long)]
    vanus: PathBuf,
    /// Where the data, the log and the history go; must be empty or absent.
    #[arg(long)]
    place: PathBuf,
    /// How often it is killed.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// Events a second of each of the four publishers.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Plants a loss that must be found: after one of the kills the data directory is set back to
    /// what it was at the kill before. At least two rounds.
    #[arg(long)]
    plant_loss: bool,
    /// Makes subscriptions of every kind of flow, too.
    #[arg(long)]
    flows: bool,
    /// Minutes after which it gives up.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// From what moments and contents follow; random if it is not given.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(seed_of_now);
    println!("crash: seed={seed} place={}", options.place.display());
    fs::create_dir_all(&options.place)?;
    let raw = options.place.join("raw.jsonl");
    // Whatever ends the run, the daemon is ended too: it is dropped with it.
    let mut asked = signal(SignalKind::terminate())?;
    let restarts = tokio::select! {
        done = timeout(Duration::from_secs(60 * options.minutes), run(&options, seed, &raw)) => done??,
        _ = asked.recv() => return Err("asked to end".into()),
    };
    let history = read_back(&raw, &options.place.join("history.jsonl"))?;
    let passes = Passes::default()
        .subscription("all", |_| true)
        .subscription("some", sample::is_kept);
    let passes = match options.flows {
        true => passes
            .subscription("strict", |_| true)
            .subscription("keyed", |_| true)
            .subscription("dropping", |_| true)
            .subscription("routed", |_| true)
            .dropping("dropping"),
        false => passes,
    };
    let mut verdict = judge(&history, &passes);
    let orders = Orders::default()
        .subscription("strict", |_| String::new())
        .subscription("keyed", |id| sample::publisher(id).to_owned());
    verdict.violations.extend(key_order(&history, &orders));
    for violation in verdict.violations.iter().take(MOST_SHOWN) {
        println!("{violation}");
    }
    let hidden = verdict.violations.len().saturating_sub(MOST_SHOWN);
    if hidden > 0 {
        println!("… and {hidden} more");
    }
    let slowest = restarts.iter().max().map_or(0, Duration::as_millis);
    println!(
        "crash: rounds={} {verdict} disordered={} slowest_restart_ms={slowest}",
        options.rounds,
        verdict.found_by("key-order")
    );
    let lively = verdict.acked > 0 && verdict.delivered > 0 && verdict.declined > 0;
    let healthy = verdict.violations.is_empty() && lively;
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Kills and restarts, and drains at the end; says how long restarts took.
async fn run(options: &Options, seed: u64, raw: &Path) -> Result<Vec<Duration>> {
    let mut random = Random::named(seed, "moments");
    let mut daemon = Daemon::new(&options.vanus, &options.place)?;
    daemon.start().await?;
    let mut connection = connect(&daemon).await?;
    let world = World::new(raw, seed, options.rate, &daemon)?;
    let sinks = sinks::start(&world, options.flows).await?;
    let scene = world::set_up(&mut connection, &sinks).await?;
    let publishers = world.start_publishers();
    let readers = world.start_readers(&scene);
    let mut restarts = Vec::new();
    for round in 1..=options.rounds {
        tokio::time::sleep(Duration::from_millis(random.between(100, 1_500))).await;
        daemon.kill()?;
        if options.plant_loss {
            set_back(&options.place, round)?;
        }
        if random.below(4) == 0 {
            // Sometimes it is killed again while it recovers.
            daemon.spawn()?;
            tokio::time::sleep(Duration::from_millis(random.below(60))).await;
            daemon.kill()?;
        }
        restarts.push(daemon.start().await?);
        world::reweigh(&world, &scene, &sinks, random.below(101)).await?;
        if round % 10 == 0 || round == options.rounds {
            println!("crash: round {round} of {}", options.rounds);
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.stop();
    for publisher in publishers {
        publisher.await??;
    }
    for reader in readers {
        reader.await??;
    }
    drain::drain(&world, &scene, &sinks).await?;
    world.recorder.flush()?;
    drop(sinks);
    Ok(restarts)
}

/// Keeps a copy of the data directory at the first kill, and puts it back at the second.
fn set_back(place: &Path, round: u32) -> Result<()> {
    let (data, copy) = (place.join("data"), place.join("copy"));
    let (from, to) = match round {
        1 => (&data, &copy),
        2 => {
            fs::remove_dir_all(&data)?;
            (&copy, &data)
        }
        _ => return Ok(()),
    };
    let done = Command::new("cp").arg("-r").arg(from).arg(to).status()?;
    if done.success() {
        Ok(())
    } else {
        Err(format!("cp: {done}").into())
    }
}

async fn connect(daemon: &Daemon) -> Result<Connection> {
    let begun = Instant::now();
    loop {
        match Connection::open(&daemon.http()).await {
            Err(error) if begun.elapsed() > SETUP_TIME => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            Ok(connection) => return Ok(connection),
        }
    }
}

/// Puts the history into the order in which operations were over.
fn read_back(raw: &Path, sorted: &Path) -> Result<History> {
    let file = std::io::BufReader::new(fs::File::open(raw)?);
    let history = History::read(file)?;
    let mut out = std::io::BufWriter::new(fs::File::create(sorted)?);
    history.write(&mut out)?;
    drop(out);
    fs::remove_file(raw)?;
    Ok(history)
}

fn seed_of_now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| u64::from(now.subsec_nanos()) ^ now.as_secs())
}
