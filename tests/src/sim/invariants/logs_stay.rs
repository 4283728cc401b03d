//! Eventlogs that were made are there until they are deleted, and then they stay gone.

use std::collections::BTreeMap;

use super::Findings;
use crate::{
    oracle::Violation,
    sim::trace::{Entry, Fail},
};

/// Finds eventlogs that are missing, came back, or were never made.
#[must_use]
pub fn logs_stay(entries: &[Entry]) -> Vec<Violation> {
    let mut findings = Findings::of("logs-stay");
    // Whether each is there; `None` where nobody was told.
    let mut known: BTreeMap<u64, Option<bool>> = BTreeMap::new();
    for (line, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Created(log, Ok(())) => drop(known.insert(*log, Some(true))),
            Entry::Created(log, Err(Fail::Poisoned)) => drop(known.insert(*log, None)),
            Entry::Deleted(log, Ok(())) => drop(known.insert(*log, Some(false))),
            Entry::Deleted(log, Err(Fail::Poisoned)) => drop(known.insert(*log, None)),
            Entry::Opened(there) => {
                for log in there {
                    let good = known.get(log).is_some_and(|known| *known != Some(false));
                    findings.unless(good, line, || format!("{log} is there and should not be"));
                }
                for (log, known) in &mut known {
                    let found = there.contains(log);
                    findings.unless(found || *known != Some(true), line, || {
                        format!("{log} is missing")
                    });
                    *known = Some(found);
                }
            }
            _ => {}
        }
    }
    findings.found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::invariants::sample::*;

    #[test]
    fn an_eventlog_that_is_missing_or_comes_back_is_found() {
        let made = Entry::Created(1, Ok(()));
        only(
            &logs_stay(&[made.clone(), Entry::Opened(vec![])]),
            "1 is missing",
        );
        let back = [
            made.clone(),
            Entry::Deleted(1, Ok(())),
            Entry::Opened(vec![1]),
        ];
        only(&logs_stay(&back), "1 is there and should not be");
        only(&logs_stay(&[Entry::Opened(vec![1])]), "should not be");
        let unknown = Entry::Deleted(1, Err(Fail::Poisoned));
        for there in [vec![], vec![1]] {
            let trace = [made.clone(), unknown.clone(), Entry::Opened(there)];
            assert!(logs_stay(&trace).is_empty());
        }
    }
}
