//! Makes identifiers that rise with time and never repeat on one node.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::clock::Clock;

/// Milliseconds of 2023-01-01T00:00:00Z: ids count time from here.
const EPOCH_MS: i64 = 1_672_531_200_000;
/// Width of the node number, the lowest part of an id.
const NODE_BITS: u32 = 16;
/// Width of the sequence within one unit of time.
const SEQUENCE_BITS: u32 = 8;
/// One unit of time, in milliseconds.
const UNIT_MS: i64 = 10;

/// Snowflake identifiers: 39 bits of time in units of 10 ms, 8 bits of sequence, 16 bits of node.
///
/// A burst borrows from the time to come, and a wall clock that jumps back is ignored, so ids of
/// one generator always rise. Across restarts the caller passes the highest id it ever stored.
#[derive(Debug)]
pub struct IdGenerator {
    clock: Arc<dyn Clock>,
    node: u16,
    last_tick: AtomicU64,
}

impl IdGenerator {
    /// A generator for `node` whose ids are all above `floor`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, node: u16, floor: u64) -> Self {
        Self {
            clock,
            node,
            last_tick: AtomicU64::new(floor >> NODE_BITS),
        }
    }

    /// The next identifier; never zero.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        let units = (self.clock.now_ms() - EPOCH_MS).max(1) / UNIT_MS;
        let now = u64::try_from(units).unwrap_or(1).max(1) << SEQUENCE_BITS;
        let previous = self
            .last_tick
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| {
                Some(now.max(last + 1))
            })
            .unwrap_or(now);
        (now.max(previous + 1) << NODE_BITS) | u64::from(self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn ids_rise_through_bursts_and_clock_jumps() {
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let ids = IdGenerator::new(clock.clone(), 3, 0);
        let mut last = 0;
        for round in 0..2_000 {
            if round == 1_000 {
                clock.jump_to_ms(0);
            }
            let id = ids.next_id();
            assert!(id > last);
            assert_eq!(id & 0xFFFF, 3);
            last = id;
        }
        let restarted = IdGenerator::new(clock, 3, last);
        assert!(restarted.next_id() > last);
    }
}
