//! Why an eventlog was not read or appended to.

use vanus_storage::{AppendError, ReadError};
use vanus_types::{Coded, ErrorCode, EventId};

/// Reading or appending an eventlog failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The offset lies before the first event that is still kept.
    #[error("offset {offset} has expired, the first event kept has offset {start}")]
    Underflow {
        /// The offset asked for.
        offset: u64,
        /// The first offset kept.
        start: u64,
    },
    /// There is no event with this id yet.
    #[error("event {id} not found: eventlog {} ends at offset {end}", id.eventlog)]
    NoEvent {
        /// The event asked for.
        id: EventId,
        /// The offset the next event gets.
        end: u64,
    },
    /// The store does not answer this read.
    #[error(transparent)]
    Read(ReadError),
    /// The store does not take this batch.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The engine is closing.
    #[error("the engine is closing")]
    Closing,
}

impl Coded for LogError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Underflow { .. } => ErrorCode::OffsetUnderflow,
            Self::NoEvent { .. } => ErrorCode::EventNotFound,
            Self::Read(error) => error.code(),
            Self::Append(error) => error.code(),
            Self::Closing => ErrorCode::Closed,
        }
    }
}
