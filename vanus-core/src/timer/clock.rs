//! The time that timers go by.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use vanus_types::Clock;

use super::time::{ClockSample, ClockState, ClusterClock};

/// The time of the cluster, read from the clocks of the machine.
#[derive(Debug)]
pub(super) struct TimerClock {
    clock: Arc<dyn Clock>,
    cluster: Mutex<ClusterClock>,
}

impl TimerClock {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let cluster = ClusterClock::start(ClockSample::of(clock.as_ref()), i64::MIN);
        Self {
            clock,
            cluster: Mutex::new(cluster),
        }
    }

    /// The time of the cluster, in milliseconds since the Unix epoch.
    pub(super) fn now_ms(&self) -> i64 {
        let mut cluster = self.cluster.lock();
        cluster.observe(ClockSample::of(self.clock.as_ref()))
    }

    /// It has been this late already: the wall clock was set back while nobody looked.
    pub(super) fn not_before(&self, time_ms: i64) {
        let mut cluster = self.cluster.lock();
        if cluster.now_ms() < time_ms {
            *cluster = ClusterClock::start(ClockSample::of(self.clock.as_ref()), time_ms);
        }
    }

    /// How far the wall clock is ahead, in milliseconds, how often it was set, and what that means.
    pub(super) fn told(&self) -> (i64, u64, ClockState) {
        let cluster = self.cluster.lock();
        (cluster.offset_ms(), cluster.steps(), cluster.state())
    }

    /// How long to wait at most, by the monotonic clock, for a time in milliseconds since the Unix epoch. Time may go faster than that
    /// clock, so it has not come for sure afterwards.
    pub(super) fn until(&self, time_ms: i64) -> Duration {
        let now_ms = self.now_ms();
        let ms = u64::try_from(time_ms.saturating_sub(now_ms)).unwrap_or(0);
        let fastest = u64::from(self.cluster.lock().fastest());
        Duration::from_millis(ms.div_ceil(fastest))
    }

    /// Nanoseconds since an arbitrary point, for waiting.
    pub(super) fn monotonic_ns(&self) -> u64 {
        self.clock.monotonic_ns()
    }
}
