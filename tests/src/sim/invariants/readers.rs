//! A reader sees what is committed and nothing else: nothing that was not acknowledged, as the store works in the
//! order of its calls, and nothing that is another event later, unless it was in the page cache only when the power
//! failed.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use crate::{
    oracle::Violation,
    sim::trace::{Entry, Mark, Seen, Stop},
};

#[derive(Debug, Default)]
struct Shown {
    /// Committed in this life.
    end: u64,
    /// What anybody read.
    seen: BTreeMap<u64, Mark>,
}

/// Finds what was read before it was committed, or vanished after it was read.
#[must_use]
pub fn readers(entries: &[Entry]) -> Vec<Violation> {
    let mut findings = Findings::of("readers");
    let mut logs: BTreeMap<u64, Shown> = BTreeMap::new();
    // Events that somebody once wanted synced are not shown before that.
    let mut synced: BTreeSet<u64> = BTreeSet::new();
    let mut cached: BTreeSet<u64> = BTreeSet::new();
    let mut opening: BTreeSet<u64> = BTreeSet::new();
    for (line, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Opened(there) => {
                logs.retain(|log, _| there.contains(log));
                opening = there.iter().copied().collect();
            }
            Entry::Deleted(log, Ok(())) => drop(logs.remove(log)),
            Entry::Sent(sent) => {
                let numbers = sent.events.iter().map(|mark| mark.number);
                if sent.synced {
                    synced.extend(numbers);
                } else {
                    cached.extend(numbers);
                }
                if let Ok(ack) = sent.answer {
                    let shown = logs.entry(sent.log).or_default();
                    shown.end = shown.end.max(ack.base + sent.events.len() as u64);
                }
            }
            Entry::Stopped(Stop::PowerLost) => {
                let safe =
                    |mark: &Mark| synced.contains(&mark.number) && !cached.contains(&mark.number);
                for shown in logs.values_mut() {
                    shown.seen.retain(|_, mark| safe(mark));
                }
            }
            Entry::Read(log, _, Ok(reading)) => {
                let shown = logs.entry(*log).or_default();
                changed(&mut findings, line, *log, shown, &reading.events);
                findings.unless(reading.end <= shown.end, line, || {
                    format!(
                        "{log} was shown up to {}, committed is {}",
                        reading.end, shown.end
                    )
                });
            }
            Entry::Audit {
                log,
                start,
                end,
                events,
            } => {
                let shown = logs.entry(*log).or_default();
                changed(&mut findings, line, *log, shown, events);
                if opening.remove(log) {
                    shown.end = *end;
                }
                gone(&mut findings, line, *log, shown, *end);
                shown.seen.retain(|offset, _| offset >= start);
            }
            _ => {}
        }
    }
    findings.found
}

fn gone(findings: &mut Findings, line: usize, log: u64, shown: &mut Shown, end: u64) {
    if let Some((offset, mark)) = shown.seen.range(end..).next() {
        let fact = format!("{log}/{offset}, n{}, was read and is gone", mark.number);
        findings.note(line, &fact);
    }
    shown.seen.retain(|offset, _| *offset < end);
}

fn changed(findings: &mut Findings, line: usize, log: u64, shown: &mut Shown, events: &[Seen]) {
    for seen in events {
        let before = shown.seen.insert(seen.offset, seen.mark);
        if let Some(before) = before.filter(|before| *before != seen.mark) {
            let (offset, now) = (seen.offset, seen.mark.number);
            let fact = format!(
                "{log}/{offset} was read as n{} and is n{now}",
                before.number
            );
            return findings.note(line, &fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::invariants::sample::*;

    #[test]
    fn an_event_that_is_read_before_it_is_committed_is_found() {
        let mut trace = vec![Entry::Opened(vec![1]), audit(0..0), sent(0, 1, true)];
        trace.push(read(0..1));
        assert!(readers(&trace).is_empty());
        trace.push(read(0..2));
        only(&readers(&trace), "shown up to 2, committed is 1");
    }

    #[test]
    fn an_event_that_was_read_and_then_vanished_is_found() {
        let trace = |synced, stop| {
            let mut trace = vec![Entry::Opened(vec![1]), audit(0..0), sent(0, 1, synced)];
            trace.extend([read(0..1), Entry::Stopped(stop)]);
            trace.extend([Entry::Opened(vec![1]), audit(0..0)]);
            trace
        };
        only(
            &readers(&trace(true, Stop::PowerLost)),
            "was read and is gone",
        );
        only(
            &readers(&trace(false, Stop::Killed)),
            "was read and is gone",
        );
        assert!(readers(&trace(false, Stop::PowerLost)).is_empty());
    }

    #[test]
    fn an_event_that_is_another_later_is_found() {
        let again = replaced(read(0..1), mark(5));
        let trace = [Entry::Opened(vec![1]), audit(0..1), again];
        only(&readers(&trace), "1/0 was read as n0 and is n5");
    }
}
