//! Why bytes are no frame.

use vanus_types::{Coded, ErrorCode};

use super::{FRAME_VERSION, MAX_BODY_LEN, MAX_CONTROL_LEN};

/// Why bytes are no frame. After any of these the stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The peer does not speak this protocol.
    #[error("a frame starts with {found:#010x}: the peer does not speak the Vanus protocol")]
    Magic {
        /// The first four bytes.
        found: u32,
    },
    /// The peer speaks a later frame version.
    #[error("frame version {found} is unknown, this build speaks {FRAME_VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// The header announces more control bytes than allowed.
    #[error("a frame announces {length} control bytes, at most {MAX_CONTROL_LEN} are allowed")]
    ControlTooLong {
        /// The length announced.
        length: u32,
    },
    /// The header announces more body bytes than allowed.
    #[error("a frame announces {length} body bytes, at most {MAX_BODY_LEN} are allowed")]
    BodyTooLong {
        /// The length announced.
        length: u32,
    },
    /// A flag is set that this build does not know.
    #[error("frame flags {found:#06x} are unknown")]
    Flags {
        /// All flags found.
        found: u16,
    },
    /// The bytes were damaged on the way.
    #[error("a frame of op {op:#06x} does not match its checksum")]
    Checksum {
        /// The op of the damaged frame, as read.
        op: u16,
    },
    /// The stream ended within a frame.
    #[error("the stream ended within a frame, {have} bytes after its start")]
    Truncated {
        /// How many bytes of the frame had come.
        have: usize,
    },
}

impl Coded for FrameError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Version { .. } => ErrorCode::UnsupportedVersion,
            Self::ControlTooLong { .. } | Self::BodyTooLong { .. } => ErrorCode::TooLarge,
            Self::Truncated { .. } => ErrorCode::Disconnected,
            Self::Magic { .. } | Self::Flags { .. } | Self::Checksum { .. } => {
                ErrorCode::MalformedMessage
            }
        }
    }
}
