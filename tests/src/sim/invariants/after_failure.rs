//! After a failed sync, or once it has said that it stopped, a store acknowledges nothing until it is opened again,
//! and what it is sent then is not stored.

use std::collections::BTreeSet;

use super::Findings;
use crate::{
    oracle::Violation,
    sim::trace::{Entry, Fail, Struck},
};

/// Finds acknowledgements of a store that has stopped, and events that it stored all the same.
#[must_use]
pub fn after_failure(entries: &[Entry]) -> Vec<Violation> {
    let mut findings = Findings::of("after-failure");
    let (mut stopped, mut failing) = (false, false);
    let mut refused: BTreeSet<u64> = BTreeSet::new();
    let mut sent_before: BTreeSet<u64> = BTreeSet::new();
    for (line, entry) in entries.iter().enumerate() {
        let good = match entry {
            Entry::Opened(_) | Entry::NotOpened(..) => {
                (stopped, failing) = (false, false);
                continue;
            }
            Entry::Struck(Struck::Unsynced) => {
                failing = true;
                continue;
            }
            Entry::Sent(sent) => {
                let numbers = sent.events.iter().map(|mark| mark.number);
                if stopped {
                    refused.extend(numbers.filter(|number| !sent_before.contains(number)));
                } else {
                    numbers.for_each(|number| {
                        refused.remove(&number);
                        sent_before.insert(number);
                    });
                }
                sent.answer.map(|_| ())
            }
            Entry::Created(_, answer) | Entry::Deleted(_, answer) | Entry::Checkpointed(answer) => {
                *answer
            }
            Entry::Expired { answer, .. } => answer.map(|_| ()),
            Entry::Audit { log, events, .. } => {
                let wrong = events
                    .iter()
                    .find(|seen| refused.contains(&seen.mark.number));
                if let Some(seen) = wrong {
                    let (offset, number) = (seen.offset, seen.mark.number);
                    let fact = format!("{log}/{offset} is n{number}, sent to a stopped store");
                    findings.note(line, &fact);
                }
                continue;
            }
            // A tick that had nothing to do says nothing.
            Entry::Ticked(_, Err(fail)) => Err(*fail),
            _ => continue,
        };
        findings.unless(!(stopped && good.is_ok()), line, || {
            format!("acknowledged by a stopped store: {entry:?}")
        });
        // A request during which a sync failed is refused itself, unless what it asked for was safe before that.
        stopped |= failing || good == Err(Fail::Poisoned);
    }
    findings.found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::invariants::sample::*;

    #[test]
    fn an_acknowledgement_after_a_failed_sync_is_found() {
        let mut trace = vec![Entry::Opened(vec![1]), Entry::Struck(Struck::Unsynced)];
        trace.push(refused(0, Fail::Poisoned));
        assert!(after_failure(&trace).is_empty());
        trace.push(sent(0, 1, true));
        only(&after_failure(&trace), "acknowledged by a stopped store");
        trace.insert(3, Entry::Opened(vec![1]));
        assert!(after_failure(&trace).is_empty());
    }

    #[test]
    fn an_event_that_a_stopped_store_kept_is_found() {
        let mut trace = vec![Entry::Opened(vec![1]), refused(7, Fail::Poisoned)];
        trace.push(refused(0, Fail::Poisoned));
        trace.extend([Entry::Opened(vec![1]), audit(0..1)]);
        only(&after_failure(&trace), "n0, sent to a stopped store");
    }
}
