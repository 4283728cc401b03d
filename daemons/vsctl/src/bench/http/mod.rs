//! `vsctl bench http`: the front door against a server that does nothing, and deliveries.

mod baseline;
mod delivery;
mod generator;

use std::time::Duration;

use clap::Args;
use vanus_types::Durability;

pub(super) use self::baseline::serve as serve_baseline;
use self::{baseline::Baseline, generator::Generator};
use super::{
    Common,
    report::{Report, Row},
    scratch,
    stop::Stop,
};
use crate::{
    context::Context,
    error::CliError,
    parse::{duration, endpoint},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl bench http
  vsctl bench http --connections 32 --duration 30s --json
  vsctl bench http --http 127.0.0.1:8081 --only ingress
  vsctl bench http --only delivery --count 500000

Ingress: kept-alive HTTP/1.1 connections, each posting one event in binary mode after the other;
first to a server in a process of its own that reads the request and answers 200, then to Vanus,
then to that server again. Delivery: events are published first, then a subscription delivers
them to a sink in this process that answers 204; what that sink takes from the same load
generator is measured before.

An event is acknowledged once it is synced, and a sync is shared by all who wait for it: with few
connections the latency of the disk is measured, with more of them the work.";

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Http {
    #[command(flatten)]
    common: Common,
    /// Where the front door is; else the server is asked
    #[arg(long, value_name = "HOST:PORT", value_parser = endpoint)]
    http: Option<String>,
    /// Only one half
    #[arg(long, value_enum)]
    only: Option<Half>,
    /// Connections at a time
    #[arg(long, default_value_t = 128, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1_024))]
    connections: u16,
    /// How long to post, to each server
    #[arg(long, default_value = "5s", value_parser = duration)]
    duration: Duration,
    /// Bytes of data of each event
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1_048_576))]
    size: u32,
    /// Events to deliver
    #[arg(long, default_value_t = 100_000, value_name = "EVENTS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Deliveries in flight at a time
    #[arg(long, default_value_t = 256, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    in_flight: u32,
}

/// Half of what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Half {
    /// Events posted to the front door.
    Ingress,
    /// Events delivered to a sink.
    Delivery,
}

impl Http {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output().or_json(self.common.json);
        let (mut report, stop) = (Report::new("http", context), Stop::on_interrupt());
        if self.only != Some(Half::Delivery) {
            self.ingress(context, &mut report, &stop).await?;
        }
        if self.only != Some(Half::Ingress) && !stop.is_asked() {
            report.add(delivery::measure_sink(&self, context, &stop).await?);
            let row = scratch::with_bus(context, 1, async |bus| {
                delivery::measure(&self, context, &output, bus, &stop).await
            });
            report.add(row.await?);
        }
        report.interrupted = stop.is_asked();
        report.print(&output)
    }

    async fn ingress(
        &self,
        context: &Context,
        report: &mut Report,
        stop: &Stop,
    ) -> Result<(), CliError> {
        let address = match &self.http {
            Some(address) => address.clone(),
            None => context
                .admin()
                .await?
                .cluster_info()
                .await?
                .http
                .ok_or_else(|| {
                    CliError::argument("the server tells no HTTP address, name it with --http")
                })?,
        };
        let baseline = Baseline::start().await?;
        let before = self
            .post("bare HTTP server", &baseline.url, context, stop)
            .await?;
        let row = scratch::with_bus(context, 1, async |bus| {
            let (namespace, name) = (&bus.namespace, &bus.name);
            let url = format!("http://{address}/namespaces/{namespace}/eventbus/{name}/events");
            self.post("HTTP ingress", &url, context, stop).await
        });
        let row = Row {
            durability: Some(Durability::Fsync),
            ..row.await?
        };
        let after = self
            .post("bare HTTP server", &baseline.url, context, stop)
            .await?;
        baseline.stop().await;
        let bare = f64::midpoint(before.per_second(), after.per_second());
        report.ratio("ingress / bare HTTP server", row.per_second(), bare);
        report.add(before);
        report.add(row);
        report.add(after);
        Ok(())
    }

    async fn post(
        &self,
        name: &str,
        url: &str,
        context: &Context,
        stop: &Stop,
    ) -> Result<Row, CliError> {
        let generator = Generator {
            connections: self.connections.into(),
            duration: self.duration,
            size: self.size as usize,
        };
        let posted = generator.run(url, context, stop).await?;
        let (elapsed_ns, latencies) = (posted.elapsed_ns, posted.latencies);
        let events = latencies.count();
        let row = Row {
            payload_bytes: Some(self.size as usize),
            batch_events: Some(1),
            in_flight: Some(1),
            connections: Some(self.connections.into()),
            ..Row::named(name)
        };
        Ok(row.rate(events, elapsed_ns).latencies(&latencies))
    }
}
