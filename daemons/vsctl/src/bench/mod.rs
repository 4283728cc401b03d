//! `vsctl bench`: measures a server, a disk, loopback or the embedded engine.
//!
//! Every measurement prints one row per thing measured; a row names durability, payload and how
//! events were batched, so that no figure is read without them. What is compared is measured in
//! the same run.

mod consume;
mod disk;
mod embedded;
mod helper;
mod http;
mod latency;
mod load;
mod loopback;
mod matching;
mod payload;
pub(crate) mod progress;
mod publish;
mod raw;
mod recorder;
mod report;
mod scratch;
mod stop;
mod timers;
mod wheel;

use clap::{Args, Subcommand};

use self::{
    consume::Consume, disk::Disk, http::Http, latency::Latency, loopback::Loopback,
    matching::Matching, publish::Publish, timers::Timing, wheel::Wheeling,
};
use crate::{context::Context, error::CliError};

/// What can be measured.
#[derive(Debug, Subcommand)]
#[command(after_help = REPORT)]
pub(crate) enum BenchCommand {
    /// Publish as fast as it goes, or one event at a time
    #[command(after_help = publish::EXAMPLES)]
    Publish(Publish),
    /// Read back what was published before, as fast as it goes
    #[command(after_help = consume::EXAMPLES)]
    Consume(Consume),
    /// Measure how long an event takes from its publisher to a consumer, at a steady rate
    #[command(after_help = latency::EXAMPLES)]
    Latency(Latency),
    /// Measure what a disk can do at best
    #[command(after_help = disk::EXAMPLES)]
    Disk(Disk),
    /// Measure what two processes of this machine can tell each other at best
    #[command(after_help = loopback::EXAMPLES)]
    Loopback(Loopback),
    /// Measure how fast events find their subscriptions, in this process
    #[command(after_help = matching::EXAMPLES)]
    Match(Matching),
    /// Measure what a timer costs in the timing wheel, in this process
    #[command(after_help = wheel::EXAMPLES)]
    Wheel(Wheeling),
    /// Measure how many events can wait, and how late they are, with the engine in this process
    #[command(after_help = timers::EXAMPLES)]
    Timers(Timing),
    /// Measure the HTTP front door and deliveries to an HTTP sink
    #[command(after_help = http::EXAMPLES)]
    Http(Http),
    /// Serve HTTP and do nothing, until standard input ends; what `bench http` compares with
    #[command(hide = true)]
    HttpBaseline,
    /// Take in what `bench loopback` sends, until standard input ends
    #[command(hide = true)]
    LoopbackOther,
}

const REPORT: &str = "\
A measurement makes eventbuses of its own and deletes them afterwards, also when interrupted; an
interrupted measurement reports what it has. With --json the report is
  {\"bench\", \"version\", \"started_at\", \"interrupted\", \"rows\": [{\"name\", \"durability\",
   \"payload_bytes\", \"batch_bytes\", \"batch_events\", \"window_bytes\", \"linger_us\",
   \"in_flight\", \"connections\", \"eventlogs\", \"rate_per_s\", \"warm_up_s\", \"duration_s\",
   \"events\", \"events_per_s\", \"mb_per_s\",
   \"samples\", \"p50_us\", \"p99_us\", \"p999_us\", \"max_us\"}],
   \"ratios\": [{\"name\", \"value\"}]}
where null is what does not apply. MB are 10^6 bytes of payload.";

/// What is said for every measurement.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Print the report as JSON; the same as --format json
    #[arg(long)]
    json: bool,
}

impl BenchCommand {
    /// Whether the load keeps more than one thread busy. One event at a time does not, and every
    /// hop between threads would be measured with it.
    pub(crate) const fn wants_threads(&self) -> bool {
        match self {
            Self::Latency(_) | Self::Loopback(_) | Self::LoopbackOther => false,
            Self::Publish(bench) => !bench.one_at_a_time,
            _ => true,
        }
    }

    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::Publish(bench) => bench.run(context).await,
            Self::Consume(bench) => bench.run(context).await,
            Self::Latency(bench) => bench.run(context).await,
            Self::Disk(bench) => bench.run(context).await,
            Self::Loopback(bench) => bench.run(context).await,
            Self::Match(bench) => bench.run(context).await,
            Self::Wheel(bench) => bench.run(context).await,
            Self::Timers(bench) => bench.run(context).await,
            Self::Http(bench) => bench.run(context).await,
            Self::HttpBaseline => http::serve_baseline(context).await,
            Self::LoopbackOther => loopback::serve_other(context).await,
        }
    }
}
