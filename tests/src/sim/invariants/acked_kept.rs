//! What was acknowledged is kept: with a sync, through everything; from the page cache, through all but a loss of
//! power, and through that too once it is older than the interval of syncs.

use std::collections::BTreeMap;

use super::{Findings, SYNC_INTERVAL_MS};
use crate::{
    oracle::Violation,
    sim::trace::{Entry, Mark, Seen, Stop, Struck},
};

#[derive(Debug, Default)]
struct Kept {
    durable: BTreeMap<u64, Mark>,
    /// In the page cache only, as far as anybody was told: with the time of the acknowledgement.
    cached: BTreeMap<u64, (Mark, u64)>,
    /// The store was opened, and this one not read from start to end since.
    opening: bool,
}

impl Kept {
    fn sync(&mut self, until_ms: u64) {
        self.cached.retain(|offset, (mark, at_ms)| {
            let stays = *at_ms > until_ms;
            if !stays {
                self.durable.insert(*offset, *mark);
            }
            stays
        });
    }
}

/// Finds acknowledged events that are gone.
#[must_use]
pub fn acked_kept(entries: &[Entry]) -> Vec<Violation> {
    let mut findings = Findings::of("acked-kept");
    let mut logs: BTreeMap<u64, Kept> = BTreeMap::new();
    // A store that has stopped syncs nothing any more.
    let mut failed = false;
    for (line, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Sent(sent) => {
                let Ok(ack) = sent.answer else { continue };
                let kept = logs.entry(sent.log).or_default();
                for (offset, mark) in (ack.base..).zip(&sent.events) {
                    if sent.synced {
                        kept.cached.remove(&offset);
                        kept.durable.insert(offset, *mark);
                    } else if !kept.durable.contains_key(&offset) {
                        kept.cached.entry(offset).or_insert((*mark, sent.at_ms));
                    }
                }
            }
            Entry::Struck(Struck::Failed | Struck::Unsynced) => failed = true,
            Entry::Ticked(now_ms, Ok(())) if !failed => {
                if let Some(until_ms) = now_ms.checked_sub(SYNC_INTERVAL_MS) {
                    logs.values_mut().for_each(|kept| kept.sync(until_ms));
                }
            }
            Entry::Checkpointed(Ok(())) | Entry::Stopped(Stop::Closed(true)) => {
                logs.values_mut().for_each(|kept| kept.sync(u64::MAX));
            }
            Entry::Stopped(Stop::PowerLost) => {
                logs.values_mut().for_each(|kept| kept.cached.clear());
            }
            Entry::Opened(there) => {
                failed = false;
                logs.retain(|log, _| there.contains(log));
                for log in there {
                    logs.entry(*log).or_default().opening = true;
                }
            }
            Entry::Deleted(log, Ok(())) => drop(logs.remove(log)),
            Entry::Audit {
                log, start, events, ..
            } => {
                let kept = logs.entry(*log).or_default();
                compare(&mut findings, line, *log, *start, kept, events);
                if std::mem::take(&mut kept.opening) {
                    // What a store shows that was just opened is durable.
                    kept.cached.clear();
                    kept.durable = events.iter().map(|seen| (seen.offset, seen.mark)).collect();
                }
            }
            _ => {}
        }
    }
    findings.found
}

fn compare(
    findings: &mut Findings,
    line: usize,
    log: u64,
    start: u64,
    kept: &Kept,
    events: &[Seen],
) {
    let found: BTreeMap<u64, Mark> = events.iter().map(|seen| (seen.offset, seen.mark)).collect();
    let cached = kept.cached.iter().map(|(offset, (mark, _))| (offset, mark));
    let lost = kept
        .durable
        .iter()
        .chain(cached)
        .find(|(offset, mark)| **offset >= start && found.get(offset) != Some(mark));
    if let Some((offset, mark)) = lost {
        let what = found.get(offset).map_or_else(
            || "is gone".to_owned(),
            |other| format!("became n{}", other.number),
        );
        findings.note(line, &format!("{log}/{offset}, n{}, {what}", mark.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::invariants::sample::*;

    #[test]
    fn a_synced_event_that_is_gone_is_found_and_a_cached_one_only_after_a_kill() {
        let life = |synced, stop, left: u64| {
            vec![
                Entry::Opened(vec![1]),
                audit(0..0),
                sent(0, 1, synced),
                Entry::Stopped(stop),
                Entry::Opened(vec![1]),
                audit(0..left),
            ]
        };
        for stop in [Stop::Killed, Stop::PowerLost] {
            assert!(acked_kept(&life(true, stop, 1)).is_empty());
            only(&acked_kept(&life(true, stop, 0)), "1/0, n0, is gone");
        }
        assert!(acked_kept(&life(false, Stop::PowerLost, 0)).is_empty());
        only(
            &acked_kept(&life(false, Stop::Killed, 0)),
            "1/0, n0, is gone",
        );
    }

    #[test]
    fn what_is_read_later_in_a_life_is_not_taken_for_synced() {
        let mut trace = vec![Entry::Opened(vec![]), sent(0, 1, false), audit(0..1)];
        trace.extend([Entry::Stopped(Stop::PowerLost), Entry::Opened(vec![1])]);
        trace.push(audit(0..0));
        assert!(acked_kept(&trace).is_empty());
    }

    #[test]
    fn a_cached_event_older_than_the_interval_is_kept_through_a_loss_of_power() {
        let mut trace = vec![Entry::Opened(vec![1]), audit(0..0), sent(0, 1, false)];
        trace.push(Entry::Ticked(SYNC_INTERVAL_MS + 1_000, Ok(())));
        trace.push(Entry::Stopped(Stop::PowerLost));
        trace.extend([Entry::Opened(vec![1]), audit(0..0)]);
        only(&acked_kept(&trace), "is gone");
    }
}
