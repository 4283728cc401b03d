//! Why a timer was not set or changed.

use vanus_storage::meta::MetaError;
use vanus_types::{Coded, ErrorCode, InvalidEvent, TimerId};

use crate::eventlog::LogError;

/// Setting, changing or listing timers failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TimerError {
    /// The event is too large to wait.
    #[error("an event of {len} bytes is too large to wait for its time: {most} at most")]
    TooLarge {
        /// Its length, in bytes of its record.
        len: usize,
        /// The most there may be.
        most: usize,
    },
    /// As many timers of the namespace wait as may.
    #[error(
        "{quota} timers of this namespace wait, as many as may; cancel some, or raise the quota"
    )]
    Quota {
        /// The most there may be.
        quota: u64,
    },
    /// There is no such timer that waits.
    #[error("timer {0} not found: it has fired, was cancelled, or never was")]
    NotFound(TimerId),
    /// The event cannot be written down.
    #[error(transparent)]
    Event(#[from] InvalidEvent),
    /// The eventlog of the shard cannot be read or appended to.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The index of the shard cannot be read.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The entry of a timer cannot be read.
    #[error("the timer that was set at offset {offset} cannot be read: {detail}")]
    Damaged {
        /// Where it was set.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// Somebody else has taken over the shard; nothing was changed.
    #[error("the shard of the timer is being handed over; try again")]
    HandedOver,
    /// The engine is closing.
    #[error("the engine is closing")]
    Closing,
}

impl Coded for TimerError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::Quota { .. } => ErrorCode::ResourceExhausted,
            Self::NotFound(_) => ErrorCode::TimerNotFound,
            Self::Event(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Meta(error) => error.code(),
            Self::Damaged { .. } => ErrorCode::CorruptData,
            Self::HandedOver => ErrorCode::TryAgain,
            Self::Closing => ErrorCode::Closed,
        }
    }
}
