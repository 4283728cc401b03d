//! Keeping away from a sink that asked for it, and from one that is not known yet.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use vanus_types::Clock;

use crate::trigger::limiter::RateLimiter;

/// Deliveries to a sink that is not known to be well come so far apart.
const PROBE_GAP: Duration = Duration::from_millis(100);

/// Until when a sink is left alone.
///
/// What comes first, and what follows a pause, is one delivery, and not all that has gathered: a sink
/// that never answers, only fails, or asks for one pause after another gets little more than that.
#[derive(Debug)]
pub(super) struct Pause {
    /// In nanoseconds of the monotonic clock; 0 is never.
    until_ns: AtomicU64,
    /// It took nothing yet, or nothing since a pause.
    wary: AtomicBool,
    probes: Mutex<RateLimiter>,
}

impl Default for Pause {
    fn default() -> Self {
        let gap_ns = u64::try_from(PROBE_GAP.as_nanos()).unwrap_or(u64::MAX);
        Self {
            until_ns: AtomicU64::new(0),
            wary: AtomicBool::new(true),
            probes: Mutex::new(RateLimiter::with_gap_ns(gap_ns)),
        }
    }
}

impl Pause {
    /// Takes note of an answer: whether the sink asked for a pause with it, or else, whether it failed
    /// in a way that may pass.
    pub(super) fn note(&self, clock: &dyn Clock, asked: Option<Duration>, failed: bool) {
        if let Some(time) = asked {
            self.begin(clock, time);
        } else if !failed && !self.is_over() && self.left(clock).is_zero() {
            // Within a pause that would be the answer to what was sent before it.
            self.wary.store(false, Ordering::Relaxed);
        }
    }

    /// Leaves the sink alone for `time` from now; a longer pause is not cut short.
    fn begin(&self, clock: &dyn Clock, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let until = clock.monotonic_ns().saturating_add(time);
        self.until_ns.fetch_max(until, Ordering::Relaxed);
        self.wary.store(true, Ordering::Relaxed);
    }

    /// Whether the sink may be given as many deliveries as there are.
    pub(super) fn is_over(&self) -> bool {
        !self.wary.load(Ordering::Relaxed)
    }

    /// How long the sink is still left alone.
    fn left(&self, clock: &dyn Clock) -> Duration {
        match self.until_ns.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            until => Duration::from_nanos(until.saturating_sub(clock.monotonic_ns())),
        }
    }

    /// Waits until the sink may be given one delivery. Cancellation safe.
    pub(super) async fn over(&self, clock: &dyn Clock) {
        loop {
            let left = self.left(clock);
            if !left.is_zero() {
                tokio::time::sleep(left).await;
                continue;
            }
            if self.is_over() {
                return;
            }
            let wait_ns = self.probes.lock().book(clock.monotonic_ns());
            if wait_ns == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_nanos(wait_ns)).await;
            if self.left(clock).is_zero() {
                return;
            }
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

    #[tokio::test(start_paused = true)]
    async fn one_delivery_tells_whether_more_may_follow() {
        let clock = ManualClock::new(0);
        let pause = Pause::default();
        for failed in [true, false] {
            assert!(!pause.is_over());
            pause.note(&clock, None, failed);
        }
        assert!(pause.is_over(), "it took something");
        pause.note(&clock, Some(Duration::from_secs(1)), true);
        pause.note(&clock, None, false);
        assert!(!pause.is_over(), "that answered what was sent before");
        clock.advance_ms(1_000);
        let begun = tokio::time::Instant::now();
        pause.over(&clock).await;
        assert!(begun.elapsed().is_zero(), "the first one goes at once");
        pause.over(&clock).await;
        assert!(begun.elapsed() >= PROBE_GAP, "the next one waits");
        pause.note(&clock, None, false);
        assert!(pause.is_over());
        pause.over(&clock).await;
    }
}
