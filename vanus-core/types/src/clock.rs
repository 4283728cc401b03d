//! The clock seam: wall time and monotonic time as arguments.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Where time comes from. Wall time may jump; monotonic time never goes back.
pub trait Clock: Send + Sync + Debug {
    /// Wall time in milliseconds since the Unix epoch (UTC).
    fn now_ms(&self) -> i64;

    /// Nanoseconds since an arbitrary fixed point of this process.
    fn monotonic_ns(&self) -> u64;
}

/// The operating system's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts at zero now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock everybody else is given"
    )]
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock everybody else is given"
    )]
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until it is told to move; for tests and simulation.
#[derive(Debug)]
pub struct ManualClock {
    wall_ms: AtomicI64,
    monotonic_ns: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `wall_ms` and monotonic zero.
    #[must_use]
    pub fn new(wall_ms: i64) -> Self {
        Self {
            wall_ms: AtomicI64::new(wall_ms),
            monotonic_ns: AtomicU64::new(0),
        }
    }

    /// Lets `ms` milliseconds pass on both clocks.
    pub fn advance_ms(&self, ms: u32) {
        self.wall_ms.fetch_add(i64::from(ms), Ordering::SeqCst);
        self.monotonic_ns
            .fetch_add(u64::from(ms) * 1_000_000, Ordering::SeqCst);
    }

    /// Makes the wall clock jump, forward or back; monotonic time goes on unmoved.
    pub fn jump_to_ms(&self, wall_ms: i64) {
        self.wall_ms.store(wall_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ns(&self) -> u64 {
        self.monotonic_ns.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_jump_leaves_monotonic_time_alone() {
        let clock = ManualClock::new(5_000);
        clock.advance_ms(10);
        clock.jump_to_ms(1);
        assert_eq!(clock.now_ms(), 1);
        assert_eq!(clock.monotonic_ns(), 10_000_000);
    }

    #[test]
    fn system_monotonic_time_never_goes_back() {
        let clock = SystemClock::new();
        let first = clock.monotonic_ns();
        assert!(clock.monotonic_ns() >= first);
        assert!(clock.now_ms() > 1_600_000_000_000);
    }
}
