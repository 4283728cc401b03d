//! Why a task that keeps a stream open stops using it.

use crate::error::ClientError;

/// Why a task stops using its stream.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nobody takes what comes any more.
    Unwanted,
    /// Something went wrong, or the server stops.
    Failed(ClientError),
}

impl<E: Into<ClientError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
