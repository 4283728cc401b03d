//! Events that wait for their next attempt. Pure.

use std::collections::{BTreeMap, BTreeSet};

use vanus_types::codec;

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
    by_offset: BTreeMap<u64, Retry>,
    by_due: BTreeSet<(i64, u64)>,
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
        let due = retry.due_ms;
        if let Some(old) = self.by_offset.insert(offset, retry) {
            self.by_due.remove(&(old.due_ms, offset));
        }
        self.by_due.insert((due, offset));
    }

    /// When the next attempt is due, in milliseconds since the Unix epoch.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.by_due.first().map(|(due, _)| *due)
    }

    /// Takes the event that is due longest, if one is due at `now_ms`.
    pub(crate) fn take_due(&mut self, now_ms: i64) -> Option<(u64, Retry)> {
        let (due, offset) = self.by_due.first().copied()?;
        if due > now_ms {
            return None;
        }
        self.by_due.remove(&(due, offset));
        self.by_offset.remove(&offset).map(|retry| (offset, retry))
    }

    /// Brings due times that lie too far ahead, after a jump of the wall clock, back to
    /// `now_ms + longest_ms`.
    pub(crate) fn clamp(&mut self, now_ms: i64, longest_ms: u32) {
        let latest = now_ms.saturating_add(i64::from(longest_ms));
        while let Some((due, offset)) = self.by_due.last().copied() {
            if due <= latest {
                break;
            }
            self.by_due.remove(&(due, offset));
            self.by_due.insert((latest, offset));
            if let Some(retry) = self.by_offset.get_mut(&offset) {
                retry.due_ms = latest;
            }
        }
    }
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
}
