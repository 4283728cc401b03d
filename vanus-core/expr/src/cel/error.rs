//! What can be wrong with an expression, and what can go wrong in its evaluation.

use std::fmt;

use vanus_types::{
    error::{Coded, ErrorCode},
    limits::{
        MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_LEN, MAX_REGEX_LEN, MAX_REGEXES, MAX_REGEXES_LEN,
    },
};

use crate::{Position, budget::Exhausted, json::PathError};

/// Why a text is no CEL expression, or none that can be a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CelError {
    /// The text is too long.
    #[error(
        "the expression has {length} bytes, where at most {MAX_EXPRESSION_LEN} are allowed; split \
         it into several filters"
    )]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The text breaks the grammar.
    #[error("at {at}, {expected} is expected, not {found}: {hint}")]
    Syntax {
        /// Where.
        at: Position,
        /// What is expected there.
        expected: &'static str,
        /// What is there, in quotes if it is text.
        found: String,
        /// What to do.
        hint: &'static str,
    },
    /// A number does not fit its type.
    #[error("at {at}, {written} does not fit 64 bits")]
    Number {
        /// Where.
        at: Position,
        /// The number, cut to 40 characters.
        written: String,
    },
    /// The nesting is too deep.
    #[error(
        "at {at}, the expression is nested deeper than {MAX_EXPRESSION_DEPTH}; split it into \
         several filters"
    )]
    TooDeep {
        /// Where.
        at: Position,
    },
    /// A name means nothing.
    #[error("at {at}, there is no {what} {name}: {hint}")]
    Unknown {
        /// Where.
        at: Position,
        /// What it should be.
        what: &'static str,
        /// The name, cut to 40 characters.
        name: String,
        /// What there is.
        hint: String,
    },
    /// A path of a `$` reference cannot be read.
    #[error("at {at}, the path cannot be read: {source}")]
    Path {
        /// Where the reference begins.
        at: Position,
        /// What is wrong with the path.
        source: PathError,
    },
    /// A pattern of `matches` is none, or too large.
    #[error(
        "at {at}, the pattern cannot be used: {reason} (RE2 syntax; at most {MAX_REGEX_LEN} bytes \
         compiled)"
    )]
    Pattern {
        /// Where.
        at: Position,
        /// What is wrong with it.
        reason: String,
    },
    /// The patterns of `matches` are too many, or too large together.
    #[error(
        "at {at}, this pattern is one too many: an expression has at most {MAX_REGEXES}, and they \
         take at most {MAX_REGEXES_LEN} bytes compiled; join patterns with |, or split the \
         expression into several filters"
    )]
    Patterns {
        /// Where the first one too many is.
        at: Position,
    },
    /// Types that cannot come together.
    #[error("at {at}, {what}")]
    Type {
        /// Where.
        at: Position,
        /// What cannot be.
        what: String,
    },
}

impl CelError {
    /// Where the mistake is; for a text that is too long, its beginning.
    #[must_use]
    pub const fn position(&self) -> Position {
        match self {
            Self::TooLong { .. } => Position {
                offset: 0,
                line: 1,
                column: 1,
            },
            Self::Syntax { at, .. }
            | Self::Number { at, .. }
            | Self::TooDeep { at }
            | Self::Unknown { at, .. }
            | Self::Path { at, .. }
            | Self::Pattern { at, .. }
            | Self::Patterns { at }
            | Self::Type { at, .. } => *at,
        }
    }
}

impl Coded for CelError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidCel
    }
}

/// Why an evaluation has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CelFault {
    /// What happened.
    pub what: Fault,
    /// Where in the expression.
    pub at: Position,
}

/// What can happen in an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An attribute, member or item is not there.
    #[error("there is no such attribute, member or item")]
    Missing,
    /// The payload is not JSON.
    #[error("the data is not JSON")]
    NoJson,
    /// An operator or function does not take such values.
    #[error("values of these types do not go together")]
    Types,
    /// A text or number cannot be converted so.
    #[error("the value cannot be converted")]
    Convert,
    /// It is divided by zero, or a result does not fit.
    #[error("a division by zero, or a result that does not fit")]
    Math,
    /// The evaluation takes more work than one may, or nests lists and maps deeper than
    /// [`MAX_VALUE_DEPTH`](vanus_types::limits::MAX_VALUE_DEPTH).
    #[error("the evaluation takes more work, or nests its values deeper, than one may")]
    Budget,
}

impl From<Exhausted> for Fault {
    fn from(_: Exhausted) -> Self {
        Self::Budget
    }
}

impl fmt::Display for CelFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", self.at, self.what)
    }
}

impl std::error::Error for CelFault {}
