//! The registry of metrics, shared by everybody who counts.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;
use prometheus_client::{collector::Collector, encoding::text::encode, registry::Registry};

/// All metrics of a process; their names start with `vanus_`. Clones share one registry.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
}

impl Metrics {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix("vanus"))),
        }
    }

    /// Lets `fill` add metrics; `vanus_` is put in front of their names, and `_total` behind those
    /// of counters.
    pub fn fill(&self, fill: impl FnOnce(&mut Registry)) {
        fill(&mut self.registry.lock());
    }

    /// Adds a collector, which is asked at every scrape; `vanus_` is put in front of its names.
    pub fn collect(&self, collector: impl Collector) {
        self.registry.lock().register_collector(Box::new(collector));
    }

    /// All metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// When a collector fails to write its metrics.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock())?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[test]
    fn a_counter_is_written_under_its_name() {
        let metrics = Metrics::new();
        let counter = Counter::<u64>::default();
        metrics.fill(|registry| {
            registry.register("gateway_event_received", "Events received", counter.clone());
        });
        counter.inc_by(3);
        let text = metrics.text().unwrap();
        assert!(
            text.contains("vanus_gateway_event_received_total 3\n"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
    }
}
