//! What the front door counts.

use std::sync::OnceLock;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Latencies from a tenth of a millisecond to ten seconds, in seconds.
const BUCKETS: [f64; 16] = [
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
    10.0,
];

/// What published events are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Always `HTTP` here.
    pub protocol: &'static str,
    /// The status that was answered.
    pub response_code: u16,
}

/// Counters of the front door. Clones count together.
#[derive(Debug, Clone)]
pub struct GatewayMetrics {
    received: Family<RequestLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    latency: Histogram,
    /// The counters of what went well: to look them up takes two locks.
    good: OnceLock<Counters>,
}

/// The counters of one status.
#[derive(Debug, Clone)]
struct Counters {
    received: Counter,
    requests: Counter,
}

impl Counters {
    fn add(&self, events: usize) {
        self.requests.inc();
        self.received.inc_by(events as u64);
    }
}

impl GatewayMetrics {
    /// All counters at zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            received: Family::default(),
            requests: Family::default(),
            latency: Histogram::new(BUCKETS),
            good: OnceLock::new(),
        }
    }

    /// Adds the counters to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "gateway_event_received",
            "Events received to be published, by the status that was answered",
            self.received.clone(),
        );
        registry.register(
            "gateway_send_event_request",
            "Requests to publish events, by the status that was answered",
            self.requests.clone(),
        );
        registry.register(
            "gateway_send_event_request_latency_histogram",
            "Seconds from a request to publish events to its answer",
            self.latency.clone(),
        );
    }

    /// Counts one request to publish.
    pub(crate) fn published(&self, response_code: u16, events: usize, nanos: u64) {
        if response_code == 200 {
            self.good.get_or_init(|| self.counters(200)).add(events);
        } else {
            self.counters(response_code).add(events);
        }
        #[expect(clippy::cast_precision_loss, reason = "a latency needs no 53 bits")]
        self.latency.observe(nanos as f64 / 1e9);
    }

    fn counters(&self, response_code: u16) -> Counters {
        let labels = RequestLabels {
            protocol: "HTTP",
            response_code,
        };
        Counters {
            received: self.received.get_or_create_owned(&labels),
            requests: self.requests.get_or_create_owned(&labels),
        }
    }
}

impl Default for GatewayMetrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn the_manual_describes_every_metric_of_the_front_door() {
        let metrics = GatewayMetrics::new();
        metrics.published(200, 3, 1_500_000);
        let mut registry = Registry::with_prefix("vanus");
        metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert!(
            text.contains(
                "vanus_gateway_event_received_total{protocol=\"HTTP\",response_code=\"200\"} 3\n"
            ),
            "{text}"
        );

        let page = include_str!("../../../docs/operations.md");
        let helps = text.lines().filter_map(|line| line.strip_prefix("# HELP "));
        for line in helps {
            let (name, help) = line.split_once(' ').unwrap();
            let counts = text.contains(&format!("# TYPE {name} counter"));
            let begin = format!("| `{name}{}` |", if counts { "_total" } else { "" });
            // A full stop is added by the registry.
            let end = format!("| {} |", help.trim_end_matches('.'));
            let row = |row: &str| row.starts_with(&begin) && row.ends_with(&end);
            assert!(page.lines().any(row), "no row {begin} … {end}");
        }
        let rows = page
            .lines()
            .filter(|row| row.starts_with("| `vanus_gateway_") && row.contains("` | "));
        assert_eq!(rows.count(), 3, "there are no such metrics");
    }
}
