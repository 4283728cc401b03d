//! What is counted about timers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the lateness that is counted together, in milliseconds; what is later than the last one is counted too.
pub const LATENESS_BOUNDS_MS: [u64; 14] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000,
];

/// Counters and gauges of timers, since the engine was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimerMetrics {
    /// Timers that wait, now.
    pub pending: u64,
    /// Timers held in memory, now.
    pub in_memory: u64,
    /// Timers that are due within a second or overdue, now.
    pub due: u64,
    /// Bytes of events held in memory ahead of their time, now.
    pub cached_bytes: u64,
    /// Shards that have stopped after a failure; what waits in them fires after the engine is opened again.
    pub failed_shards: u64,
    /// How far the wall clock is ahead of the time timers go by, now, in milliseconds.
    pub clock_offset_ms: i64,
    /// How often the wall clock was set by more than a second.
    pub clock_steps: u64,
    /// Timers set.
    pub set: u64,
    /// Timers whose events were put into their eventbus.
    pub fired: u64,
    /// Timers cancelled in time.
    pub cancelled: u64,
    /// Timers whose events went to the dead letters, as their eventbus was deleted.
    pub dead_letters: u64,
    /// Timers whose events could not be read when they were due, as they are damaged on disk.
    pub unreadable: u64,
    /// How late events were in their eventbus, synced: how many by each bound of [`LATENESS_BOUNDS_MS`], and later than all.
    pub lateness: [u64; LATENESS_BOUNDS_MS.len() + 1],
    /// The lateness of all of them together, in milliseconds.
    pub lateness_sum_ms: u64,
}

/// The counters behind [`TimerMetrics`], of all shards.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) set: AtomicU64,
    pub(super) fired: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) dead_letters: AtomicU64,
    pub(super) unreadable: AtomicU64,
    lateness: [AtomicU64; LATENESS_BOUNDS_MS.len() + 1],
    lateness_sum_ms: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Counters {
    /// An event came this late.
    pub(super) fn late(&self, late_ms: u64) {
        let bound = LATENESS_BOUNDS_MS.partition_point(|bound| *bound < late_ms);
        if let Some(counter) = self.lateness.get(bound) {
            add(counter, 1);
        }
        add(&self.lateness_sum_ms, late_ms);
    }

    pub(super) fn snapshot(&self) -> TimerMetrics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TimerMetrics {
            set: get(&self.set),
            fired: get(&self.fired),
            cancelled: get(&self.cancelled),
            dead_letters: get(&self.dead_letters),
            unreadable: get(&self.unreadable),
            lateness: self.lateness.each_ref().map(get),
            lateness_sum_ms: get(&self.lateness_sum_ms),
            ..TimerMetrics::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_counted_by_its_bound() {
        let counters = Counters::default();
        for ms in [0, 1, 2, 3, 60_000, 60_001] {
            counters.late(ms);
        }
        let told = counters.snapshot();
        assert_eq!(told.lateness[..3], [2, 1, 1]);
        assert_eq!(told.lateness[13..], [1, 1]);
        assert_eq!(told.lateness_sum_ms, 120_007);
    }
}
