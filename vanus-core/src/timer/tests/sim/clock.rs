//! The clocks of the simulated machine: they go with the virtual time of tokio, and the wall clock drifts and jumps.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::time::Instant;
use vanus_types::Clock;

/// The wall clock begins here, in milliseconds since the Unix epoch.
pub(super) const BEGIN_MS: i64 = 1_700_000_000_000;

/// Both clocks of the machine, for one life.
#[derive(Debug)]
pub(super) struct SimClock {
    begun: Instant,
    /// Microseconds that had passed when this life began.
    before_us: i64,
    /// How far the wall clock was set away, in microseconds.
    set_us: AtomicI64,
    /// How much faster it goes than time, in millionths.
    drift: i64,
}

impl SimClock {
    /// To be made within the runtime whose time it tells.
    pub(super) fn new(before_us: i64, set_us: i64, drift: i64) -> Self {
        Self {
            begun: now(),
            before_us,
            set_us: AtomicI64::new(set_us),
            drift,
        }
    }

    /// Microseconds since the run began.
    pub(super) fn elapsed_us(&self) -> i64 {
        self.before_us + i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// The wall clock, in microseconds since the Unix epoch.
    pub(super) fn wall_us(&self) -> i64 {
        let elapsed = self.elapsed_us();
        BEGIN_MS * 1_000 + elapsed + elapsed * self.drift / 1_000_000 + self.set_us()
    }

    /// How far the wall clock was set away, in microseconds.
    pub(super) fn set_us(&self) -> i64 {
        self.set_us.load(Ordering::SeqCst)
    }

    /// Sets the wall clock that far away from where it would be.
    pub(super) fn set(&self, us: i64) {
        self.set_us.store(us, Ordering::SeqCst);
    }
}

fn now() -> Instant {
    Instant::now()
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        self.wall_us().div_euclid(1_000)
    }

    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.elapsed_us()).unwrap_or(0) * 1_000
    }
}
