//! The errors of the engine's public functions.

use vanus_storage::{OpenError as StoreError, meta::MetaError};
use vanus_types::{Coded, ErrorCode, InvalidName};

use crate::{control::ControlError, eventbus::PublishError, eventlog::LogError};

/// What an engine function answers when it does not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name has the wrong form.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A namespace, eventbus or subscription: not found, taken, invalid, or not changeable.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Events were not published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Events were not read.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Coded for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Name(error) => error.code(),
            Self::Control(error) => error.code(),
            Self::Publish(error) => error.code(),
            Self::Log(error) => error.code(),
        }
    }
}

/// Why an engine does not open.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Neither a data directory nor memory was chosen.
    #[error("choose where to keep data: call data_dir(..) or in_memory()")]
    NoPlace,
    /// The data directory cannot be made or entered.
    #[error("cannot use data directory {path}: {detail}")]
    Directory {
        /// The directory.
        path: String,
        /// What the system said.
        detail: String,
    },
    /// The event store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The metadata store does not open.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The control plane does not start.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The HTTP client for sinks cannot be made.
    #[error("no HTTP client for sinks: {0}")]
    HttpClient(String),
    /// The thread that opens the stores was cut off.
    #[error("opening was cut off: the runtime is shutting down")]
    CutOff,
}

impl Coded for OpenError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoPlace => ErrorCode::InvalidRequest,
            Self::Directory { .. } => ErrorCode::StorageIo,
            Self::Store(error) => error.code(),
            Self::Meta(error) => error.code(),
            Self::Control(error) => error.code(),
            Self::HttpClient(_) => ErrorCode::Internal,
            Self::CutOff => ErrorCode::Closed,
        }
    }
}
