//! How many events an eventlog holds that are still needed, range by range, so that its oldest part can go.

use std::collections::BTreeMap;

/// Offsets of one range.
const RANGE: u64 = 16_384;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(BTreeMap<u64, u32>);

impl Ranges {
    pub(super) fn restore(counts: impl IntoIterator<Item = (u64, u32)>) -> Self {
        Self(counts.into_iter().collect())
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = (u64, u32)> {
        self.0.iter().map(|(range, count)| (*range, *count))
    }

    /// The event at `offset` is needed.
    pub(super) fn add(&mut self, offset: u64) {
        *self.0.entry(offset / RANGE).or_default() += 1;
    }

    /// The event at `offset` is needed no more.
    pub(super) fn remove(&mut self, offset: u64) {
        let range = offset / RANGE;
        if let Some(count) = self.0.get_mut(&range) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&range);
            }
        }
    }

    /// No event below this offset is needed; nothing if none is needed at all.
    pub(super) fn first(&self) -> Option<u64> {
        self.0.first_key_value().map(|(range, _)| range * RANGE)
    }

    /// The offsets of the first range in which something is needed, and how many events that are.
    pub(super) fn oldest(&self) -> Option<(std::ops::Range<u64>, u32)> {
        let (range, count) = self.0.first_key_value()?;
        Some((range * RANGE..(range + 1) * RANGE, *count))
    }
}
