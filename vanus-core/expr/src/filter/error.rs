//! Why filters cannot be compiled.

use vanus_types::{
    control::FilterSpecError,
    error::{Coded, ErrorCode},
};

#[cfg(feature = "cel")]
use crate::cel::CelError;
use crate::{cesql::SqlError, json::PathError};

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
    /// A CESQL expression has a mistake.
    #[error("{at}: {source}")]
    Sql {
        /// Which filter.
        at: String,
        /// What is wrong, and where in the expression.
        source: SqlError,
    },
    /// A CEL expression has a mistake.
    #[cfg(feature = "cel")]
    #[error("{at}: {source}")]
    Cel {
        /// Which filter.
        at: String,
        /// What is wrong, and where in the expression.
        source: CelError,
    },
    /// This build has no CEL.
    #[cfg(not(feature = "cel"))]
    #[error("{at}: this program was built without CEL; write the filter in another dialect")]
    NoCel {
        /// Which filter.
        at: String,
    },
}

impl Coded for FilterError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Spec(error) => error.code(),
            Self::Sql { source, .. } => source.code(),
            #[cfg(feature = "cel")]
            Self::Cel { source, .. } => source.code(),
            #[cfg(not(feature = "cel"))]
            Self::NoCel { .. } => ErrorCode::Unsupported,
            Self::Key { .. } | Self::Path { .. } => ErrorCode::InvalidFilter,
        }
    }
}
