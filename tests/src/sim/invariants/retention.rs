//! Retention deletes only what is old enough, keeps what it has deleted gone, and never takes from a reader what lies
//! at the start or after it.

use std::collections::BTreeMap;

use super::Findings;
use crate::{
    oracle::Violation,
    sim::trace::{Entry, Sent},
};

#[derive(Debug)]
struct Kept {
    /// The first offset kept, and the one that stays the first whatever comes.
    start: u64,
    confirmed: u64,
    end: u64,
    times: BTreeMap<u64, i64>,
    /// The latest time before which anything was to be deleted.
    before_ms: i64,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            start: 0,
            confirmed: 0,
            end: 0,
            times: BTreeMap::new(),
            before_ms: i64::MIN,
        }
    }
}

impl Kept {
    fn learn(&mut self, sent: &Sent) {
        let fresh = sent.answer.ok().filter(|ack| !ack.duplicate);
        let Some(ack) = fresh else { return };
        for (offset, _) in (ack.base..).zip(&sent.events) {
            self.times.insert(offset, ack.time_ms);
            self.end = self.end.max(offset + 1);
        }
    }

    /// The start is at `start` now: what is wrong with that.
    fn move_to(&mut self, start: u64) -> Option<String> {
        let young = self
            .times
            .range(..start)
            .find(|(_, time_ms)| **time_ms >= self.before_ms);
        let wrong = match young {
            Some((offset, time_ms)) => Some(format!(
                "{offset}, appended at {time_ms}, was deleted; before {} was asked for",
                self.before_ms
            )),
            None if start > self.end => Some(format!("the start {start} lies beyond the end")),
            None if start < self.confirmed => Some(format!(
                "the start is {start} again, after {}",
                self.confirmed
            )),
            None => None,
        };
        self.times = self.times.split_off(&start);
        self.start = start;
        wrong
    }
}

/// Finds events that were deleted too early, or came back.
#[must_use]
pub fn retention(entries: &[Entry]) -> Vec<Violation> {
    let mut findings = Findings::of("retention");
    let mut logs: BTreeMap<u64, Kept> = BTreeMap::new();
    for (line, entry) in entries.iter().enumerate() {
        let (log, wrong) = match entry {
            Entry::Deleted(log, Ok(())) => {
                logs.remove(log);
                continue;
            }
            Entry::Opened(there) => {
                logs.retain(|log, _| there.contains(log));
                continue;
            }
            Entry::Sent(sent) => {
                logs.entry(sent.log).or_default().learn(sent);
                continue;
            }
            Entry::Expired {
                log,
                before_ms,
                answer,
                start,
            } => {
                let Some(kept) = logs.get_mut(log) else {
                    continue;
                };
                kept.before_ms = kept.before_ms.max(*before_ms);
                let idle = *answer == Ok(0) && *start != kept.start;
                let wrong = kept.move_to(*start);
                if answer.is_ok() {
                    kept.confirmed = *start;
                }
                let moved = idle.then(|| "nothing was deleted, and the start moved".to_owned());
                (log, wrong.or(moved))
            }
            Entry::Audit {
                log,
                start,
                end,
                events,
            } => {
                let kept = logs.entry(*log).or_default();
                // What a loss of power took from the page cache was not deleted.
                drop(kept.times.split_off(end));
                kept.end = *end;
                let wrong = kept.move_to(*start);
                let times = events.iter().map(|seen| (seen.offset, seen.time_ms));
                kept.times.extend(times);
                (log, wrong)
            }
            _ => continue,
        };
        if let Some(wrong) = wrong {
            findings.note(line, &format!("{log}: {wrong}"));
        }
    }
    findings.found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::invariants::sample::*;

    const fn expired(before_ms: i64, start: u64) -> Entry {
        Entry::Expired {
            log: 1,
            before_ms,
            answer: Ok(1),
            start,
        }
    }

    #[test]
    fn what_is_deleted_too_early_or_comes_back_is_found() {
        let trace = |before_ms, start| [audit(0..10), expired(before_ms, start), audit(start..10)];
        assert!(retention(&trace(5, 5)).is_empty());
        only(&retention(&trace(5, 6)), "1: 5, appended at 5, was deleted");
        let back = [audit(0..10), expired(5, 5), audit(2..10)];
        only(&retention(&back), "the start is 2 again, after 5");
        only(
            &retention(&[audit(0..10), audit(3..10)]),
            "appended at 0, was deleted",
        );
    }
}
