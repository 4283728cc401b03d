//! The header of a batch.

use crate::{
    checksum::crc32c,
    error::{Coded, ErrorCode},
    event::RecordError,
    id::{EventlogId, ProducerId},
    limits::{MAX_BATCH_EVENTS, MAX_BATCH_LEN},
};

/// Length of a batch header in bytes.
pub const BATCH_HEADER_LEN: usize = 64;

const MAGIC: [u8; 4] = *b"VBAT";
const VERSION: u16 = 1;

/// What a header says. Its own checksum is computed when it is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Length of the body in bytes.
    pub body_len: u32,
    /// CRC-32C of the body.
    pub body_crc: u32,
    /// The eventlog; zero until the store assigns it.
    pub eventlog: EventlogId,
    /// Offset of the first event.
    pub base_offset: u64,
    /// When the store appended it, in milliseconds since the Unix epoch.
    pub append_time_ms: i64,
    /// Number of events, at least one.
    pub count: u32,
    /// Reserved, zero.
    pub flags: u16,
    /// The idempotent producer; zero means none.
    pub producer: ProducerId,
    /// The producer's sequence number of the first event.
    pub sequence: u64,
}

impl BatchHeader {
    /// The offset after the last event.
    #[must_use]
    pub const fn next_offset(&self) -> u64 {
        self.base_offset.saturating_add(self.count as u64)
    }

    /// The idempotent producer, if there is one.
    #[must_use]
    pub const fn producer(&self) -> Option<ProducerId> {
        if self.producer.get() == 0 {
            None
        } else {
            Some(self.producer)
        }
    }

    /// Length of the whole batch in bytes, header included.
    #[must_use]
    pub const fn batch_len(&self) -> usize {
        BATCH_HEADER_LEN + self.body_len as usize
    }

    /// The 64 bytes of this header.
    #[must_use]
    pub fn encode(&self) -> [u8; BATCH_HEADER_LEN] {
        let mut bytes = [0; BATCH_HEADER_LEN];
        let mut rest = bytes.as_mut_slice();
        put(&mut rest, MAGIC);
        put(&mut rest, [0; 4]);
        put(&mut rest, self.body_len.to_le_bytes());
        put(&mut rest, self.body_crc.to_le_bytes());
        put(&mut rest, self.eventlog.get().to_le_bytes());
        put(&mut rest, self.base_offset.to_le_bytes());
        put(&mut rest, self.append_time_ms.to_le_bytes());
        put(&mut rest, self.count.to_le_bytes());
        put(&mut rest, VERSION.to_le_bytes());
        put(&mut rest, self.flags.to_le_bytes());
        put(&mut rest, self.producer.get().to_le_bytes());
        put(&mut rest, self.sequence.to_le_bytes());
        let crc = crc32c(bytes.split_at(8).1);
        put(&mut bytes.split_at_mut(4).1, crc.to_le_bytes());
        bytes
    }

    /// Reads a header from the start of `bytes` and verifies its checksum and limits.
    ///
    /// # Errors
    /// [`BatchError`] when the bytes are too short, damaged or past a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchError> {
        let bytes = bytes
            .first_chunk::<BATCH_HEADER_LEN>()
            .ok_or(BatchError::Short)?;
        if !bytes.starts_with(&MAGIC) {
            return Err(BatchError::Magic);
        }
        if u32_at(bytes, 4) != crc32c(bytes.split_at(8).1) {
            return Err(BatchError::HeaderChecksum);
        }
        let version_and_flags = u32_at(bytes, 44).to_le_bytes();
        let [v0, v1, f0, f1] = version_and_flags;
        let version = u16::from_le_bytes([v0, v1]);
        if version != VERSION {
            return Err(BatchError::Version(version));
        }
        let header = Self {
            body_len: u32_at(bytes, 8),
            body_crc: u32_at(bytes, 12),
            eventlog: EventlogId::from_u64(u64_at(bytes, 16)),
            base_offset: u64_at(bytes, 24),
            append_time_ms: u64_at(bytes, 32).cast_signed(),
            count: u32_at(bytes, 40),
            flags: u16::from_le_bytes([f0, f1]),
            producer: ProducerId::from_u64(u64_at(bytes, 48)),
            sequence: u64_at(bytes, 56),
        };
        if header.body_len as usize > MAX_BATCH_LEN || header.count as usize > MAX_BATCH_EVENTS {
            return Err(BatchError::TooLarge {
                bytes: header.body_len,
                events: header.count,
            });
        }
        if header.count == 0 {
            return Err(BatchError::NoEvents);
        }
        Ok(header)
    }
}

/// Why bytes are no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the batch does.
    #[error("the batch is cut short")]
    Short,
    /// The bytes do not start with the mark of a batch.
    #[error("the bytes are no batch")]
    Magic,
    /// The header does not match its checksum.
    #[error("the header of the batch does not match its checksum")]
    HeaderChecksum,
    /// The body does not match its checksum.
    #[error("the body of the batch does not match its checksum")]
    BodyChecksum,
    /// The batch has a version this build does not know.
    #[error("batch version {0} is unknown")]
    Version(u16),
    /// The batch passes a limit.
    #[error(
        "a batch of {bytes} bytes and {events} events passes the limit of {MAX_BATCH_LEN} bytes and {MAX_BATCH_EVENTS} events"
    )]
    TooLarge {
        /// Length of the body.
        bytes: u32,
        /// Number of events.
        events: u32,
    },
    /// The batch has no events.
    #[error("the batch has no events")]
    NoEvents,
    /// The records in the body are not as many as the header says, or do not fill it.
    #[error("the batch says {said} events and holds {held}")]
    Count {
        /// What the header says.
        said: u32,
        /// What the body holds.
        held: u32,
    },
    /// An event of the batch is invalid.
    #[error("event {index} of the batch is invalid")]
    Record {
        /// Index of the event within the batch.
        index: u32,
        /// What is wrong with it.
        source: RecordError,
    },
}

impl Coded for BatchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::Record { source, .. } => source.code(),
            Self::Version(_) => ErrorCode::UnsupportedVersion,
            Self::HeaderChecksum | Self::BodyChecksum => ErrorCode::CorruptData,
            Self::Short | Self::Magic | Self::NoEvents | Self::Count { .. } => {
                ErrorCode::MalformedMessage
            }
        }
    }
}

/// Writes `field` at the start of `rest` and moves past it.
fn put<const N: usize>(rest: &mut &mut [u8], field: [u8; N]) {
    if let Some((place, after)) = std::mem::take(rest).split_first_chunk_mut::<N>() {
        *place = field;
        *rest = after;
    }
}

fn u32_at(bytes: &[u8; BATCH_HEADER_LEN], at: usize) -> u32 {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    field.map_or(0, |field| u32::from_le_bytes(*field))
}

fn u64_at(bytes: &[u8; BATCH_HEADER_LEN], at: usize) -> u64 {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    field.map_or(0, |field| u64::from_le_bytes(*field))
}
