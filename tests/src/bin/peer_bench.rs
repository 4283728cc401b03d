//! Measures a broker beside which Vanus is measured, and prints one line of JSON.

#![allow(clippy::print_stdout, reason = "figures are printed")]

use clap::{Parser, ValueEnum};
use vanus_tests::peer::{Load, Nats, Redis, Result, Row};

/// Measures a broker beside which Vanus is measured.
#[derive(Debug, Parser)]
struct Options {
    /// The broker.
    #[arg(long)]
    peer: Peer,
    /// Its address.
    #[arg(long)]
    address: String,
    /// What to measure.
    #[arg(long)]
    row: Row,
    /// How many messages.
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// Size of the payload, in bytes.
    #[arg(long, default_value_t = 1024)]
    payload: usize,
    /// Most messages on their way to be acknowledged.
    #[arg(long, default_value_t = 1024)]
    window: u64,
    /// Messages a second, for the latency.
    #[arg(long, default_value_t = 5_000)]
    rate: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Peer {
    Nats,
    Redis,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let load = Load {
        events: options.events,
        payload: options.payload,
        window: options.window,
        rate: options.rate,
    };
    let figures = match options.peer {
        Peer::Nats => Nats::new(options.address).run(options.row, load).await?,
        Peer::Redis => Redis::new(options.address).run(options.row, load).await?,
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}
