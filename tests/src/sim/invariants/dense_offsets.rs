//! Offsets have no gaps, and each is given to one event: an acknowledged batch lies right behind the one before it,
//! and a reader is given consecutive offsets from the one on that it asked for.

use std::collections::BTreeMap;

use super::Findings;
use crate::{
    oracle::Violation,
    sim::trace::{Entry, Seen},
};

/// Finds gaps and overlaps.
#[must_use]
pub fn dense_offsets(entries: &[Entry]) -> Vec<Violation> {
    let mut findings = Findings::of("dense-offsets");
    // The next offset of each eventlog.
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    for (line, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Opened(_) => ends.clear(),
            Entry::Created(log, Ok(())) => drop(ends.insert(*log, 0)),
            Entry::Sent(sent) => {
                let (Ok(ack), Some(end)) = (sent.answer, ends.get_mut(&sent.log)) else {
                    continue;
                };
                let next = ack.base + sent.events.len() as u64;
                let good = if ack.duplicate {
                    next <= *end
                } else {
                    ack.base == *end
                };
                findings.unless(good, line, || {
                    format!("{}/{} was given out at end {end}", sent.log, ack.base)
                });
                *end = next.max(*end);
            }
            Entry::Read(log, at, Ok(reading)) => {
                consecutive(
                    &mut findings,
                    line,
                    *log,
                    *at,
                    reading.next,
                    &reading.events,
                );
                let stuck = reading.events.is_empty() && *at != reading.end;
                findings.unless(!stuck, line, || format!("{log}/{at} was read as nothing"));
            }
            Entry::Audit {
                log,
                start,
                end,
                events,
            } => {
                consecutive(&mut findings, line, *log, *start, *end, events);
                let known = ends.entry(*log).or_insert(*end);
                findings.unless(known == end, line, || {
                    format!("{log} ends at {end}, not at {known}")
                });
            }
            _ => {}
        }
    }
    findings.found
}

fn consecutive(
    findings: &mut Findings,
    line: usize,
    log: u64,
    at: u64,
    next: u64,
    events: &[Seen],
) {
    let gap = (at..)
        .zip(events)
        .find(|(expected, seen)| seen.offset != *expected);
    if let Some((expected, seen)) = gap {
        findings.note(
            line,
            &format!("{log}/{} where {expected} comes next", seen.offset),
        );
    }
    let last = events.last().map_or(at, |seen| seen.offset + 1);
    findings.unless(last == next, line, || {
        format!("{log} is read to {last}, and on from {next}")
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::invariants::sample::*;

    #[test]
    fn a_gap_and_an_offset_given_twice_are_found() {
        let mut trace = vec![Entry::Opened(vec![1]), audit(0..2), sent(2, 2, true)];
        assert!(dense_offsets(&trace).is_empty());
        trace.push(sent(5, 1, true));
        only(&dense_offsets(&trace), "1/5 was given out at end 4");
        trace.pop();
        trace.push(sent(3, 1, true));
        only(&dense_offsets(&trace), "1/3 was given out at end 4");
    }

    #[test]
    fn a_reading_with_a_gap_is_found() {
        let Entry::Read(log, at, Ok(mut reading)) = read(0..3) else {
            unreachable!()
        };
        reading.events.remove(1);
        let trace = [Entry::Read(log, at, Ok(reading))];
        only(&dense_offsets(&trace), "1/2 where 1 comes next");
    }
}
