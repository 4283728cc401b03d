//! Bugs that are planted in what timers are given.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use bytes::Bytes;
use vanus_storage::meta::{
    CommitFuture, MemoryMeta, MetaBatch, MetaError, MetaHealth, MetaStore, Scan, ScanPage, Table,
};
use vanus_types::Clock;

use super::clock::SimClock;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// Timers fire a tick early.
    TickEarly,
    /// Of what leaves memory, some is never found again.
    Forgetful,
    /// What was under way fires again after a hand-over: the eventlogs it went to do not remember by whom they were written.
    FiresTwice,
    /// Waiting goes by the wall clock.
    WallClock,
}

impl Bug {
    pub(super) const ALL: [Self; 4] = [
        Self::TickEarly,
        Self::Forgetful,
        Self::FiresTwice,
        Self::WallClock,
    ];
}

/// The clock that timers are given.
#[derive(Debug)]
pub(super) struct GivenClock {
    pub(super) clock: Arc<SimClock>,
    pub(super) bug: Option<Bug>,
    /// The farthest the wall clock was set ahead, in microseconds, for the bug that waits by it.
    pub(super) farthest_us: AtomicI64,
}

impl Clock for GivenClock {
    fn now_ms(&self) -> i64 {
        let early = if self.bug == Some(Bug::TickEarly) {
            10
        } else {
            0
        };
        self.clock.now_ms() + early
    }

    fn monotonic_ns(&self) -> u64 {
        if self.bug != Some(Bug::WallClock) {
            return self.clock.monotonic_ns();
        }
        // It never runs back all the same.
        let set = self.clock.set_us();
        let farthest = self.farthest_us.fetch_max(set, Ordering::SeqCst).max(set);
        self.clock.monotonic_ns() + farthest.unsigned_abs() * 1_000
    }
}

/// The metadata store that timers are given.
#[derive(Debug)]
pub(super) struct GivenMeta {
    pub(super) meta: MemoryMeta,
    pub(super) bug: Option<Bug>,
}

impl MetaStore for GivenMeta {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError> {
        self.meta.get(table, key)
    }

    fn scan(&self, table: Table, scan: &Scan) -> Result<ScanPage, MetaError> {
        let mut page = self.meta.scan(table, scan)?;
        if self.bug == Some(Bug::Forgetful) {
            let kept = |(key, _): &(Bytes, Bytes)| {
                key.first() != Some(&b't') || key.last().is_none_or(|last| last % 8 != 3)
            };
            page.entries.retain(kept);
        }
        Ok(page)
    }

    fn commit(&self, batch: MetaBatch) -> CommitFuture {
        self.meta.commit(batch)
    }

    fn health(&self) -> MetaHealth {
        self.meta.health()
    }
}
