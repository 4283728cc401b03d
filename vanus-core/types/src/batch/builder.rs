//! Builds a batch from events.

use bytes::{Bytes, BytesMut};

use super::{
    batch::Batch,
    header::{BATCH_HEADER_LEN, BatchHeader},
};
use crate::{
    checksum::crc32c,
    event::Event,
    id::{EventlogId, ProducerId},
    limits::{MAX_BATCH_EVENTS, MAX_BATCH_LEN},
};

/// Collects records until a batch is full or wanted.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    body: BytesMut,
    count: u32,
    producer: Option<(ProducerId, u64)>,
}

impl BatchBuilder {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch with room for `body_len` bytes.
    #[must_use]
    pub fn with_capacity(body_len: usize) -> Self {
        Self {
            body: BytesMut::with_capacity(body_len),
            ..Self::default()
        }
    }

    /// Names the idempotent producer and the sequence number of the first event.
    #[must_use]
    pub const fn producer(mut self, producer: ProducerId, sequence: u64) -> Self {
        self.producer = Some((producer, sequence));
        self
    }

    /// Whether `event` still fits. The first one always does.
    #[must_use]
    pub fn fits(&self, event: &Event) -> bool {
        self.count == 0
            || (self.body.len() + event.record().len() <= MAX_BATCH_LEN
                && (self.count as usize) < MAX_BATCH_EVENTS)
    }

    /// Adds `event` and answers `true`, or leaves the batch as it is and answers `false` when it
    /// does not fit.
    #[must_use]
    pub fn push(&mut self, event: &Event) -> bool {
        if !self.fits(event) {
            return false;
        }
        self.body.extend_from_slice(event.record());
        self.count += 1;
        true
    }

    /// Number of events so far.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of the body so far.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.body.len()
    }

    /// Whether there is no event yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The batch, or nothing if it is empty.
    #[must_use]
    pub fn build(self) -> Option<Batch> {
        if self.count == 0 {
            return None;
        }
        let (producer, sequence) = self.producer.unwrap_or((ProducerId::from_u64(0), 0));
        Some(Batch::unassigned(
            self.body.freeze(),
            self.count,
            producer,
            sequence,
        ))
    }
}

impl Batch {
    /// A batch of one event: its record is the body, uncopied.
    #[must_use]
    pub fn of_one(event: &Event) -> Self {
        Self::unassigned(event.record().clone(), 1, ProducerId::from_u64(0), 0)
    }

    fn unassigned(body: Bytes, count: u32, producer: ProducerId, sequence: u64) -> Self {
        let header = BatchHeader {
            body_len: u32::try_from(body.len()).unwrap_or(u32::MAX),
            body_crc: crc32c(&body),
            eventlog: EventlogId::from_u64(0),
            base_offset: 0,
            append_time_ms: 0,
            count,
            flags: 0,
            producer,
            sequence,
        };
        debug_assert!(header.batch_len() >= BATCH_HEADER_LEN);
        Self::from_verified(header, body)
    }
}
