//! Which events of an eventlog a subscription has settled. Pure.

use std::collections::VecDeque;

use vanus_types::limits::MAX_READ_AHEAD;

/// Follows one reader of one eventlog: the position it reads next, and the watermark below which
/// every event is settled.
///
/// An event is *settled* when it is delivered, filtered out, dead-lettered, dropped or expired, or
/// when it waits in the persisted retries. Offsets are dense, so that the events between
/// watermark and position are a row of bits.
#[derive(Debug, Clone)]
pub(crate) struct OffsetTracker {
    watermark: u64,
    settled: VecDeque<bool>,
}

impl OffsetTracker {
    /// A reader that starts at `offset`, with everything before it settled.
    pub(crate) const fn new(offset: u64) -> Self {
        Self {
            watermark: offset,
            settled: VecDeque::new(),
        }
    }

    /// The offset to be read next.
    pub(crate) fn position(&self) -> u64 {
        self.watermark + self.settled.len() as u64
    }

    /// Every event before this offset is settled.
    pub(crate) const fn watermark(&self) -> u64 {
        self.watermark
    }

    /// Whether the reader is too far ahead of an unsettled event to go on.
    pub(crate) fn is_full(&self) -> bool {
        self.settled.len() as u64 >= MAX_READ_AHEAD
    }

    /// Takes the event at the position; it is unsettled from now on.
    pub(crate) fn take(&mut self) -> u64 {
        let offset = self.position();
        self.settled.push_back(false);
        offset
    }

    /// Takes the event at the position and settles it at once.
    pub(crate) fn skip(&mut self) {
        let offset = self.take();
        self.settle(offset);
    }

    /// Settles the event at `offset`. Settling one twice changes nothing.
    pub(crate) fn settle(&mut self, offset: u64) {
        let index = offset
            .checked_sub(self.watermark)
            .and_then(|i| usize::try_from(i).ok());
        if let Some(bit) = index.and_then(|index| self.settled.get_mut(index)) {
            *bit = true;
        }
        while self.settled.front() == Some(&true) {
            self.settled.pop_front();
            self.watermark += 1;
        }
    }

    /// Goes on at `offset`: the events between position and there no longer exist. Events taken
    /// before stay unsettled until they are settled.
    pub(crate) fn jump(&mut self, offset: u64) {
        while self.position() < offset && !self.settled.is_empty() {
            self.skip();
        }
        if self.settled.is_empty() {
            self.watermark = self.watermark.max(offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_watermark_waits_for_the_oldest_event() {
        let mut tracker = OffsetTracker::new(10);
        assert_eq!(
            (tracker.take(), tracker.take(), tracker.take()),
            (10, 11, 12)
        );
        tracker.settle(12);
        tracker.settle(11);
        assert_eq!(tracker.watermark(), 10);
        tracker.settle(10);
        assert_eq!((tracker.watermark(), tracker.position()), (13, 13));
        tracker.settle(3);
        tracker.settle(99);
        assert_eq!(tracker.watermark(), 13);
    }

    #[test]
    fn a_jump_over_expired_events_keeps_unsettled_ones() {
        let mut tracker = OffsetTracker::new(0);
        tracker.take();
        tracker.jump(100);
        assert_eq!((tracker.watermark(), tracker.position()), (0, 100));
        tracker.settle(0);
        assert_eq!(tracker.watermark(), 100);
        tracker.jump(50);
        assert_eq!(tracker.position(), 100);
        tracker.jump(1 << 40);
        assert_eq!(
            (tracker.watermark(), tracker.position()),
            (1 << 40, 1 << 40)
        );
    }

    proptest! {
        #[test]
        fn the_watermark_never_passes_an_unsettled_event(
            order in proptest::collection::vec(0_u64..64, 0..200),
        ) {
            let mut tracker = OffsetTracker::new(0);
            for _ in 0..64 {
                tracker.take();
            }
            let mut open: BTreeSet<u64> = (0..64).collect();
            for offset in order {
                tracker.settle(offset);
                open.remove(&offset);
                prop_assert_eq!(tracker.watermark(), open.first().copied().unwrap_or(64));
            }
        }
    }
}
