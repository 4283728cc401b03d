//! Why an evaluation does not go on.

use super::value::J;
use crate::budget::Exhausted;

/// Why an evaluation does not go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// An error, which `try` may catch.
    Error(J),
    /// `break` to this label.
    Break(u64),
    /// Whoever asked has enough.
    Enough,
    /// The work is used up, or it nests too deep: nothing catches that.
    Budget,
}

impl Stop {
    pub(super) fn error(text: impl AsRef<str>) -> Self {
        Self::Error(J::str(text))
    }
}

impl From<Exhausted> for Stop {
    fn from(_: Exhausted) -> Self {
        Self::Budget
    }
}

/// Whether to go on.
pub(super) type Flow = Result<(), Stop>;
