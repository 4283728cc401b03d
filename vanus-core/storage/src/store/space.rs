//! Free space on the disk: looked at now and then, so that events are refused while there is still room for what has to
//! go on: bringing acknowledged events into segments, checkpoints, retention and metadata. Never looked at by whoever
//! appends.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use super::{AppendError, Health, shared::Shared};

/// How often free space is looked at, besides after each flush.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The most that is kept in reserve where no option says, in bytes.
const DEFAULT_RESERVE: u64 = 1024 * 1024 * 1024;

/// Where no option says, at most this part of the file system is kept in reserve: a twentieth.
const DEFAULT_PART: u64 = 20;

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct SpaceGuard {
    low: AtomicBool,
    free: AtomicU64,
    reserve: AtomicU64,
}

impl SpaceGuard {
    /// Why nothing is appended, if that is so.
    pub(crate) fn refusal(&self) -> Option<AppendError> {
        self.low.load(Ordering::Acquire).then(|| {
            let (free, reserve) = (self.free(), self.reserve());
            AppendError::LowSpace { free, reserve }
        })
    }

    /// As [`SpaceGuard::refusal`], for people.
    pub(crate) fn health(&self) -> Option<Health> {
        self.low.load(Ordering::Acquire).then(|| {
            let (free, reserve) = (self.free(), self.reserve());
            Health::LowSpace { free, reserve }
        })
    }

    /// Free bytes when last looked at.
    pub(crate) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// Bytes kept in reserve when last looked at.
    pub(crate) fn reserve(&self) -> u64 {
        self.reserve.load(Ordering::Relaxed)
    }

    /// Takes in what is free now. What waits for its place in a segment counts as used. Appends end below the reserve
    /// and begin again a quarter of it above, so that they do not flicker.
    fn see(&self, free: u64, promised: u64, reserve: u64) {
        self.free.store(free, Ordering::Relaxed);
        self.reserve.store(reserve, Ordering::Relaxed);
        let left = free.saturating_sub(promised);
        if left < reserve {
            self.low.store(true, Ordering::Release);
        } else if left >= reserve.saturating_add(reserve / 4) {
            self.low.store(false, Ordering::Release);
        }
    }
}

/// What is kept in reserve of a file system of `total` bytes where no option says.
fn default_reserve(total: u64) -> u64 {
    DEFAULT_RESERVE.min(total / DEFAULT_PART)
}

impl Shared {
    /// Looks at the free space of the disk. When the disk does not tell, what was seen last stays.
    pub(crate) fn look_at_space(&self) {
        let option = self.context.options.disk_reserve;
        // A simulation is to ask for nothing that it does not need.
        if self.is_inline() && option == Some(0) {
            return;
        }
        let Ok(space) = self.context.fs.space() else {
            return;
        };
        let reserve = option.unwrap_or_else(|| default_reserve(space.total));
        let promised = self.cache.unflushed_bytes.load(Ordering::Acquire);
        self.space.see(space.free, promised, reserve);
    }
}

/// Looks at free space until the store stops.
pub(super) fn watch(shared: &Shared) {
    loop {
        {
            let mut state = shared.signals.state.lock();
            if !state.stop {
                shared.signals.space.wait_for(&mut state, LOOK_EVERY);
            }
            if state.stop {
                return;
            }
        }
        shared.look_at_space();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_end_below_the_reserve_and_begin_again_a_quarter_above_it() {
        let guard = SpaceGuard::default();
        let refused = |free, promised| {
            guard.see(free, promised, 100);
            guard.refusal().is_some()
        };
        assert!(!refused(100, 0));
        assert!(refused(99, 0));
        assert!(refused(124, 0), "a little room is not enough");
        assert!(!refused(125, 0));
        assert!(!refused(110, 0), "nor is a little less too little");
        assert!(
            refused(150, 51),
            "what waits for its place in a segment has been promised its room"
        );
    }

    #[test]
    fn the_reserve_suits_the_disk() {
        let gib = 1024 * 1024 * 1024;
        assert_eq!(default_reserve(500 * gib), gib);
        assert_eq!(default_reserve(10 * gib), gib / 2);
    }

    #[test]
    fn without_a_reserve_nothing_is_refused() {
        let guard = SpaceGuard::default();
        guard.see(0, 7, 0);
        assert_eq!((guard.refusal(), guard.health()), (None, None));
    }
}
