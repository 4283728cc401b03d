//! Latencies, collected.

use hdrhistogram::Histogram;

use crate::error::CliError;

/// Longest latency told apart from longer ones, in nanoseconds.
const LONGEST_NS: u64 = 120_000_000_000;

/// Latencies of many events, to three digits.
#[derive(Debug, Clone)]
pub(super) struct Latencies {
    histogram: Histogram<u64>,
}

impl Latencies {
    pub(super) fn new() -> Result<Self, CliError> {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, 3);
        let histogram = histogram.map_err(|error| CliError::Bench(error.to_string()))?;
        Ok(Self { histogram })
    }

    /// Adds one, in nanoseconds.
    pub(super) fn record(&mut self, ns: u64) {
        self.histogram.saturating_record(ns);
    }

    /// Adds those of another.
    pub(super) fn merge(&mut self, other: &Self) -> Result<(), CliError> {
        let added = self.histogram.add(&other.histogram);
        added.map_err(|error| CliError::Bench(error.to_string()))
    }

    pub(super) fn count(&self) -> u64 {
        self.histogram.len()
    }

    pub(super) fn quantile_us(&self, quantile: f64) -> f64 {
        self.histogram.value_at_quantile(quantile) as f64 / 1e3
    }

    pub(super) fn max_us(&self) -> f64 {
        self.histogram.max() as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let (mut one, mut two) = (Latencies::new().unwrap(), Latencies::new().unwrap());
        (1..=50).for_each(|us| one.record(us * 1_000));
        (51..=100).for_each(|us| two.record(us * 1_000));
        one.merge(&two).unwrap();
        assert_eq!(one.count(), 100);
        assert!(
            (one.quantile_us(0.5) - 50.0).abs() < 0.1,
            "{}",
            one.quantile_us(0.5)
        );
        assert!((one.quantile_us(0.99) - 99.0).abs() < 0.1);
        assert!((one.max_us() - 100.0).abs() < 0.1);
    }
}
