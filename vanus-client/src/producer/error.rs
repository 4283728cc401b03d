//! Why an event was not sent, or not acknowledged.

use std::fmt;

use vanus_types::{Coded, ErrorCode, Event, Fault};

/// Why an event was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The server refused it for good.
    #[error(transparent)]
    Refused(Fault),
    /// The time limit passed. If it `may_be_stored`, sending it again may store it twice.
    #[error("the event was not acknowledged within {limit_ms} ms{}; last: {last}", stored(*.may_be_stored))]
    TimedOut {
        /// The limit in milliseconds.
        limit_ms: u64,
        /// Whether it may be stored all the same.
        may_be_stored: bool,
        /// What went wrong last.
        last: String,
    },
    /// The producer was closed before the event was acknowledged. If it `may_be_stored`, sending
    /// it again may store it twice.
    #[error("the producer was closed before the event was acknowledged{}", stored(*.may_be_stored))]
    Closed {
        /// Whether it may be stored all the same.
        may_be_stored: bool,
    },
}

fn stored(may_be: bool) -> &'static str {
    if may_be {
        " and may be stored"
    } else {
        " and is not stored"
    }
}

impl Coded for SendError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(fault) => fault.code,
            Self::TimedOut {
                may_be_stored: true,
                ..
            } => ErrorCode::Timeout,
            Self::TimedOut {
                may_be_stored: false,
                ..
            } => ErrorCode::TryAgain,
            Self::Closed { .. } => ErrorCode::Closed,
        }
    }
}

/// Why a producer did not take an event in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// The window is full: too many bytes are not acknowledged yet.
    #[error("the producer's window of {limit} bytes is full, wait for acknowledgements")]
    Full {
        /// The window in bytes.
        limit: usize,
    },
    /// The event asks to be delivered later, and what a producer sends is stored now.
    #[error("it asks to be delivered later: set a timer for it (Admin::set_timers)")]
    Delayed,
    /// The producer is closed.
    #[error("the producer is closed")]
    Closed,
}

impl Coded for SendRefusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Full { .. } => ErrorCode::TryAgain,
            Self::Delayed => ErrorCode::InvalidArgument,
            Self::Closed => ErrorCode::Closed,
        }
    }
}

/// An event that was not taken in, given back.
#[derive(Clone, PartialEq, Eq)]
pub struct NotSent {
    /// The event.
    pub event: Event,
    /// Why it was not taken in.
    pub reason: SendRefusal,
}

impl fmt::Debug for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotSent")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "event \"{}\" was not sent: {}",
            self.event.id(),
            self.reason
        )
    }
}

impl std::error::Error for NotSent {}

impl Coded for NotSent {
    fn code(&self) -> ErrorCode {
        self.reason.code()
    }
}
