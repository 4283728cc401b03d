//! Simulated time: it passes only when the scheduler says so, and its wall clock jumps.

use std::sync::Arc;

use vanus_types::{Clock, ManualClock};

use crate::harness::Random;

/// The wall clock begins here, in milliseconds since the Unix epoch.
const BEGIN_MS: i64 = 1_700_000_000_000;
/// The farthest a clock jumps, in milliseconds.
const FARTHEST_MS: u64 = 60_000;

/// Both clocks of the node.
#[derive(Debug)]
pub struct SimClock {
    clock: Arc<ManualClock>,
    elapsed_ms: u64,
}

impl Default for SimClock {
    fn default() -> Self {
        Self {
            clock: Arc::new(ManualClock::new(BEGIN_MS)),
            elapsed_ms: 0,
        }
    }
}

impl SimClock {
    /// The clock that the store is given.
    #[must_use]
    pub fn handle(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }

    /// Simulated milliseconds since the run began.
    #[must_use]
    pub const fn elapsed_ms(&self) -> u64 {
        self.elapsed_ms
    }

    /// Wall time in milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Monotonic time in milliseconds.
    #[must_use]
    pub fn monotonic_ms(&self) -> u64 {
        self.clock.monotonic_ns() / 1_000_000
    }

    /// Lets time pass, in milliseconds.
    pub fn advance(&mut self, ms: u32) {
        self.clock.advance_ms(ms);
        self.elapsed_ms += u64::from(ms);
    }

    /// Moves the wall clock, forward or back; says where to.
    pub fn jump(&mut self, random: &mut Random) -> i64 {
        let by = i64::try_from(random.below(2 * FARTHEST_MS)).unwrap_or(0);
        let to = self.now_ms() + by - FARTHEST_MS.cast_signed();
        self.clock.jump_to_ms(to);
        to
    }
}
