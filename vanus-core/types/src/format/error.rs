//! Why bytes hold no event.

use crate::{
    error::{Coded, ErrorCode},
    event::InvalidEvent,
    limits::MAX_BATCH_EVENTS,
};

/// Why a message cannot be read as events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The event breaks a rule of CloudEvents or passes a limit.
    #[error(transparent)]
    Invalid(#[from] InvalidEvent),
    /// The text is no JSON, or not JSON of the shape asked for.
    #[error("not a CloudEvent in JSON: {0}")]
    Json(String),
    /// The bytes are no protobuf message, or not the one asked for.
    #[error("not a CloudEvent in protobuf: {0}")]
    Protobuf(String),
    /// A member of a JSON event has a JSON type that its attribute cannot have.
    #[error("\"{name}\" is {found}, it must be {expected}")]
    MemberType {
        /// The member.
        name: String,
        /// What it is.
        found: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// `data` and `data_base64` are both there.
    #[error("an event has either \"data\" or \"data_base64\", this one has both")]
    DataTwice,
    /// `data_base64` is no base64.
    #[error("\"data_base64\" is not standard base64: {0}")]
    Base64(String),
    /// A header of a binary-mode message cannot be read.
    #[error("header \"{name}\" {problem}")]
    Header {
        /// The header, in lower case.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The media type belongs to CloudEvents, but to no format that is read here.
    #[error("\"{content_type}\" is not supported, use +json or +protobuf")]
    Format {
        /// The media type without parameters.
        content_type: String,
    },
    /// Nothing says that the message is an event.
    #[error(
        "no CloudEvent: content type \"{content_type}\" without ce- headers; use binary mode with ce-specversion, ce-id, ce-source and ce-type, or application/cloudevents+json"
    )]
    NoEvent {
        /// The media type without parameters.
        content_type: String,
    },
    /// A batch has too many events.
    #[error("a batch may have {MAX_BATCH_EVENTS} events, this one has more")]
    TooManyEvents,
    /// One event of a batch cannot be read; then none of them is taken.
    #[error("event {index} of the batch: {source}")]
    At {
        /// Its place in the batch, from 0.
        index: usize,
        /// What is wrong with it.
        source: Box<DecodeError>,
    },
}

impl DecodeError {
    /// This error about the event at `index` of a batch.
    pub(super) fn at(self, index: usize) -> Self {
        Self::At {
            index,
            source: Box::new(self),
        }
    }
}

impl Coded for DecodeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(invalid) => invalid.code(),
            Self::Json(_) => ErrorCode::InvalidJson,
            Self::Protobuf(_) => ErrorCode::MalformedMessage,
            Self::MemberType { .. } | Self::DataTwice | Self::Base64(_) | Self::Header { .. } => {
                ErrorCode::InvalidEvent
            }
            Self::Format { .. } | Self::NoEvent { .. } => ErrorCode::UnsupportedMediaType,
            Self::TooManyEvents => ErrorCode::TooLarge,
            Self::At { source, .. } => source.code(),
        }
    }
}
