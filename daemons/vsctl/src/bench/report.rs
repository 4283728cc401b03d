//! The report of a measurement.

use serde::Serialize;
use vanus_types::{Durability, event::timestamp::format_ms};

use super::recorder::Latencies;
use crate::{context::Context, error::CliError, output::Output};

/// The report of a measurement.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    bench: &'static str,
    version: &'static str,
    started_at: String,
    /// Whether it was cut short; the rows tell what was measured until then.
    pub(super) interrupted: bool,
    rows: Vec<Row>,
    ratios: Vec<Ratio>,
}

/// One thing that was measured. What does not apply is absent.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) durability: Option<Durability>,
    /// Bytes of data of one event, or of one write.
    pub(super) payload_bytes: Option<usize>,
    /// Bytes after which a batch is sent.
    pub(super) batch_bytes: Option<usize>,
    /// Events after which a batch is sent.
    pub(super) batch_events: Option<usize>,
    /// Bytes that may be sent and not acknowledged yet.
    pub(super) window_bytes: Option<usize>,
    /// How long an event may wait for others, in microseconds.
    pub(super) linger_us: Option<u64>,
    /// Batches or requests under way at a time, on each connection.
    pub(super) in_flight: Option<usize>,
    pub(super) connections: Option<usize>,
    /// Eventlogs of all eventbuses together.
    pub(super) eventlogs: Option<u32>,
    /// The rate asked for, in events a second.
    pub(super) rate_per_s: Option<u64>,
    /// How long the same was done before, unmeasured, in seconds.
    pub(super) warm_up_s: Option<f64>,
    pub(super) duration_s: Option<f64>,
    pub(super) events: Option<u64>,
    pub(super) events_per_s: Option<f64>,
    pub(super) mb_per_s: Option<f64>,
    pub(super) samples: Option<u64>,
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
    pub(super) p999_us: Option<f64>,
    pub(super) max_us: Option<f64>,
}

/// One figure divided by another of the same run.
#[derive(Debug, Serialize)]
struct Ratio {
    name: String,
    value: f64,
}

impl Row {
    /// A row of this name.
    pub(super) fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The same row with what became of `events` in `elapsed_ns`.
    pub(super) fn rate(mut self, events: u64, elapsed_ns: u64) -> Self {
        let seconds = elapsed_ns as f64 / 1e9;
        let per_second = if seconds > 0.0 {
            events as f64 / seconds
        } else {
            0.0
        };
        self.duration_s = Some(seconds);
        self.events = Some(events);
        self.events_per_s = Some(per_second);
        self.mb_per_s = self
            .payload_bytes
            .map(|bytes| per_second * bytes as f64 / 1e6);
        self
    }

    /// The same row with its latencies.
    pub(super) fn latencies(mut self, latencies: &Latencies) -> Self {
        if latencies.count() > 0 {
            self.samples = Some(latencies.count());
            self.p50_us = Some(latencies.quantile_us(0.5));
            self.p99_us = Some(latencies.quantile_us(0.99));
            self.p999_us = Some(latencies.quantile_us(0.999));
            self.max_us = Some(latencies.max_us());
        }
        self
    }

    /// Events or writes a second; 0 if none was measured.
    pub(super) fn per_second(&self) -> f64 {
        self.events_per_s.unwrap_or_default()
    }

    /// Payload a second, in 10^6 bytes; 0 if none was measured.
    pub(super) fn megabytes(&self) -> f64 {
        self.mb_per_s.unwrap_or_default()
    }

    /// Median latency in microseconds; 0 if none was measured.
    pub(super) fn median(&self) -> f64 {
        self.p50_us.unwrap_or_default()
    }

    fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        let micros = |us: Option<f64>| us.map_or_else(dash, show_us);
        vec![
            self.name.clone(),
            self.events_per_s.map_or_else(dash, show_count),
            self.mb_per_s.map_or_else(dash, |rate| format!("{rate:.1}")),
            micros(self.p50_us),
            micros(self.p99_us),
            micros(self.max_us),
        ]
    }

    /// The terms of the measurement, in a few words.
    fn terms(&self) -> String {
        let bytes = |bytes: usize| crate::human::bytes(bytes as u64);
        let several = |many: usize, what: &str| (many != 1).then(|| format!("{many} {what}"));
        let mut words = Vec::new();
        words.extend(self.durability.map(|level| level.to_string()));
        words.extend(
            self.payload_bytes
                .map(|len| format!("{} payload", bytes(len))),
        );
        words.extend(
            self.batch_bytes
                .map(|len| format!("{} batches", bytes(len))),
        );
        words.extend(self.batch_events.map(|events| match events {
            1 => "no batches".to_owned(),
            events => format!("batches of {events}"),
        }));
        words.extend(
            self.linger_us
                .map(|us| format!("linger {} ms", us as f64 / 1e3)),
        );
        words.extend(self.in_flight.map(|many| format!("{many} in flight")));
        words.extend(
            self.window_bytes
                .map(|len| format!("window {}", bytes(len))),
        );
        words.extend(
            self.connections
                .and_then(|many| several(many, "connections")),
        );
        words.extend(
            self.eventlogs
                .and_then(|many| several(many as usize, "eventlogs")),
        );
        words.extend(self.rate_per_s.map(|rate| format!("{rate}/s asked for")));
        words.extend(
            self.warm_up_s
                .map(|seconds| format!("{seconds:.1} s of warming up")),
        );
        words.extend(self.duration_s.map(|seconds| format!("{seconds:.1} s")));
        words.join(", ")
    }
}

impl Report {
    pub(super) fn new(bench: &'static str, context: &Context) -> Self {
        Self {
            bench,
            version: env!("CARGO_PKG_VERSION"),
            started_at: format_ms(context.clock().now_ms()),
            interrupted: false,
            rows: Vec::new(),
            ratios: Vec::new(),
        }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a ratio, unless there is nothing to divide by.
    pub(super) fn ratio(&mut self, name: impl Into<String>, of: f64, to: f64) {
        if to > 0.0 {
            self.ratios.push(Ratio {
                name: name.into(),
                value: of / to,
            });
        }
    }

    /// Prints everything.
    pub(super) fn print(&self, output: &Output) -> Result<(), CliError> {
        if output.is_json() {
            return output.json(self);
        }
        let columns = ["WHAT", "PER SECOND", "MB/S", "P50", "P99", "MAX"];
        let rows = self.rows.iter().map(|row| (row.cells(), row.terms()));
        output.rows_with_notes(&columns, rows)?;
        for ratio in &self.ratios {
            output.text(&format!("{}: {:.3}", ratio.name, ratio.value))?;
        }
        if self.interrupted {
            output.text("Interrupted: these are the figures until then.")?;
        }
        Ok(())
    }
}

fn show_us(us: f64) -> String {
    if us < 1.0 {
        format!("{:.0} ns", us * 1e3)
    } else if us < 1_000.0 {
        format!("{us:.1} µs")
    } else if us < 1_000_000.0 {
        format!("{:.2} ms", us / 1e3)
    } else {
        format!("{:.2} s", us / 1e6)
    }
}

fn show_count(count: f64) -> String {
    if count < 100.0 {
        format!("{count:.1}")
    } else {
        format!("{count:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_events_and_payload_over_time() {
        let row = Row {
            payload_bytes: Some(1_000),
            ..Row::named("x")
        };
        let row = row.rate(5_000, 500_000_000);
        assert!((row.per_second() - 10_000.0).abs() < 1e-6);
        assert!((row.megabytes() - 10.0).abs() < 1e-6);
        assert!((Row::named("x").rate(1, 0).per_second()).abs() < 1e-6);
    }

    #[test]
    fn every_key_is_there_even_when_it_does_not_apply() {
        let json = serde_json::to_value(Row::named("x")).unwrap();
        let keys = [
            "name",
            "durability",
            "payload_bytes",
            "batch_bytes",
            "batch_events",
            "window_bytes",
            "linger_us",
            "in_flight",
            "connections",
            "eventlogs",
            "rate_per_s",
            "warm_up_s",
            "duration_s",
            "events",
            "events_per_s",
            "mb_per_s",
            "samples",
            "p50_us",
            "p99_us",
            "p999_us",
            "max_us",
        ];
        assert_eq!(json.as_object().unwrap().len(), keys.len());
        for key in keys {
            assert!(json.get(key).is_some(), "{key}");
            assert!(
                super::super::REPORT.contains(&format!("\"{key}\"")),
                "{key}"
            );
        }
    }
}
