//! Why filters cannot be compiled.

use vanus_types::{
    control::FilterSpecError,
    error::{Coded, ErrorCode},
};

use crate::json::PathError;

/// Why filters cannot be compiled. Each variant says where, such as `filters[0].all[2].exact`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The filters break a rule of how they are written.
    #[error(transparent)]
    Spec(#[from] FilterSpecError),
    /// A key is no attribute name, so that it could never match.
    #[error(
        "{at}: \"{key}\" is no attribute name (lower-case letters and digits), nor \"data\", nor \
         \"data.\" and a path"
    )]
    Key {
        /// Where.
        at: String,
        /// The key.
        key: String,
    },
    /// The path of a key cannot be read.
    #[error("{at}: \"{key}\" has a path that cannot be read: {source}")]
    Path {
        /// Where.
        at: String,
        /// The key.
        key: String,
        /// What is wrong with the part after `data.`.
        source: PathError,
    },
}

impl Coded for FilterError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Spec(error) => error.code(),
            Self::Key { .. } | Self::Path { .. } => ErrorCode::InvalidFilter,
        }
    }
}
