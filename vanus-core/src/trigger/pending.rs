//! Events that wait for their next attempt. Pure.

use std::collections::{BTreeMap, btree_map::Entry};

use vanus_types::codec;

use crate::timer::wheel::{Tick, TimerHandle, Wheel};

/// Why an event waits, and how often it was tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, codec::Encode, codec::Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub(crate) struct Retry {
    /// Attempts made so far.
    pub(crate) attempts: u32,
    /// When the next attempt is due, in milliseconds since the Unix epoch.
    pub(crate) due_ms: i64,
    /// What the last attempt met; empty before the first.
    pub(crate) error: String,
    /// The route it took the last time, if there are routes.
    pub(crate) route: Option<String>,
    /// Set once no attempt is left and the event is on its way to the dead letter eventbus.
    pub(crate) give_up: Option<String>,
}

/// The retries of one subscription and eventlog, by offset and by due time.
#[derive(Debug, Default)]
pub(crate) struct PendingRetries {
    by_offset: BTreeMap<u64, (Retry, TimerHandle)>,
    /// Offsets by the time they are due; none while nothing waits, which is most of the time.
    wheel: Option<Wheel<u64>>,
}

impl PendingRetries {
    /// Number of events that wait.
    pub(crate) fn len(&self) -> usize {
        self.by_offset.len()
    }

    /// The least offset that waits.
    pub(crate) fn first_offset(&self) -> Option<u64> {
        self.by_offset.first_key_value().map(|(offset, _)| *offset)
    }

    /// Puts an event on the list, or changes its entry.
    pub(crate) fn insert(&mut self, offset: u64, retry: Retry) {
        let wheel = self.wheel.get_or_insert_with(|| empty_wheel(0));
        match self.by_offset.entry(offset) {
            Entry::Occupied(mut entry) => {
                let (old, handle) = entry.get_mut();
                wheel.update(*handle, retry.due_ms);
                *old = retry;
            }
            Entry::Vacant(entry) => {
                // Far fewer may wait than a wheel can hold.
                if let Ok(handle) = wheel.insert(retry.due_ms, offset) {
                    entry.insert((retry, handle));
                }
            }
        }
    }

    /// When to look for the next attempt, in milliseconds since the Unix epoch: when it is due, or
    /// some time before if that is far ahead.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.wheel.as_ref().and_then(Wheel::next_ms)
    }

    /// Takes the event that is due longest, if one is due at `now_ms`.
    pub(crate) fn take_due(&mut self, now_ms: i64) -> Option<(u64, Retry)> {
        self.follow_back(now_ms);
        let offset = self.wheel.as_mut()?.pop(now_ms)?.value;
        let (retry, _) = self.by_offset.remove(&offset)?;
        if self.by_offset.is_empty() {
            self.wheel = None;
        }
        Some((offset, retry))
    }

    /// Brings due times that lie too far ahead, after a jump of the wall clock, back to
    /// `now_ms + longest_ms`.
    pub(crate) fn clamp(&mut self, now_ms: i64, longest_ms: u32) {
        let latest = now_ms.saturating_add(i64::from(longest_ms));
        let Some(wheel) = &mut self.wheel else {
            return;
        };
        let late = self.by_offset.values_mut();
        for (retry, handle) in late.filter(|(retry, _)| retry.due_ms > latest) {
            retry.due_ms = latest;
            wheel.update(*handle, latest);
        }
    }

    /// A wheel never runs back, but the wall clock may, and what it had passed is ahead again.
    fn follow_back(&mut self, now_ms: i64) {
        if self
            .wheel
            .as_ref()
            .is_none_or(|wheel| wheel.position_ms() <= now_ms)
        {
            return;
        }
        let mut wheel = empty_wheel(now_ms);
        for (offset, (retry, handle)) in &mut self.by_offset {
            if let Ok(again) = wheel.insert(retry.due_ms, *offset) {
                *handle = again;
            }
        }
        self.wheel = Some(wheel);
    }
}

fn empty_wheel(start_ms: i64) -> Wheel<u64> {
    Wheel::new(Tick::default(), u32::MAX, start_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(due_ms: i64) -> Retry {
        Retry {
            attempts: 1,
            due_ms,
            ..Retry::default()
        }
    }

    #[test]
    fn events_come_out_at_their_due_time_and_not_before() {
        let mut pending = PendingRetries::default();
        pending.insert(7, retry(200));
        pending.insert(3, retry(100));
        pending.insert(7, retry(50));
        assert_eq!((pending.len(), pending.first_offset()), (2, Some(3)));
        assert_eq!(pending.take_due(49), None);
        assert_eq!(pending.take_due(50).map(|(offset, _)| offset), Some(7));
        assert_eq!(pending.next_due_ms(), Some(100));
        assert_eq!(pending.take_due(1_000).map(|(offset, _)| offset), Some(3));
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn a_clock_that_jumped_back_does_not_strand_an_event() {
        let mut pending = PendingRetries::default();
        pending.insert(1, retry(1_000_000));
        pending.insert(2, retry(150));
        pending.clamp(100, 60);
        assert_eq!(pending.take_due(150).map(|(offset, _)| offset), Some(2));
        assert_eq!(pending.take_due(160).map(|(offset, _)| offset), Some(1));
    }

    #[test]
    fn after_the_clock_went_back_events_wait_as_long_as_they_should() {
        let mut pending = PendingRetries::default();
        pending.insert(1, retry(50_000));
        pending.insert(2, retry(20_000));
        assert_eq!(pending.take_due(30_000).map(|(offset, _)| offset), Some(2));
        assert_eq!(pending.take_due(30_000), None);
        pending.insert(3, retry(6_000));
        assert_eq!(pending.take_due(5_000), None);
        assert_eq!(pending.take_due(6_000).map(|(offset, _)| offset), Some(3));
        assert_eq!(pending.take_due(49_999), None);
        assert_eq!(pending.take_due(50_000).map(|(offset, _)| offset), Some(1));
    }

    #[test]
    fn whoever_looks_when_told_takes_each_event_when_it_is_due() {
        let mut pending = PendingRetries::default();
        let dues = [1_000, 3_600_000, 3_600_001, 77, 5_000_000_000];
        for (offset, due_ms) in dues.into_iter().enumerate() {
            pending.insert(offset as u64, retry(due_ms));
        }
        let (mut looks, mut taken) = (0, Vec::new());
        while let Some(next) = pending.next_due_ms() {
            looks += 1;
            while let Some((_, retry)) = pending.take_due(next) {
                assert_eq!(retry.due_ms, next);
                taken.push(next);
            }
        }
        assert_eq!(taken, [77, 1_000, 3_600_000, 3_600_001, 5_000_000_000]);
        assert!(looks <= 20, "{looks} looks");
    }
}
