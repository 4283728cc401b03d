//! Sparing a sink that only fails.
//!
//! A sink that is down fails as fast as it is asked. Asking it as fast as it fails gets nothing
//! delivered, costs connections and stored retries, and takes time from those whose sinks are well.
//! So one that has failed many times in a row is asked now and then, until it takes something.

use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use super::limiter::RateLimiter;

/// Failures in a row after which a sink is spared.
const FAILURES: u32 = 64;

/// Attempts a second at a sink that is spared.
const ATTEMPTS_PER_S: u32 = 100;

/// How a sink has been lately.
#[derive(Debug)]
pub(crate) struct Health {
    /// Failures since it last took something, or said what it will never take.
    failures: AtomicU32,
    limiter: Mutex<RateLimiter>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            failures: AtomicU32::new(0),
            limiter: Mutex::new(RateLimiter::new(ATTEMPTS_PER_S)),
        }
    }
}

impl Health {
    /// It answered, whatever it said of the event.
    pub(crate) fn answered(&self) {
        // Nearly always so; a load leaves the cache line to everybody.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// It failed in a way that may pass.
    pub(crate) fn failed(&self) {
        let _ = self
            .failures
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_add(1));
    }

    /// Whether it is asked now and then only.
    pub(crate) fn is_spared(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= FAILURES
    }

    /// Books an attempt and answers how many nanoseconds after `now_ns` (monotonic) it may be made.
    pub(crate) fn book(&self, now_ns: u64) -> u64 {
        if self.is_spared() {
            self.limiter.lock().book(now_ns)
        } else {
            0
        }
    }

    /// What users are told about a sink that is spared.
    pub(crate) fn problem(&self) -> Option<String> {
        self.is_spared().then(|| {
            let failures = self.failures.load(Ordering::Relaxed);
            format!(
                "its last {failures} attempts failed; it is asked at most {ATTEMPTS_PER_S} times a second until one succeeds"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_that_only_fails_is_asked_now_and_then_until_it_answers() {
        let health = Health::default();
        for _ in 0..FAILURES {
            assert_eq!(health.book(0), 0);
            assert_eq!(health.problem(), None);
            health.failed();
        }
        assert_eq!(health.book(0), 0);
        assert_eq!(health.book(0), 10_000_000);
        assert_eq!(health.book(5_000_000), 15_000_000);
        assert!(
            health
                .problem()
                .unwrap()
                .starts_with("its last 64 attempts")
        );
        health.answered();
        assert_eq!(health.book(0), 0);
        assert_eq!(health.problem(), None);
    }

    #[test]
    fn one_that_fails_now_and_then_is_not_spared() {
        let health = Health::default();
        for _ in 0..10 * FAILURES {
            health.failed();
            health.failed();
            health.answered();
            assert!(!health.is_spared());
        }
    }
}
