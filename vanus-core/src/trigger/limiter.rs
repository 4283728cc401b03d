//! Spreads deliveries evenly over time. Pure.

/// A leaky bucket: at most `rate` passes a second, at least `1 / rate` apart.
#[derive(Debug, Clone)]
pub(crate) struct RateLimiter {
    gap_ns: u64,
    next_ns: u64,
}

impl RateLimiter {
    /// A limiter of `rate` passes a second; 0 is unlimited.
    pub(crate) const fn new(rate: u32) -> Self {
        let gap_ns = if rate == 0 {
            0
        } else {
            1_000_000_000 / rate as u64
        };
        Self { gap_ns, next_ns: 0 }
    }

    /// A limiter of passes at least `gap_ns` nanoseconds apart.
    #[cfg(feature = "http")]
    pub(crate) const fn with_gap_ns(gap_ns: u64) -> Self {
        Self { gap_ns, next_ns: 0 }
    }

    /// Books one pass and answers how many nanoseconds after `now_ns` (monotonic) it may happen.
    pub(crate) fn book(&mut self, now_ns: u64) -> u64 {
        if self.gap_ns == 0 {
            return 0;
        }
        let at = self.next_ns.max(now_ns);
        self.next_ns = at + self.gap_ns;
        at - now_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_evenly_spread() {
        let mut limiter = RateLimiter::new(10);
        assert_eq!(limiter.book(0), 0);
        assert_eq!(limiter.book(0), 100_000_000);
        assert_eq!(limiter.book(150_000_000), 50_000_000);
        assert_eq!(limiter.book(9_000_000_000), 0);
    }

    #[test]
    fn zero_is_unlimited() {
        let mut limiter = RateLimiter::new(0);
        assert!((0..100).all(|_| limiter.book(5) == 0));
    }
}
