//! Errors have a reason: a store stops only after a fault of the disk, is full only when the disk is, does not find
//! only what is not there, and finds nothing damaged that was not damaged.

use std::collections::BTreeMap;

use super::Findings;
use crate::{
    oracle::Violation,
    sim::trace::{Entry, Fail, Stop, Struck},
};

#[derive(Debug, Default)]
struct Moment {
    full: bool,
    /// A fault that a store may stop for has struck in this life.
    failed: bool,
    /// What struck during the request that is judged next.
    struck: Vec<Struck>,
    /// Which eventlogs are there; `None` where a request was not answered.
    there: BTreeMap<u64, Option<bool>>,
    /// The least and the most that is known of start and end.
    bounds: BTreeMap<u64, (u64, u64)>,
}

impl Moment {
    fn allows(&self, fail: Fail, log: u64) -> bool {
        let struck = |kinds: &[Struck]| self.struck.iter().any(|kind| kinds.contains(kind));
        match fail {
            Fail::Poisoned => self.failed,
            Fail::Full => self.full || struck(&[Struck::NoSpace]),
            Fail::UnknownLog => self.there.get(&log) != Some(&Some(true)),
            Fail::Disk => struck(&[Struck::Failed, Struck::Unsynced, Struck::NoSpace]),
            Fail::Corrupted => struck(&[Struck::Damaged]),
            // Judged by the model of producers.
            Fail::OutOfSequence { .. } | Fail::Forgotten => true,
            Fail::Underflow { .. }
            | Fail::Overflow { .. }
            | Fail::BeingDeleted
            | Fail::TooMuch
            | Fail::Closed
            | Fail::Unusable => false,
        }
    }

    /// Whether a reader may be told that there is nothing at `at`.
    fn allows_at(&self, fail: Fail, log: u64, at: u64) -> bool {
        let (start, end) = self.bounds.get(&log).copied().unwrap_or((0, u64::MAX));
        match fail {
            Fail::Underflow { start: told } => at < told && told == start,
            Fail::Overflow { end: told } => at > told && told == end,
            _ => self.allows(fail, log),
        }
    }
}

/// Finds errors without a reason.
#[must_use]
pub fn errors_allowed(entries: &[Entry]) -> Vec<Violation> {
    let mut findings = Findings::of("errors-allowed");
    let mut now = Moment::default();
    for (line, entry) in entries.iter().enumerate() {
        if let Entry::Struck(struck) = entry {
            now.failed |= !matches!(struck, Struck::Short | Struck::Damaged);
            now.struck.push(*struck);
            continue;
        }
        if let Some(fail) = now.judge(entry) {
            findings.note(line, &format!("{fail:?} without a reason: {entry:?}"));
        }
        now.struck.clear();
    }
    findings.found
}

impl Moment {
    /// Learns from a line; answers its error, if it has one that it should not have.
    fn judge(&mut self, entry: &Entry) -> Option<Fail> {
        match entry {
            Entry::Full(full) => {
                self.full = *full;
                None
            }
            Entry::Opened(logs) => {
                self.bounds.clear();
                self.there = logs.iter().map(|log| (*log, Some(true))).collect();
                None
            }
            Entry::NotOpened(fail, _) => (!self.allows(*fail, 0)).then_some(*fail),
            Entry::Stopped(stop) => {
                let unclosed = *stop == Stop::Closed(false) && !self.failed && !self.full;
                self.failed = false;
                unclosed.then_some(Fail::Closed)
            }
            Entry::Created(log, answer) => {
                self.there.insert(*log, answer.ok().map(|()| true));
                self.bounds.insert(*log, (0, 0));
                self.refused(*answer, *log)
            }
            Entry::Deleted(log, answer) => {
                let wrong = self.refused(*answer, *log);
                match answer {
                    Ok(()) => drop(self.there.insert(*log, Some(false))),
                    Err(Fail::Poisoned) => drop(self.there.insert(*log, None)),
                    Err(_) => {}
                }
                wrong
            }
            Entry::Sent(sent) => {
                if let (Ok(ack), Some(bounds)) = (sent.answer, self.bounds.get_mut(&sent.log)) {
                    bounds.1 = bounds.1.max(ack.base + sent.events.len() as u64);
                }
                self.refused(sent.answer, sent.log)
            }
            Entry::Read(log, at, Err(fail)) => (!self.allows_at(*fail, *log, *at)).then_some(*fail),
            Entry::Audit {
                log, start, end, ..
            } => {
                self.bounds.insert(*log, (*start, *end));
                None
            }
            Entry::Expired {
                log, answer, start, ..
            } => {
                if let Some(bounds) = self.bounds.get_mut(log) {
                    bounds.0 = bounds.0.max(*start);
                }
                self.refused(*answer, *log)
            }
            Entry::Ticked(_, answer) | Entry::Checkpointed(answer) => self.refused(*answer, 0),
            Entry::Read(_, _, Ok(_)) | Entry::Jumped(_) | Entry::Struck(_) => None,
        }
    }

    fn refused<T>(&self, answer: Result<T, Fail>, log: u64) -> Option<Fail> {
        answer.err().filter(|fail| !self.allows(*fail, log))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::invariants::sample::*;

    #[test]
    fn an_error_without_a_reason_is_found_and_one_with_a_reason_is_not() {
        for (struck, fail) in [
            (Struck::Unsynced, Fail::Poisoned),
            (Struck::NoSpace, Fail::Full),
        ] {
            let mut trace = vec![Entry::Opened(vec![1]), audit(0..0), refused(0, fail)];
            only(&errors_allowed(&trace), "without a reason");
            trace.insert(2, Entry::Struck(struck));
            assert!(errors_allowed(&trace).is_empty());
        }
        only(
            &errors_allowed(&[Entry::Opened(vec![1]), refused(0, Fail::UnknownLog)]),
            "UnknownLog",
        );
        only(
            &errors_allowed(&[Entry::NotOpened(Fail::Corrupted, String::new())]),
            "Corrupted",
        );
    }

    #[test]
    fn a_reader_between_start_and_end_that_is_sent_away_is_found() {
        let away = |at, fail| {
            let asked = Entry::Read(1, at, Err(fail));
            errors_allowed(&[Entry::Opened(vec![1]), audit(3..6), asked])
        };
        assert!(away(2, Fail::Underflow { start: 3 }).is_empty());
        assert!(away(7, Fail::Overflow { end: 6 }).is_empty());
        only(&away(4, Fail::Overflow { end: 3 }), "Overflow");
        only(&away(3, Fail::Disk), "Disk");
        only(&away(4, Fail::Corrupted), "Corrupted");
    }
}
