//! What the clients of the node keep in mind: eventlogs, where readers stand, what producers sent.

use std::collections::VecDeque;

use vanus_types::{Batch, BatchBuilder, Event, ProducerId, checksum::crc32c};

use super::trace::Mark;
use crate::harness::Random;

/// Readers of each eventlog.
const READERS: usize = 2;
/// Batches that a producer may send again; fewer than the store remembers.
const KEPT: usize = 8;

/// An eventlog as its clients know it.
#[derive(Debug)]
pub(super) struct Slot {
    /// Its id; no two eventlogs of a run have the same.
    pub(super) id: u64,
    /// The offset that each reader reads next.
    pub(super) readers: [u64; READERS],
    pub(super) producers: Vec<Producer>,
}

impl Slot {
    /// A new eventlog with three producers: two always want a sync, one only sometimes.
    pub(super) fn new(id: u64) -> Self {
        let producers = (1..=3).map(|number| Producer {
            id: id * 10 + number,
            always_synced: number < 3,
            next: 0,
            unknown: None,
            sent: VecDeque::new(),
        });
        Self {
            id,
            readers: [0; READERS],
            producers: producers.collect(),
        }
    }
}

/// An idempotent producer.
#[derive(Debug)]
pub(super) struct Producer {
    pub(super) id: u64,
    pub(super) always_synced: bool,
    /// The number of its next event.
    pub(super) next: u64,
    /// What it has to send again, because nobody knows what became of it.
    pub(super) unknown: Option<Numbered>,
    /// What was acknowledged, the last at the end.
    pub(super) sent: VecDeque<Numbered>,
}

/// A batch of an idempotent producer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbered {
    pub(super) sequence: u64,
    pub(super) first: u64,
    pub(super) count: u64,
}

impl Producer {
    /// It was acknowledged.
    pub(super) fn acknowledged(&mut self, batch: Numbered) {
        if batch.sequence + batch.count > self.next {
            self.next = batch.sequence + batch.count;
        }
        self.unknown = None;
        if self.sent.iter().all(|other| other.first != batch.first) {
            self.sent.push_back(batch);
            if self.sent.len() > KEPT {
                self.sent.pop_front();
            }
        }
    }

    /// The store expects another number: what came after it was lost with the page cache.
    pub(super) fn begin_again(&mut self, expected: u64) {
        self.next = expected;
        self.unknown = None;
        self.sent
            .retain(|batch| batch.sequence + batch.count <= expected);
    }
}

/// Event `number` of a run: the same bytes whenever it is made.
fn event(seed: u64, number: u64) -> Option<Event> {
    let mut random = Random::new(seed ^ number.rotate_left(32));
    let most = match random.below(25) {
        0 => 6_000,
        _ => 260,
    };
    let data: Vec<u8> = (0..random.below(most))
        .map(|_| random.next().to_le_bytes()[0])
        .collect();
    let built = Event::builder()
        .id(format!("n{number}"))
        .source("/sim")
        .ty("t")
        .binary(data);
    built.build().ok()
}

/// A batch of `count` events from number `first` on, with their marks.
pub(super) fn batch(seed: u64, first: u64, count: u64) -> Option<(Batch, Vec<Mark>)> {
    let mut builder = BatchBuilder::new();
    let mut marks = Vec::new();
    for number in first..first + count {
        let event = event(seed, number)?;
        marks.push(Mark {
            number,
            crc: crc32c(event.record()),
        });
        if !builder.push(&event) {
            return None;
        }
    }
    Some((builder.build()?, marks))
}

/// What an event that was read is.
pub(super) fn mark(event: &Event) -> Mark {
    let number = event.id().strip_prefix('n').and_then(|n| n.parse().ok());
    Mark {
        number: number.unwrap_or(u64::MAX),
        crc: crc32c(event.record()),
    }
}

impl Numbered {
    /// The producer and the number of its first event, as a batch carries them.
    pub(super) fn by(self, producer: u64, batch: &Batch) -> Batch {
        batch.produced_by(ProducerId::from_u64(producer), self.sequence)
    }
}
