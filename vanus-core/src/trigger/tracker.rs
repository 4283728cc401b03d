//! Which events of an eventlog a subscription has settled. Pure.

use std::collections::BTreeSet;

use vanus_types::limits::MAX_READ_AHEAD;

/// Follows one reader of one eventlog: the position it reads next, and the watermark below which
/// every event is settled.
///
/// An event is *settled* when it is delivered, filtered out, dead-lettered, dropped or expired, or
/// when it waits in the persisted retries. Only those that are not are kept, so that passing any
/// number of filtered events costs nothing.
#[derive(Debug, Clone)]
pub(crate) struct OffsetTracker {
    position: u64,
    /// Taken and not settled; all before the position.
    open: BTreeSet<u64>,
}

impl OffsetTracker {
    /// A reader that starts at `offset`, with everything before it settled.
    pub(crate) const fn new(offset: u64) -> Self {
        Self {
            position: offset,
            open: BTreeSet::new(),
        }
    }

    /// The offset to be read next.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// Every event before this offset is settled.
    pub(crate) fn watermark(&self) -> u64 {
        self.open.first().copied().unwrap_or(self.position)
    }

    /// Whether everything before the position is settled.
    pub(crate) fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether the reader is too far ahead of an unsettled event to go on.
    pub(crate) fn is_full(&self) -> bool {
        self.position - self.watermark() >= MAX_READ_AHEAD
    }

    /// Takes the event at `offset`, which is the position or lies behind it; it is unsettled from
    /// now on. What lies between is settled: it was filtered out, or no longer exists.
    pub(crate) fn take(&mut self, offset: u64) {
        if offset >= self.position {
            self.open.insert(offset);
            self.position = offset + 1;
        }
    }

    /// Moves the position on to `offset`, if it is not there yet; what lies between is settled.
    pub(crate) fn pass(&mut self, offset: u64) {
        self.position = self.position.max(offset);
    }

    /// Settles the event at `offset`. Settling one twice changes nothing.
    pub(crate) fn settle(&mut self, offset: u64) {
        self.open.remove(&offset);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_watermark_waits_for_the_oldest_event() {
        let mut tracker = OffsetTracker::new(10);
        for offset in [10, 11, 12] {
            tracker.take(offset);
        }
        tracker.settle(12);
        tracker.settle(11);
        assert_eq!(tracker.watermark(), 10);
        tracker.settle(10);
        assert_eq!((tracker.watermark(), tracker.position()), (13, 13));
        tracker.settle(3);
        tracker.settle(99);
        tracker.take(5);
        assert_eq!((tracker.watermark(), tracker.is_settled()), (13, true));
    }

    #[test]
    fn passing_filtered_or_expired_events_keeps_unsettled_ones() {
        let mut tracker = OffsetTracker::new(0);
        tracker.take(0);
        tracker.pass(100);
        assert_eq!((tracker.watermark(), tracker.position()), (0, 100));
        tracker.settle(0);
        assert_eq!(tracker.watermark(), 100);
        tracker.pass(50);
        assert_eq!(tracker.position(), 100);
        tracker.take(200);
        tracker.pass(1 << 40);
        assert_eq!((tracker.watermark(), tracker.is_full()), (200, true));
    }

    proptest! {
        #[test]
        fn the_watermark_never_passes_an_unsettled_event(
            taken in proptest::collection::btree_set(0_u64..64, 0..64),
            order in proptest::collection::vec(0_u64..64, 0..200),
        ) {
            let mut tracker = OffsetTracker::new(0);
            for offset in &taken {
                tracker.take(*offset);
            }
            tracker.pass(64);
            let mut open = taken;
            for offset in order {
                tracker.settle(offset);
                open.remove(&offset);
                prop_assert_eq!(tracker.watermark(), open.first().copied().unwrap_or(64));
            }
        }
    }
}
