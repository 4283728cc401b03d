//! What an idempotent producer sends again is stored once, through restarts too. A small model of what each producer
//! has stored says how every batch has to be answered.

use std::collections::BTreeMap;

use super::Findings;
use crate::{
    oracle::Violation,
    sim::trace::{Ack, Entry, Fail, Sent},
};

#[derive(Debug, Default)]
struct Stored {
    /// Where each event lies, or lay before retention took it.
    places: BTreeMap<u64, u64>,
    /// What each producer sent: number of the first event, sequence and count.
    sent: BTreeMap<u64, BTreeMap<u64, (u64, u64)>>,
    /// The sequence number that each producer goes on with.
    expected: BTreeMap<u64, u64>,
}

impl Stored {
    /// What is wrong with the answer to a batch of a producer.
    fn judge(&self, sent: &Sent, producer: u64, sequence: u64) -> Option<String> {
        let count = sent.events.len() as u64;
        let expected = self.expected.get(&producer).copied();
        let fresh = expected.is_none_or(|expected| sequence == expected);
        let place = sent
            .events
            .first()
            .and_then(|mark| self.places.get(&mark.number));
        match (sent.answer, expected) {
            (Ok(ack), _) if fresh => ack
                .duplicate
                .then(|| "it was taken for stored, and is not".to_owned()),
            (Ok(ack), Some(expected)) if sequence + count <= expected => {
                self.judge_again(ack, place)
            }
            (Err(Fail::OutOfSequence { expected: told }), Some(expected)) => {
                let right = !fresh && sequence + count > expected && told == expected;
                (!right).then(|| format!("{told} was asked for, and {expected} comes next"))
            }
            (Ok(_), _) => Some(format!("{expected:?} comes next, and it was taken")),
            // Lost with the page cache, before the producer went on with higher numbers.
            (Err(Fail::Forgotten), Some(_)) if place.is_none() => None,
            (Err(fail @ (Fail::OutOfSequence { .. } | Fail::Forgotten)), _) => {
                Some(format!("it was refused with {fail:?}"))
            }
            (Err(_), _) => None,
        }
    }

    fn judge_again(&self, ack: Ack, place: Option<&u64>) -> Option<String> {
        match place {
            Some(place) if !ack.duplicate => Some(format!(
                "it lies at {place}, and was stored again at {}",
                ack.base
            )),
            Some(place) if *place != ack.base => Some(format!(
                "it lies at {place}, and was answered with {}",
                ack.base
            )),
            _ => None,
        }
    }

    /// Learns after a restart what is stored.
    fn learn(&mut self, start: u64, events: impl Iterator<Item = (u64, u64)>) {
        self.places.retain(|_, place| *place < start);
        self.places.extend(events);
        self.expected.clear();
        for (producer, batches) in &self.sent {
            let stored = batches
                .iter()
                .filter(|(first, (_, count))| self.places.contains_key(&(*first + count - 1)));
            let expected = stored.map(|(_, (sequence, count))| sequence + count).max();
            if let Some(expected) = expected {
                self.expected.insert(*producer, expected);
            }
        }
    }
}

/// Finds events that are stored twice, and batches that were not answered as what is stored demands.
#[must_use]
pub fn exactly_once(entries: &[Entry]) -> Vec<Violation> {
    let mut findings = Findings::of("exactly-once");
    let mut logs: BTreeMap<u64, Stored> = BTreeMap::new();
    for (line, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Opened(there) => logs.retain(|log, _| there.contains(log)),
            Entry::Deleted(log, Ok(())) => drop(logs.remove(log)),
            Entry::Sent(sent) => {
                let stored = logs.entry(sent.log).or_default();
                let count = sent.events.len() as u64;
                if let Some((producer, sequence)) = sent.producer {
                    if let Some(wrong) = stored.judge(sent, producer, sequence) {
                        let log = sent.log;
                        let fact = format!("{log}, producer {producer}, {sequence}: {wrong}");
                        findings.note(line, &fact);
                    }
                    if let Some(first) = sent.events.first() {
                        let batches = stored.sent.entry(producer).or_default();
                        batches.insert(first.number, (sequence, count));
                    }
                    if sent.answer.is_ok_and(|ack| !ack.duplicate) {
                        stored.expected.insert(producer, sequence + count);
                    }
                }
                if let Ok(ack) = sent.answer {
                    let places = (ack.base..).zip(&sent.events);
                    stored
                        .places
                        .extend(places.map(|(offset, mark)| (mark.number, offset)));
                }
            }
            Entry::Audit {
                log, start, events, ..
            } => {
                let mut places = BTreeMap::new();
                for seen in events {
                    if let Some(first) = places.insert(seen.mark.number, seen.offset) {
                        let (number, offset) = (seen.mark.number, seen.offset);
                        let fact = format!("{log}: n{number} lies at {first} and at {offset}");
                        findings.note(line, &fact);
                        break;
                    }
                }
                let stored = logs.entry(*log).or_default();
                stored.learn(*start, places.into_iter());
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
    fn a_batch_that_is_stored_twice_is_found() {
        let first = || produced(sent(0, 2, true), 0, false);
        let again = produced(sent(0, 2, true), 0, true);
        assert!(exactly_once(&[first(), again]).is_empty());
        only(
            &exactly_once(&[first(), first()]),
            "it lies at 0, and was stored again",
        );
        let twice = replaced(audit(0..3), mark(0));
        only(&exactly_once(&[first(), twice]), "n0 lies at 0 and at 2");
    }

    #[test]
    fn a_producer_that_was_forgotten_or_mistaken_is_found() {
        let first = produced(sent(0, 2, true), 0, false);
        let early = produced(sent(2, 1, true), 5, false);
        only(&exactly_once(&[first.clone(), early]), "Some(2) comes next");
        let early = produced(refused(2, Fail::OutOfSequence { expected: 1 }), 5, false);
        only(
            &exactly_once(&[first, early]),
            "1 was asked for, and 2 comes next",
        );
        let never = produced(sent(0, 2, true), 0, true);
        only(&exactly_once(&[never]), "taken for stored, and is not");
    }
}
