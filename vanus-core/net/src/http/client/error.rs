//! Why a request got no answer.

use vanus_types::{Coded, ErrorCode};

use crate::egress::EgressRefused;

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The URL cannot be requested.
    #[error("\"{url}\" cannot be requested: {detail}")]
    Url {
        /// The URL given.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The options hold authorities that cannot be read.
    #[error("the trusted authorities cannot be read: {detail}")]
    Authorities {
        /// What is wrong with them.
        detail: String,
    },
    /// The host has no address that may be connected to; nothing was sent.
    #[error("{host} is not connected to: {refused}")]
    Refused {
        /// Host and port.
        host: String,
        /// An address of it, and why not.
        refused: EgressRefused,
    },
    /// No connection could be made; the request was not sent.
    #[error("cannot connect to {host}: {detail}")]
    Connect {
        /// Host and port.
        host: String,
        /// What went wrong.
        detail: String,
    },
    /// The time limit passed; the request may have been answered.
    #[error("{host} did not answer within {limit_ms} ms")]
    Timeout {
        /// Host and port.
        host: String,
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// The connection broke after the request was, at least in part, sent.
    #[error("the connection to {host} broke: {detail}")]
    Broken {
        /// Host and port.
        host: String,
        /// What was noticed.
        detail: String,
    },
    /// More hosts are being requested than the client remembers.
    #[error("cannot request {host}: {limit} other hosts are being requested")]
    TooManyHosts {
        /// Host and port.
        host: String,
        /// The limit.
        limit: usize,
    },
}

impl Coded for HttpError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Url { .. } => ErrorCode::InvalidSink,
            Self::Refused { .. } => ErrorCode::SinkForbidden,
            Self::Authorities { .. } => ErrorCode::InvalidArgument,
            Self::Timeout { .. } => ErrorCode::Timeout,
            Self::Connect { .. } | Self::Broken { .. } => ErrorCode::Disconnected,
            Self::TooManyHosts { .. } => ErrorCode::TryAgain,
        }
    }
}
