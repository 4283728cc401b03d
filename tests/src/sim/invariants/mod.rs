//! What has to hold in every trace. One promise, one file; each is a pure function of the lines, and each is tested
//! with a trace that breaks it.

mod acked_kept;
mod after_failure;
mod append_times;
mod dense_offsets;
mod errors_allowed;
mod exactly_once;
mod logs_stay;
mod nothing_invented;
mod readers;
mod retention;
#[cfg(test)]
mod sample;

pub use self::{
    acked_kept::acked_kept, after_failure::after_failure, append_times::append_times,
    dense_offsets::dense_offsets, errors_allowed::errors_allowed, exactly_once::exactly_once,
    logs_stay::logs_stay, nothing_invented::nothing_invented, readers::readers,
    retention::retention,
};
use super::trace::Entry;
use crate::oracle::Violation;

/// The longest a batch acknowledged from the page cache waits to be synced, in milliseconds.
const SYNC_INTERVAL_MS: u64 = 1_000;

type Invariant = fn(&[Entry]) -> Vec<Violation>;

/// Asks every invariant.
#[must_use]
pub fn judge(entries: &[Entry]) -> Vec<Violation> {
    let all: [Invariant; 10] = [
        acked_kept,
        after_failure,
        append_times,
        dense_offsets,
        errors_allowed,
        exactly_once,
        logs_stay,
        nothing_invented,
        readers,
        retention,
    ];
    all.iter().flat_map(|judge| judge(entries)).collect()
}

/// Collects what one invariant found.
#[derive(Debug)]
struct Findings {
    oracle: &'static str,
    found: Vec<Violation>,
}

impl Findings {
    const fn of(oracle: &'static str) -> Self {
        Self {
            oracle,
            found: Vec::new(),
        }
    }

    fn note(&mut self, line: usize, fact: &str) {
        self.found.push(Violation {
            oracle: self.oracle,
            fact: format!("line {line}: {fact}"),
        });
    }

    fn unless(&mut self, holds: bool, line: usize, fact: impl FnOnce() -> String) {
        if !holds {
            self.note(line, &fact());
        }
    }
}
