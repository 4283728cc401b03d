//! Counters of what became of the events of a subscription.

use std::sync::atomic::{AtomicU64, Ordering};

use vanus_types::control::SubscriptionTotals;

/// The live form of [`SubscriptionTotals`].
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) read: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) filtered: AtomicU64,
    pub(crate) dead_lettered: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) in_flight: AtomicU64,
    pub(crate) retrying: AtomicU64,
    pub(crate) attempts: AtomicU64,
}

impl Totals {
    /// What the counters show now. Taken while events move, the parts may be a few events apart.
    pub(crate) fn snapshot(&self) -> SubscriptionTotals {
        let show = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SubscriptionTotals {
            read: show(&self.read),
            delivered: show(&self.delivered),
            filtered: show(&self.filtered),
            dead_lettered: show(&self.dead_lettered),
            dropped: show(&self.dropped),
            expired: show(&self.expired),
            in_flight: show(&self.in_flight),
            retrying: show(&self.retrying),
            attempts: show(&self.attempts),
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

/// Takes from a gauge.
pub(crate) fn take(gauge: &AtomicU64, number: u64) {
    gauge.fetch_sub(number, Ordering::Relaxed);
}
