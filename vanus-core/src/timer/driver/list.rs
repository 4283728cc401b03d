//! Listing timers: what the index holds, and what it does not hold yet.

use vanus_storage::meta::MetaError;
use vanus_types::{checksum::crc32c, control::TimerFilter, limits::MAX_SCANNED_TIMERS};

use super::{Driver, Listed};
use crate::timer::{
    index::{Index, Page},
    shard::{Place, Timer},
};

/// Where a list begins and ends.
fn bounds(filter: &TimerFilter, from: Option<Place>) -> (Option<Place>, Place) {
    let first = filter.from_ms.map(|due_ms| Place { due_ms, id: 0 });
    let after = match (first.and_then(Place::before), from) {
        (Some(first), Some(from)) => Some(first.max(from)),
        (first, from) => first.or(from),
    };
    let until = filter.until_ms.map(|due_ms| Place { due_ms, id: 0 });
    (after, until.unwrap_or(Place::MAX))
}

/// The part of the index that a list looks at, and how far it reaches.
pub(super) fn page(
    index: &Index,
    filter: &TimerFilter,
    from: Option<Place>,
) -> Result<(Page, Place), MetaError> {
    let (after, until) = bounds(filter, from);
    let (mut all, mut after) = (Page::default(), after);
    while all.timers.len() < MAX_SCANNED_TIMERS {
        let page = index.page(after, until, MAX_SCANNED_TIMERS - all.timers.len())?;
        after = page.timers.last().map(|(place, _)| *place).or(after);
        all.timers.extend(page.timers);
        all.more = page.more;
        if !page.more {
            break;
        }
    }
    let reached = all.timers.last().map(|(place, _)| place.after());
    let until = reached.filter(|_| all.more).unwrap_or(until);
    Ok((all, until))
}

impl Driver {
    /// Puts together what a page of the index holds and what changed since.
    pub(super) fn list(
        &self,
        page: Page,
        until: Place,
        filter: &TimerFilter,
        from: Option<Place>,
        limit: usize,
    ) -> Listed {
        let (after, _) = bounds(filter, from);
        let start = after.map_or(Place::MIN, Place::after);
        let more = page.more;
        let mut timers: std::collections::BTreeMap<_, _> = page.timers.into_iter().collect();
        let changes: Vec<_> = self.shard.unwritten().collect();
        for changes in changes.into_iter().rev() {
            if start >= until {
                break;
            }
            for (place, change) in changes.places.range(start..until) {
                match change.value {
                    Some(value) => timers.insert(*place, value),
                    None => timers.remove(place),
                };
            }
        }
        let key = filter.key.as_deref().map(|key| crc32c(key.as_bytes()));
        let wanted = |timer: &Timer| {
            let bus = filter
                .eventbus_id
                .is_none_or(|id| id == timer.goes.eventbus);
            bus && key.is_none_or(|key| timer.goes.key == Some(key))
        };
        let all = timers.into_iter().map(|(place, value)| value.timer(place));
        let mut found: Vec<Timer> = all.filter(wanted).take(limit + 1).collect();
        let cut = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(Timer::place);
        let next = match (cut, more) {
            (true, _) => last,
            (false, true) => until.before(),
            (false, false) => None,
        };
        Listed {
            timers: found,
            next,
        }
    }
}
