//! A batch in memory.

use bytes::Bytes;

use super::header::{BATCH_HEADER_LEN, BatchError, BatchHeader};
use crate::{
    checksum::crc32c,
    event::Event,
    id::{EventlogId, ProducerId},
    limits::{MAX_BATCH_EVENTS, MAX_BATCH_LEN},
};

/// A batch whose checksums hold. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    body: Bytes,
}

impl Batch {
    /// Reads one batch from the start of `bytes`, verifying both checksums, and says how many
    /// bytes it took. The body shares memory with `bytes`.
    ///
    /// The records inside are not looked at; see [`Batch::check_events`].
    ///
    /// # Errors
    /// [`BatchError`] when the bytes are short, damaged or past a limit.
    pub fn parse(bytes: &Bytes) -> Result<(Self, usize), BatchError> {
        let header = BatchHeader::decode(bytes)?;
        let end = header.batch_len();
        if bytes.len() < end {
            return Err(BatchError::Short);
        }
        let body = bytes.slice(BATCH_HEADER_LEN..end);
        Ok((Self::with_body(header, body)?, end))
    }

    /// Joins a decoded header and the body it describes, verifying length and checksum.
    ///
    /// # Errors
    /// [`BatchError::Short`] or [`BatchError::BodyChecksum`].
    pub fn with_body(header: BatchHeader, body: Bytes) -> Result<Self, BatchError> {
        if body.len() != header.body_len as usize {
            return Err(BatchError::Short);
        }
        if crc32c(&body) != header.body_crc {
            return Err(BatchError::BodyChecksum);
        }
        Ok(Self { header, body })
    }

    /// Packs events into as few batches as the limits allow, in order.
    #[must_use]
    pub fn pack(events: &[Event]) -> Vec<Self> {
        let mut batches = Vec::new();
        let mut rest = events;
        while let Some((first, _)) = rest.split_first() {
            if rest.len() == 1 {
                batches.push(Self::of_one(first));
                break;
            }
            let mut bytes = 0;
            let fitting = rest.iter().take(MAX_BATCH_EVENTS).take_while(|event| {
                bytes += event.record().len();
                bytes <= MAX_BATCH_LEN
            });
            let taken = fitting.count().max(1);
            let (now, later) = rest.split_at(taken);
            let mut builder = super::BatchBuilder::with_capacity(
                now.iter().map(|event| event.record().len()).sum(),
            );
            for event in now {
                // Counted above to fit.
                let _ = builder.push(event);
            }
            batches.extend(builder.build());
            rest = later;
        }
        batches
    }

    pub(crate) const fn from_verified(header: BatchHeader, body: Bytes) -> Self {
        Self { header, body }
    }

    /// What the header says.
    #[must_use]
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The records back to back.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Length in bytes, header included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.header.batch_len()
    }

    /// A batch is never empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The same body at its place in an eventlog.
    #[must_use]
    pub fn assigned(&self, eventlog: EventlogId, base_offset: u64, append_time_ms: i64) -> Self {
        let header = BatchHeader {
            eventlog,
            base_offset,
            append_time_ms,
            ..self.header
        };
        Self {
            header,
            body: self.body.clone(),
        }
    }

    /// The same body from an idempotent producer.
    #[must_use]
    pub fn produced_by(&self, producer: ProducerId, sequence: u64) -> Self {
        let header = BatchHeader {
            producer,
            sequence,
            ..self.header
        };
        Self {
            header,
            body: self.body.clone(),
        }
    }

    /// Checks a batch that comes from outside: every record holds a valid event, and there are as
    /// many as the header says.
    ///
    /// # Errors
    /// [`BatchError::Record`] names the first bad event; [`BatchError::Count`] a wrong number.
    pub fn check_events(&self) -> Result<(), BatchError> {
        let mut held = 0;
        let mut records = Records {
            body: self.body.clone(),
        };
        for record in records.by_ref() {
            Event::from_record(record).map_err(|source| BatchError::Record {
                index: held,
                source,
            })?;
            held += 1;
        }
        if held != self.header.count || !records.body.is_empty() {
            return Err(BatchError::Count {
                said: self.header.count,
                held,
            });
        }
        Ok(())
    }

    /// The events with their offsets. A batch that was never checked yields what is readable.
    #[must_use]
    pub fn events(&self) -> BatchEvents {
        BatchEvents {
            offset: self.header.base_offset,
            records: Records {
                body: self.body.clone(),
            },
        }
    }
}

/// Iterates over the events of a batch with their offsets; events share the batch's memory.
#[derive(Debug, Clone)]
pub struct BatchEvents {
    offset: u64,
    records: Records,
}

impl Iterator for BatchEvents {
    type Item = (u64, Event);

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        let offset = self.offset;
        self.offset += 1;
        Some((offset, Event::trusted(record)))
    }
}

/// Cuts a body into records by their length fields; stops where one does not fit.
#[derive(Debug, Clone)]
struct Records {
    body: Bytes,
}

impl Iterator for Records {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let length = u32::from_le_bytes(*self.body.first_chunk::<4>()?);
        let length = usize::try_from(length).ok()?;
        if length < 4 || length > self.body.len() {
            return None;
        }
        Some(self.body.split_to(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchBuilder;

    fn event(id: u32) -> Event {
        Event::builder()
            .id(id.to_string())
            .source("/s")
            .ty("t")
            .text("data")
            .build()
            .unwrap()
    }

    fn bytes_of(batch: &Batch) -> Bytes {
        [&batch.header().encode()[..], batch.body()].concat().into()
    }

    fn three() -> Batch {
        let mut builder = BatchBuilder::new().producer(ProducerId::from_u64(9), 5);
        for id in 0..3 {
            assert!(builder.push(&event(id)));
        }
        builder.build().unwrap()
    }

    #[test]
    fn a_batch_survives_its_bytes() {
        let batch = three().assigned(EventlogId::from_u64(1), 100, 42);
        let (again, used) = Batch::parse(&bytes_of(&batch)).unwrap();
        assert_eq!((&again, used), (&batch, batch.len()));
        again.check_events().unwrap();
        let offsets: Vec<_> = again
            .events()
            .map(|(at, e)| (at, e.id().to_owned()))
            .collect();
        assert_eq!(
            offsets,
            [(100, "0".into()), (101, "1".into()), (102, "2".into())]
        );
        assert_eq!(again.header().next_offset(), 103);
        assert_eq!(again.header().producer(), Some(ProducerId::from_u64(9)));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = bytes_of(&three());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Batch::parse(&Bytes::from(damaged)).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(Batch::parse(&bytes.slice(..cut)).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_wrong_count_is_refused() {
        let good = three();
        let header = BatchHeader {
            count: 4,
            ..*good.header()
        };
        let lying = Batch::with_body(header, good.body().clone()).unwrap();
        assert_eq!(
            lying.check_events(),
            Err(BatchError::Count { said: 4, held: 3 })
        );
    }

    #[test]
    fn packing_keeps_order_and_limits() {
        let events: Vec<_> = (0..70_000).map(event).collect();
        let batches = Batch::pack(&events);
        assert_eq!(batches.len(), 2);
        let packed: Vec<_> = batches
            .iter()
            .flat_map(Batch::events)
            .map(|(_, e)| e)
            .collect();
        assert_eq!(packed, events);
        assert!(Batch::pack(&[]).is_empty());
    }
}
