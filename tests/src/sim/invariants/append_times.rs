//! Append times never go back: not in the order of offsets, not from one acknowledgement to the next, not over a
//! restart; and what an acknowledgement says is what is read.

use std::collections::BTreeMap;

use super::Findings;
use crate::{
    oracle::Violation,
    sim::trace::{Entry, Seen, Stop},
};

#[derive(Debug)]
struct Times {
    /// Of the last event that is safe, and of the last one of all.
    safe: i64,
    last: i64,
    acked: BTreeMap<u64, i64>,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            safe: i64::MIN,
            last: i64::MIN,
            acked: BTreeMap::new(),
        }
    }
}

/// Finds append times that go back, or are read as others than they were told.
#[must_use]
pub fn append_times(entries: &[Entry]) -> Vec<Violation> {
    let mut findings = Findings::of("append-times");
    let mut logs: BTreeMap<u64, Times> = BTreeMap::new();
    for (line, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Sent(sent) => {
                let Some(ack) = sent.answer.ok().filter(|ack| !ack.duplicate) else {
                    continue;
                };
                let times = logs.entry(sent.log).or_default();
                findings.unless(ack.time_ms >= times.last, line, || {
                    let (log, base, then) = (sent.log, ack.base, times.last);
                    format!("{log}/{base} got {}, after {then}", ack.time_ms)
                });
                times.last = ack.time_ms;
                if sent.synced {
                    times.safe = ack.time_ms;
                }
                for (offset, _) in (ack.base..).zip(&sent.events) {
                    times.acked.insert(offset, ack.time_ms);
                }
            }
            Entry::Stopped(Stop::PowerLost) => {
                logs.values_mut().for_each(|times| times.last = times.safe);
            }
            Entry::Opened(there) => logs.retain(|log, _| there.contains(log)),
            Entry::Deleted(log, Ok(())) => drop(logs.remove(log)),
            Entry::Read(log, _, Ok(reading)) => {
                let times = logs.entry(*log).or_default();
                ordered(&mut findings, line, *log, &reading.events);
                told(&mut findings, line, *log, times, &reading.events);
            }
            Entry::Audit {
                log, end, events, ..
            } => {
                let times = logs.entry(*log).or_default();
                ordered(&mut findings, line, *log, events);
                // What was lost with the page cache got its offset, and another time, from others.
                times.acked.retain(|offset, _| offset < end);
                let lost = |seen: &&Seen| times.acked.get(&seen.offset) != Some(&seen.time_ms);
                let anew: Vec<_> = events.iter().filter(lost).copied().collect();
                for seen in anew {
                    times.acked.insert(seen.offset, seen.time_ms);
                }
                // Seen is not safe: what nobody has synced yet is there, too, until power is lost.
                if let Some(last) = events.last() {
                    times.last = times.last.max(last.time_ms);
                }
            }
            _ => {}
        }
    }
    findings.found
}

fn ordered(findings: &mut Findings, line: usize, log: u64, events: &[Seen]) {
    let back = events
        .windows(2)
        .find(|pair| matches!(pair, [a, b] if a.time_ms > b.time_ms));
    if let Some([before, after]) = back {
        let fact = format!(
            "{log}/{} has {}, before {}",
            after.offset, after.time_ms, before.time_ms
        );
        findings.note(line, &fact);
    }
}

fn told(findings: &mut Findings, line: usize, log: u64, times: &Times, events: &[Seen]) {
    let other = events.iter().find(|seen| {
        times
            .acked
            .get(&seen.offset)
            .is_some_and(|time_ms| *time_ms != seen.time_ms)
    });
    if let Some(seen) = other {
        let fact = format!("{log}/{} has another time than it got", seen.offset);
        findings.note(line, &fact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::invariants::sample::*;

    #[test]
    fn a_time_that_goes_back_is_found() {
        let mut trace = vec![Entry::Opened(vec![1]), audit(0..3), sent(3, 1, true)];
        assert!(append_times(&trace).is_empty());
        trace.push(timed(sent(4, 1, true), 2));
        only(&append_times(&trace), "1/4 got 2, after 3");
        trace.truncate(2);
        trace.push(timed(sent(3, 1, true), 1));
        only(&append_times(&trace), "1/3 got 1, after 2");
    }

    #[test]
    fn a_time_that_was_seen_but_lost_with_power_binds_nobody() {
        let before = [
            Entry::Opened(vec![1]),
            sent(0, 1, true),
            timed(sent(1, 1, false), 9),
            late(audit(1..2), 8),
        ];
        let lost = [
            Entry::Stopped(Stop::PowerLost),
            Entry::Opened(vec![1]),
            audit(0..1),
        ];
        let after = timed(sent(1, 1, true), 0);
        let trace: Vec<_> = before
            .iter()
            .chain(&lost)
            .chain([&after])
            .cloned()
            .collect();
        assert!(append_times(&trace).is_empty());
        let kept: Vec<_> = before.iter().chain([&after]).cloned().collect();
        only(&append_times(&kept), "1/1 got 0, after 9");
    }

    #[test]
    fn a_time_that_is_read_as_another_is_found() {
        let trace = [sent(0, 1, true), late(read(0..1), 9)];
        only(&append_times(&trace), "1/0 has another time");
        only(
            &append_times(&[late(audit(0..2), -1)]),
            "1/1 has -1, before 0",
        );
    }
}
