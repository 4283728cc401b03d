//! Nothing is invented or altered: what is read was sent, to this eventlog, byte for byte, and was not refused.

use std::collections::BTreeMap;

use super::Findings;
use crate::{
    oracle::Violation,
    sim::trace::{Entry, Fail, Seen},
};

#[derive(Debug, Clone, Copy)]
struct Known {
    log: u64,
    crc: u32,
    /// Nobody was told that it may be stored.
    refused: bool,
}

/// Finds events that nobody sent, that are not what was sent, or that had been refused.
#[must_use]
pub fn nothing_invented(entries: &[Entry]) -> Vec<Violation> {
    let mut findings = Findings::of("nothing-invented");
    let mut known: BTreeMap<u64, Known> = BTreeMap::new();
    for (line, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Sent(sent) => {
                // A store that stopped does not know; every other refusal says that nothing was stored.
                let refused = !matches!(sent.answer, Ok(_) | Err(Fail::Poisoned));
                for mark in &sent.events {
                    let fresh = Known {
                        log: sent.log,
                        crc: mark.crc,
                        refused: true,
                    };
                    known.entry(mark.number).or_insert(fresh).refused &= refused;
                }
            }
            Entry::Read(log, _, Ok(reading)) => {
                look(&mut findings, line, *log, &known, &reading.events);
            }
            Entry::Audit { log, events, .. } => look(&mut findings, line, *log, &known, events),
            _ => {}
        }
    }
    findings.found
}

fn look(
    findings: &mut Findings,
    line: usize,
    log: u64,
    known: &BTreeMap<u64, Known>,
    events: &[Seen],
) {
    for seen in events {
        let what = match known.get(&seen.mark.number) {
            None => "nobody sent it",
            Some(known) if known.log != log => "it was sent to another eventlog",
            Some(known) if known.crc != seen.mark.crc => "it was altered",
            Some(known) if known.refused => "it had been refused",
            Some(_) => continue,
        };
        let (offset, number) = (seen.offset, seen.mark.number);
        findings.note(line, &format!("{log}/{offset} is n{number}: {what}"));
        return;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{invariants::sample::*, trace::Mark};

    #[test]
    fn an_event_that_is_not_what_was_sent_is_found() {
        let trace = |last| [sent(0, 2, true), last];
        assert!(nothing_invented(&trace(read(0..2))).is_empty());
        only(&nothing_invented(&trace(audit(0..3))), "nobody sent it");
        let altered = Mark { number: 1, crc: 9 };
        only(
            &nothing_invented(&trace(replaced(read(0..2), altered))),
            "altered",
        );
    }

    #[test]
    fn an_event_that_was_refused_and_is_there_is_found() {
        let mut trace = vec![refused(0, Fail::Full), audit(0..1)];
        only(&nothing_invented(&trace), "it had been refused");
        trace.insert(0, refused(0, Fail::Poisoned));
        assert!(nothing_invented(&trace).is_empty());
    }
}
