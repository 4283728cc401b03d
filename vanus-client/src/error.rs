//! Why a request did not succeed.

use vanus_proto::transport::TransportError;
use vanus_types::{BatchError, Coded, ErrorCode, Fault, InvalidName, RetryClass};

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server refused the request.
    #[error(transparent)]
    Refused(#[from] Fault),
    /// The server could not be reached, or the connection broke.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// There was no answer in time.
    #[error("the server did not answer {what} within {limit_ms} ms")]
    Timeout {
        /// What was asked.
        what: &'static str,
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// All streams of as many connections as the client may have are in use.
    #[error(
        "all streams of {connections} connections are in use: close producers or consumers, spread \
         them over several clients, or raise max_connections"
    )]
    TooManyStreams {
        /// Most connections of the client, see
        /// [`ClientConfig::max_connections`](crate::ClientConfig::max_connections).
        connections: usize,
    },
    /// The server's answer makes no sense.
    #[error("the server's answer to {what} makes no sense: {detail}")]
    Answer {
        /// What was asked.
        what: &'static str,
        /// What is wrong with the answer.
        detail: String,
    },
    /// The server sent events that do not match their checksum.
    #[error("the server sent a damaged batch")]
    Damaged(#[from] BatchError),
    /// A name cannot be one.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The client, producer or consumer was closed.
    #[error("it was closed")]
    Closed,
}

impl ClientError {
    /// Whether asking again can help, and whether the first try may have taken effect.
    #[must_use]
    pub fn retry_class(&self) -> RetryClass {
        match self {
            Self::Transport(TransportError::Connect { .. }) => RetryClass::Safe,
            Self::Transport(TransportError::Address { .. }) | Self::Answer { .. } => {
                RetryClass::Never
            }
            other => other.code().retry_class(),
        }
    }
}

impl Coded for ClientError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(fault) => fault.code,
            Self::Transport(error) => error.code(),
            Self::Timeout { .. } => ErrorCode::Timeout,
            Self::TooManyStreams { .. } => ErrorCode::TryAgain,
            Self::Answer { .. } => ErrorCode::MalformedMessage,
            Self::Damaged(error) => error.code(),
            Self::Name(error) => error.code(),
            Self::Closed => ErrorCode::Closed,
        }
    }
}
