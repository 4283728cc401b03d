//! From the calendar to moments: gaps and overlaps of local time.

use jiff::{Timestamp, ToSpan, civil::DateTime, tz::AmbiguousOffset};

use super::{Zone, civil::Pattern};

impl Pattern {
    /// The first occurrence after `after_ms`, in milliseconds since the Unix epoch.
    pub(super) fn next_after(&self, after_ms: i64, zone: &Zone) -> Option<i64> {
        // Occurrences lie at whole seconds.
        let after = Timestamp::from_second(after_ms.div_euclid(1_000)).ok()?;
        let next = if self.has_every_hour() {
            self.next_passing(after, zone)?
        } else {
            self.next_of_day(after, zone)?
        };
        Some(next.as_millisecond())
    }

    /// By the time that passes: as local time goes on, from one change of the clocks to the next.
    fn next_passing(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let mut from = Timestamp::from_second(after.as_second().checked_add(1)?).ok()?;
        loop {
            let offset = zone.rules().to_offset(from);
            let change = zone.change_after(from);
            let next = self.next(offset.to_datetime(from));
            let next = next.and_then(|next| offset.to_timestamp(next).ok());
            match (next, change) {
                (Some(next), Some(change)) if next < change => return Some(next),
                (_, Some(change)) => from = change,
                (next, None) => return next,
            }
        }
    }

    /// By the hours of the day: every local time once, if it is there or not.
    fn next_of_day(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let mut from = behind(after, zone)?;
        loop {
            let next = self.next(from)?;
            let moment = moment_of(next, zone)?;
            if moment > after {
                return Some(moment);
            }
            from = next.checked_add(1.second()).ok()?;
        }
    }
}

/// The local time from which the next occurrence is to be looked for. In an hour that comes for the
/// second time, all of it has been.
fn behind(after: Timestamp, zone: &Zone) -> Option<DateTime> {
    let local = zone.local(after);
    if let AmbiguousOffset::Fold {
        before,
        after: second,
    } = zone.rules().to_ambiguous_timestamp(local).offset()
        && zone.rules().to_offset(after) == second
    {
        return Some(before.to_datetime(zone.change_until(after)?));
    }
    local.checked_add(1.second()).ok()
}

/// The moment of a local time: the first of two, or the first one after a gap.
fn moment_of(local: DateTime, zone: &Zone) -> Option<Timestamp> {
    match zone.rules().to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
        AmbiguousOffset::Gap { before, .. } => zone.change_until(before.to_timestamp(local).ok()?),
    }
}
