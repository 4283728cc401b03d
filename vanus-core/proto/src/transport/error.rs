//! Why a frame could not travel.

use vanus_types::{Coded, ErrorCode};

use crate::frame::FrameError;

/// Why a connection could not be made, or a frame could not travel.
///
/// Whatever was under way when a connection ended may or may not have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The address has no form this transport understands.
    #[error("\"{address}\" is no address: {detail}")]
    Address {
        /// The address given.
        address: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Nobody could be reached there, or the peers did not agree on how to speak.
    #[error("cannot connect to {address}: {detail}")]
    Connect {
        /// The address tried.
        address: String,
        /// What went wrong.
        detail: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {detail}")]
    Listen {
        /// The address tried.
        address: String,
        /// What went wrong.
        detail: String,
    },
    /// One side closed the connection on purpose.
    #[error("the connection was closed (code {code}): {reason}")]
    Closed {
        /// Why, as a [`CloseCode`](super::CloseCode) number.
        code: u32,
        /// Why, for people.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection broke: {detail}")]
    Lost {
        /// What was noticed.
        detail: String,
    },
    /// The peer abandoned this stream; the connection may go on.
    #[error("the peer abandoned the stream")]
    StreamReset,
    /// The peer sent bytes that are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Coded for TransportError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Address { .. } => ErrorCode::InvalidArgument,
            Self::Listen { .. } => ErrorCode::CannotOperate,
            Self::Frame(error) => error.code(),
            Self::Connect { .. } | Self::Closed { .. } | Self::Lost { .. } | Self::StreamReset => {
                ErrorCode::Disconnected
            }
        }
    }
}
