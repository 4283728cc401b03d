//! `vsctl bench loopback`: what two processes of this machine can tell each other at best.

mod other;
mod quic;
mod tcp;

use std::time::Duration;

use clap::Args;
use vanus_types::Clock;

pub(super) use self::other::serve as serve_other;
use super::{
    Common,
    helper::Helper,
    recorder::Latencies,
    report::{Report, Row},
    stop::Stop,
};
use crate::{context::Context, error::CliError, parse::duration};

/// Bytes of one write, or of the body of one frame, of a stream.
const BLOCK: usize = 256 * 1024;

/// Bytes of one message that is sent back and forth, without what QUIC and frames add.
const PING: usize = 28;

/// How long one direction is measured where nothing else is said.
const SHORT: Duration = Duration::from_secs(2);

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl bench loopback
  vsctl bench loopback --duration 5s --json

The other side is this program once more, in a process of its own. Streams: blocks of 256 KiB in one
direction, until the other side has them all. Ping-pong: 28 bytes there and back, one at a time. QUIC is
what server and client speak: TLS, frames with checksums, large packets.";

/// How long to measure.
#[derive(Debug, Args)]
pub(crate) struct Loopback {
    #[command(flatten)]
    common: Common,
    /// How long each of the four is measured
    #[arg(long, default_value = "2s", value_parser = duration)]
    duration: Duration,
}

/// When to end.
#[derive(Debug, Clone)]
struct Span {
    stop: Stop,
    end_ns: u64,
}

impl Span {
    fn begin(clock: &dyn Clock, length: Duration, stop: &Stop) -> Self {
        let length = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        Self {
            stop: stop.clone(),
            end_ns: clock.monotonic_ns().saturating_add(length),
        }
    }

    fn is_over(&self, clock: &dyn Clock) -> bool {
        self.stop.is_asked() || clock.monotonic_ns() >= self.end_ns
    }
}

impl Loopback {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output().or_json(self.common.json);
        let (mut report, stop) = (Report::new("loopback", context), Stop::on_interrupt());
        let (helper, clock) = (Helper::start("loopback-other").await?, context.clock());
        let address = other::Address::read(&helper.said)?;
        let clock = clock.as_ref();
        let span = || Span::begin(clock, self.duration, &stop);
        let begin = clock.monotonic_ns();
        let sent = tcp::stream(address.tcp, clock, &span()).await?;
        report.add(stream("TCP stream", sent, clock.monotonic_ns() - begin));
        let begin = clock.monotonic_ns();
        let sent = quic::stream(&address.quic, clock, &span()).await?;
        report.add(stream("QUIC stream", sent, clock.monotonic_ns() - begin));
        let times = tcp::ping_pong(address.tcp, clock, &span()).await?;
        report.add(ping_pong("TCP ping-pong", &times.0, times.1));
        let times = quic::ping_pong(&address.quic, clock, &span()).await?;
        report.add(ping_pong("QUIC ping-pong", &times.0, times.1));
        helper.stop().await;
        report.interrupted = stop.is_asked();
        report.print(&output)
    }
}

/// The round trip of a smallest frame over QUIC between two processes that do nothing else.
pub(super) async fn quic_ping_pong(clock: &dyn Clock, stop: &Stop) -> Result<Row, CliError> {
    let helper = Helper::start("loopback-other").await?;
    let address = other::Address::read(&helper.said)?;
    let span = Span::begin(clock, SHORT, stop);
    let (times, elapsed_ns) = quic::ping_pong(&address.quic, clock, &span).await?;
    helper.stop().await;
    Ok(ping_pong("QUIC ping-pong", &times, elapsed_ns))
}

fn stream(name: &str, blocks: u64, elapsed_ns: u64) -> Row {
    let row = Row {
        payload_bytes: Some(BLOCK),
        connections: Some(1),
        ..Row::named(name)
    };
    row.rate(blocks, elapsed_ns)
}

fn ping_pong(name: &str, times: &Latencies, elapsed_ns: u64) -> Row {
    let row = Row {
        payload_bytes: Some(PING),
        connections: Some(1),
        in_flight: Some(1),
        ..Row::named(name)
    };
    row.rate(times.count(), elapsed_ns).latencies(times)
}
