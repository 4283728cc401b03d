//! What all the oracles together say.

use std::fmt;

use super::{
    Passes, acked_present, conservation, dense_offsets, no_duplicate, no_phantom,
    one_offset_one_event, reader_monotonic,
};
use crate::history::{Act, Answer, DEAD_LETTERS, History, Outcome};

/// One broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The oracle that found it.
    pub oracle: &'static str,
    /// What happened, and where.
    pub fact: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.oracle, self.fact)
    }
}

/// What all the oracles together say about a history.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Sends that were acknowledged.
    pub acked: usize,
    /// Sends of which nobody knows how they ended.
    pub unknown: usize,
    /// Sends that were refused.
    pub refused: usize,
    /// Events in the last readings of eventlogs.
    pub stored: usize,
    /// Deliveries that a sink took.
    pub delivered: usize,
    /// Offers that a sink did not take.
    pub declined: usize,
    /// Every broken promise.
    pub violations: Vec<Violation>,
}

impl Verdict {
    /// How many violations this oracle found.
    #[must_use]
    pub fn found_by(&self, oracle: &str) -> usize {
        let found = self.violations.iter().filter(|v| v.oracle == oracle);
        found.count()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "acked={} unknown={} refused={} stored={} delivered={} declined={} lost={} phantom={} \
             duplicate={} conflicting={} gaps={} unmonotonic={} unaccounted={}",
            self.acked,
            self.unknown,
            self.refused,
            self.stored,
            self.delivered,
            self.declined,
            self.found_by("acked-present"),
            self.found_by("no-phantom"),
            self.found_by("no-duplicate"),
            self.found_by("one-offset-one-event"),
            self.found_by("dense-offsets"),
            self.found_by("reader-monotonic"),
            self.found_by("conservation"),
        )
    }
}

/// Asks every oracle.
#[must_use]
pub fn judge(history: &History, passes: &Passes) -> Verdict {
    let mut verdict = Verdict::default();
    for operation in history.operations() {
        match &operation.act {
            Act::Send(send) => match send.outcome {
                Outcome::Ok => verdict.acked += 1,
                Outcome::Info => verdict.unknown += 1,
                Outcome::Fail => verdict.refused += 1,
            },
            Act::Deliver(deliver) if deliver.answer == Answer::Taken => verdict.delivered += 1,
            Act::Deliver(_) => verdict.declined += 1,
            Act::Poll(_) | Act::Drained { .. } => {}
        }
    }
    let readings = history.last_readings();
    let logs = readings
        .iter()
        .filter(|(log, _)| !log.starts_with(DEAD_LETTERS));
    verdict.stored = logs.map(|(_, reading)| reading.messages.len()).sum();
    verdict.violations.extend(acked_present(history));
    verdict.violations.extend(no_phantom(history));
    verdict.violations.extend(no_duplicate(history));
    verdict.violations.extend(one_offset_one_event(history));
    verdict.violations.extend(dense_offsets(history));
    verdict.violations.extend(reader_monotonic(history));
    verdict.violations.extend(conservation(history, passes));
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::planted;

    #[test]
    fn a_healthy_history_is_found_healthy_and_counted() {
        let verdict = judge(&planted::healthy(), &planted::passes());
        assert_eq!(verdict.violations, []);
        let text = verdict.to_string();
        let start = "acked=3 unknown=2 refused=1 stored=4 delivered=5 declined=3 lost=0 phantom=0 ";
        assert!(text.starts_with(start), "{text}");
    }
}
