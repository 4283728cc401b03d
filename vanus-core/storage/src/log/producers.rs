//! Idempotent producers of one eventlog: what each stored last, so that what it sends again is stored once.
//!
//! For each producer the last [`RUNS`] runs are remembered. A run is a range of sequence numbers whose events lie at
//! consecutive offsets: batches that follow each other in both are one run, so a producer that is alone on its
//! eventlog is remembered back to its first event.

use std::collections::{BTreeMap, HashMap, VecDeque};

use vanus_types::{BatchHeader, ProducerId, limits::MAX_PRODUCER_IN_FLIGHT};

/// Runs remembered for each producer: one batch is at most one run.
pub(crate) const RUNS: usize = MAX_PRODUCER_IN_FLIGHT;

/// Consecutive sequence numbers at consecutive offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) sequence: u64,
    pub(crate) count: u64,
    pub(crate) base_offset: u64,
    /// Append time of the last batch of the run.
    pub(crate) time_ms: i64,
}

impl Run {
    fn next_sequence(&self) -> u64 {
        self.sequence.saturating_add(self.count)
    }

    fn holds(&self, sequence: u64, count: u64) -> bool {
        sequence >= self.sequence && sequence.saturating_add(count) <= self.next_sequence()
    }
}

/// What to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It continues what is stored, or its producer is not known.
    Fresh,
    /// It is stored already.
    Duplicate { base_offset: u64, time_ms: i64 },
    /// It is stored already, nobody knows where.
    Forgotten,
    /// It leaves a gap or overlaps what is stored.
    OutOfSequence { expected: u64 },
}

/// The producers of one eventlog, at most a fixed number.
#[derive(Debug, Clone)]
pub(crate) struct Producers {
    most: usize,
    known: HashMap<u64, Known>,
    /// Producers by the time they were heard of last.
    order: BTreeMap<u64, u64>,
    tick: u64,
}

#[derive(Debug, Clone)]
struct Known {
    runs: VecDeque<Run>,
    tick: u64,
}

impl Producers {
    pub(crate) fn new(most: usize) -> Producers {
        Producers {
            most,
            known: HashMap::new(),
            order: BTreeMap::new(),
            tick: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Rises with each batch recorded.
    pub(crate) fn version(&self) -> u64 {
        self.tick
    }

    /// What to do with a batch whose header names a producer.
    pub(crate) fn check(&self, producer: ProducerId, sequence: u64, count: u32) -> Verdict {
        let Some(known) = self.known.get(&producer.get()) else {
            return Verdict::Fresh;
        };
        let expected = known.runs.back().map_or(0, Run::next_sequence);
        let end = sequence.checked_add(u64::from(count));
        match end {
            Some(_) if sequence == expected => Verdict::Fresh,
            Some(end) if end <= expected => {
                let run = known
                    .runs
                    .iter()
                    .rev()
                    .find(|run| run.holds(sequence, u64::from(count)));
                run.map_or(Verdict::Forgotten, |run| Verdict::Duplicate {
                    base_offset: run.base_offset + (sequence - run.sequence),
                    time_ms: run.time_ms,
                })
            }
            _ => Verdict::OutOfSequence { expected },
        }
    }

    /// The batch was stored as its header says. Batches without a producer are passed over.
    pub(crate) fn record(&mut self, header: &BatchHeader) {
        let Some(producer) = header.producer() else {
            return;
        };
        let run = Run {
            sequence: header.sequence,
            count: u64::from(header.count),
            base_offset: header.base_offset,
            time_ms: header.append_time_ms,
        };
        let runs = self.touch(producer.get());
        match runs.back_mut() {
            Some(last)
                if last.next_sequence() == run.sequence
                    && last.base_offset + last.count == run.base_offset =>
            {
                last.count += run.count;
                last.time_ms = run.time_ms;
            }
            _ => {
                if runs.len() == RUNS {
                    runs.pop_front();
                }
                runs.push_back(run);
            }
        }
    }

    /// Puts back what a snapshot held; least recently heard of first.
    pub(crate) fn restore(&mut self, producer: u64, runs: VecDeque<Run>) {
        *self.touch(producer) = runs;
    }

    /// All producers, least recently heard of first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &VecDeque<Run>)> {
        self.order
            .values()
            .filter_map(|id| Some((*id, &self.known.get(id)?.runs)))
    }

    fn touch(&mut self, producer: u64) -> &mut VecDeque<Run> {
        self.tick += 1;
        if let Some(known) = self.known.get(&producer) {
            self.order.remove(&known.tick);
        } else if self.known.len() >= self.most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.known.remove(&oldest);
        }
        self.order.insert(self.tick, producer);
        let tick = self.tick;
        let known = self.known.entry(producer).or_insert_with(|| Known {
            runs: VecDeque::new(),
            tick,
        });
        known.tick = tick;
        &mut known.runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::batch_of;
    use vanus_types::EventlogId;

    fn store(producers: &mut Producers, id: u64, sequence: u64, count: usize, offset: u64) {
        let data = vec![&b"x"[..]; count];
        let batch = batch_of(&data)
            .produced_by(ProducerId::from_u64(id), sequence)
            .assigned(EventlogId::from_u64(1), offset, offset as i64);
        producers.record(batch.header());
    }

    fn check(producers: &Producers, id: u64, sequence: u64, count: u32) -> Verdict {
        producers.check(ProducerId::from_u64(id), sequence, count)
    }

    #[test]
    fn an_unknown_producer_may_start_anywhere_and_has_to_go_on_from_there() {
        let mut producers = Producers::new(10);
        assert_eq!(check(&producers, 7, 1000, 3), Verdict::Fresh);
        store(&mut producers, 7, 1000, 3, 0);
        assert_eq!(check(&producers, 7, 1003, 1), Verdict::Fresh);
        assert_eq!(
            check(&producers, 7, 1004, 1),
            Verdict::OutOfSequence { expected: 1003 }
        );
        assert_eq!(
            check(&producers, 7, 1002, 2),
            Verdict::OutOfSequence { expected: 1003 },
            "a part of it is stored"
        );
        assert_eq!(
            check(&producers, 7, u64::MAX, 2),
            Verdict::OutOfSequence { expected: 1003 },
            "numbers do not wrap around"
        );
    }

    #[test]
    fn what_is_sent_again_is_found_even_when_it_is_cut_differently() {
        let mut producers = Producers::new(10);
        store(&mut producers, 7, 0, 3, 10);
        store(&mut producers, 7, 3, 3, 13);
        assert_eq!(
            check(&producers, 7, 2, 3),
            Verdict::Duplicate {
                base_offset: 12,
                time_ms: 13
            }
        );
        store(&mut producers, 7, 6, 2, 20);
        assert_eq!(
            check(&producers, 7, 6, 2),
            Verdict::Duplicate {
                base_offset: 20,
                time_ms: 20
            }
        );
        assert_eq!(
            check(&producers, 7, 5, 2),
            Verdict::Forgotten,
            "it is not in one piece"
        );
    }

    #[test]
    fn runs_are_forgotten_oldest_first() {
        let mut producers = Producers::new(10);
        for turn in 0..=RUNS as u64 {
            store(&mut producers, 7, turn, 1, turn * 2);
        }
        assert_eq!(check(&producers, 7, 0, 1), Verdict::Forgotten);
        assert_eq!(
            check(&producers, 7, 1, 1),
            Verdict::Duplicate {
                base_offset: 2,
                time_ms: 2
            }
        );
    }

    #[test]
    fn the_producer_not_heard_of_for_the_longest_time_is_forgotten_first() {
        let mut producers = Producers::new(2);
        store(&mut producers, 1, 0, 1, 0);
        store(&mut producers, 2, 0, 1, 1);
        store(&mut producers, 1, 1, 1, 2);
        store(&mut producers, 3, 0, 1, 3);
        assert_eq!(check(&producers, 2, 5, 1), Verdict::Fresh, "unknown again");
        assert_ne!(check(&producers, 1, 5, 1), Verdict::Fresh);
        assert_eq!(
            producers.iter().map(|(id, _)| id).collect::<Vec<_>>(),
            [1, 3]
        );
    }
}
