//! Keeping away from a sink that asked for it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use vanus_types::Clock;

/// Until when a sink is left alone.
#[derive(Debug, Default)]
pub(super) struct Pause {
    /// In nanoseconds of the monotonic clock; 0 is never.
    until_ns: AtomicU64,
}

impl Pause {
    /// Leaves the sink alone for `time` from now; a longer pause is not cut short.
    pub(super) fn begin(&self, clock: &dyn Clock, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let until = clock.monotonic_ns().saturating_add(time);
        self.until_ns.fetch_max(until, Ordering::Relaxed);
    }

    /// How long the sink is still left alone.
    pub(super) fn left(&self, clock: &dyn Clock) -> Duration {
        match self.until_ns.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            until => Duration::from_nanos(until.saturating_sub(clock.monotonic_ns())),
        }
    }

    /// Waits until the pause is over. Cancellation safe.
    pub(super) async fn over(&self, clock: &dyn Clock) {
        loop {
            let left = self.left(clock);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use vanus_types::ManualClock;

    use super::*;

    #[test]
    fn the_longest_pause_counts() {
        let clock = ManualClock::new(0);
        let pause = Pause::default();
        assert!(pause.left(&clock).is_zero());
        pause.begin(&clock, Duration::from_secs(10));
        pause.begin(&clock, Duration::from_secs(1));
        assert_eq!(pause.left(&clock), Duration::from_secs(10));
        clock.advance_ms(9_000);
        assert_eq!(pause.left(&clock), Duration::from_secs(1));
        clock.advance_ms(2_000);
        assert!(pause.left(&clock).is_zero());
    }
}
