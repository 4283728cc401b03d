//! The batches of one lane that have no outcome yet, in order, and their numbering.
//!
//! Pure: batches and answers go in, what to send comes out. The rules:
//!
//! * A batch is sent with the same producer id and sequence however often it is sent, as long as
//!   it may have been stored. The server stores each sequence once (a sequence it has is answered
//!   with the place it got), and refuses one that leaves a gap.
//! * A batch that the server refused only for the moment is certainly not stored, and neither is
//!   anything numbered after it: the server saw a gap.
//! * When the numbering cannot be continued (a batch in between was refused for good, or given up
//!   on, or the server forgot the producer) whatever may be stored is resolved first, by sending
//!   it again as it is; then everything left is numbered anew under a new producer id. Numbers are
//!   never used twice under the same id, so that a late copy of an old frame can do no harm.
//! * After a new connection, and under a new id, the first batch is sent alone. The others follow
//!   when the server knows the producer.

use std::{collections::VecDeque, sync::Arc};

use tokio::time::Instant;
use vanus_types::{Batch, ErrorCode, Fault, ProducerId, RetryClass};

use super::ack::BatchAck;

/// A batch without an outcome.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its number in the lane; also its correlation on the wire.
    pub(super) number: u64,
    pub(super) batch: Batch,
    pub(super) ack: Arc<BatchAck>,
    pub(super) cost: usize,
    pub(super) deadline: Instant,
    status: Status,
    /// Whether an earlier try may have stored it.
    may_be_stored: bool,
    /// Why it was refused the last time.
    refused: Option<Fault>,
    times_sent: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// To be sent.
    Waiting,
    /// Sent, no answer yet.
    Sent,
    /// Refused for the moment, or unanswered on a connection that broke.
    Parked,
}

impl Entry {
    pub(super) const fn may_be_stored(&self) -> bool {
        self.may_be_stored
    }

    /// Why the server refused it the last time it was sent, if it did.
    pub(super) const fn trouble(&self) -> Option<&Fault> {
        self.refused.as_ref()
    }

    const fn end_sequence(&self) -> u64 {
        let header = self.batch.header();
        header.sequence + header.count as u64
    }
}

/// The batches without an outcome, in order.
#[derive(Debug)]
pub(super) struct Chain {
    entries: VecDeque<Entry>,
    producer: ProducerId,
    /// The sequence after the last one known to be stored.
    stored_until: u64,
    /// Whether the server has acknowledged something on this connection and under this id.
    known: bool,
    /// Something was refused or left unanswered: nothing is sent until it is sorted out.
    troubled: bool,
    /// The numbering cannot be continued: nothing new is taken in until it is begun anew.
    broken: bool,
}

impl Chain {
    pub(super) const fn new(producer: ProducerId) -> Self {
        Self {
            entries: VecDeque::new(),
            producer,
            stored_until: 0,
            known: false,
            troubled: false,
            broken: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether something must be sorted out before anything new is taken in.
    pub(super) const fn is_troubled(&self) -> bool {
        self.troubled || self.broken
    }

    /// Whether an answer is awaited.
    pub(super) fn awaits_answers(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.status == Status::Sent)
    }

    /// When the first batch must be given up.
    pub(super) fn first_deadline(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.deadline)
    }

    /// The number of the first batch without an outcome.
    pub(super) fn first_number(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.number)
    }

    /// Numbers a batch and puts it at the end.
    pub(super) fn push(
        &mut self,
        number: u64,
        batch: &Batch,
        ack: Arc<BatchAck>,
        cost: usize,
        deadline: Instant,
    ) {
        let sequence = self
            .entries
            .back()
            .map_or(0, Entry::end_sequence)
            .max(self.stored_until);
        self.entries.push_back(Entry {
            number,
            batch: batch.produced_by(self.producer, sequence),
            ack,
            cost,
            deadline,
            status: Status::Waiting,
            may_be_stored: false,
            refused: None,
            times_sent: 0,
        });
    }

    /// Calls `send` for each batch to be sent now, with whether it was sent before.
    pub(super) fn send_due(&mut self, mut send: impl FnMut(&Entry, bool)) {
        if self.troubled {
            return;
        }
        let at_once = if self.known { usize::MAX } else { 1 };
        for entry in self.entries.iter_mut().take(at_once) {
            if entry.status == Status::Waiting {
                entry.status = Status::Sent;
                send(entry, entry.times_sent > 0);
                entry.times_sent = entry.times_sent.saturating_add(1);
            }
        }
    }

    /// The server stored the batch with this number; takes it out.
    pub(super) fn stored(&mut self, number: u64) -> Option<Entry> {
        let entry = self.take(number)?;
        self.stored_until = self.stored_until.max(entry.end_sequence());
        self.known = true;
        Some(entry)
    }

    /// The server refused the batch for good; takes it out.
    pub(super) fn refused(&mut self, number: u64) -> Option<Entry> {
        // Batches after it, if any, now leave a gap; the server says so for each of them.
        self.take(number)
    }

    /// The server refused the batch for the moment.
    pub(super) fn parked(&mut self, number: u64, fault: Fault) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.number == number) else {
            return;
        };
        entry.status = Status::Parked;
        match fault.retry_class() {
            // The server compared the sequence with what it has.
            _ if fault.code == ErrorCode::OutOfSequence => entry.may_be_stored = false,
            RetryClass::Unknown => entry.may_be_stored = true,
            // This try did nothing; an earlier one may have.
            RetryClass::Safe | RetryClass::Never => {}
        }
        entry.refused = Some(fault);
        self.troubled = true;
    }

    /// The connection ended: whatever was sent may be stored.
    pub(super) fn disconnected(&mut self) {
        self.known = false;
        for entry in &mut self.entries {
            if entry.status == Status::Sent {
                entry.status = Status::Parked;
                entry.may_be_stored = true;
                entry.refused = None;
            }
        }
        self.troubled = !self.entries.is_empty();
    }

    /// Takes out the batches whose time is up. Only while no answer is awaited.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<Entry> {
        let (mut expired, mut kept) = (Vec::new(), VecDeque::new());
        for entry in self.entries.drain(..) {
            if entry.deadline <= now && entry.status != Status::Sent {
                // Should it be stored after all, its numbers must not be used again.
                self.broken |= entry.may_be_stored;
                expired.push(entry);
            } else {
                kept.push_back(entry);
            }
        }
        self.entries = kept;
        self.troubled &= !self.entries.is_empty();
        expired
    }

    /// Sorts out what is to be sent next. Only while no answer is awaited; `new_id` makes a
    /// producer id.
    pub(super) fn recover(&mut self, new_id: impl FnOnce() -> ProducerId) {
        self.troubled = false;
        self.known = false;
        if !self.broken && self.continues() {
            for entry in &mut self.entries {
                entry.status = Status::Waiting;
            }
            return;
        }
        if self.entries.iter().any(|entry| entry.may_be_stored) {
            self.resolve_one();
        } else {
            self.renumber(new_id());
        }
    }

    /// Whether all batches can be sent as they are numbered.
    fn continues(&self) -> bool {
        let mut expected = self.stored_until;
        let in_a_row = self.entries.iter().all(|entry| {
            let fits = entry.batch.header().sequence == expected
                && entry.batch.header().producer == self.producer;
            expected = entry.end_sequence();
            fits
        });
        // The first one is where the server should go on: if it is out of sequence there, the
        // server does not remember what this side does.
        let forgotten = self.entries.front().is_some_and(|first| {
            !first.may_be_stored
                && first
                    .refused
                    .as_ref()
                    .is_some_and(|f| f.code == ErrorCode::OutOfSequence)
        });
        in_a_row && !forgotten
    }

    /// Sends the first batch that may be stored as it is; the rest waits for its answer.
    fn resolve_one(&mut self) {
        let unresolved = self.entries.iter().position(|entry| entry.may_be_stored);
        for (index, entry) in self.entries.iter_mut().enumerate() {
            entry.status = if Some(index) == unresolved {
                Status::Waiting
            } else {
                Status::Parked
            };
        }
        // One at a time: its answer leads back here.
        self.broken = true;
        self.known = true;
    }

    fn renumber(&mut self, producer: ProducerId) {
        self.producer = producer;
        self.stored_until = 0;
        self.broken = false;
        let mut sequence = 0;
        for entry in &mut self.entries {
            entry.batch = entry.batch.produced_by(producer, sequence);
            entry.status = Status::Waiting;
            entry.refused = None;
            sequence = entry.end_sequence();
        }
    }

    fn take(&mut self, number: u64) -> Option<Entry> {
        let index = self
            .entries
            .iter()
            .position(|entry| entry.number == number)?;
        self.entries.remove(index)
    }
}

#[cfg(test)]
mod tests;
