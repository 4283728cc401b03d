//! What quinn reports, as facts of the `Transport` seam.

use quinn::{ConnectionError, ReadError, VarInt, WriteError};
use vanus_proto::transport::TransportError;

/// Why a connection ended.
pub(super) fn ended(error: &ConnectionError) -> TransportError {
    match error {
        ConnectionError::ApplicationClosed(close) => TransportError::Closed {
            code: number(close.error_code),
            reason: String::from_utf8_lossy(&close.reason).into_owned(),
        },
        ConnectionError::LocallyClosed => TransportError::Closed {
            code: 0,
            reason: "this side closed it".to_owned(),
        },
        other => TransportError::Lost {
            detail: other.to_string(),
        },
    }
}

/// Why a stream cannot be read on.
pub(super) fn reading(error: &ReadError) -> TransportError {
    match error {
        ReadError::ConnectionLost(error) => ended(error),
        ReadError::Reset(_) => TransportError::StreamReset,
        other => TransportError::Lost {
            detail: other.to_string(),
        },
    }
}

/// Why a stream cannot be written on.
pub(super) fn writing(error: &WriteError) -> TransportError {
    match error {
        WriteError::ConnectionLost(error) => ended(error),
        WriteError::Stopped(_) => TransportError::StreamReset,
        other => TransportError::Lost {
            detail: other.to_string(),
        },
    }
}

fn number(code: VarInt) -> u32 {
    u32::try_from(code.into_inner()).unwrap_or(u32::MAX)
}
