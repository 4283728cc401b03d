//! What can be wrong with an expression, and what can go wrong in its evaluation.

use std::fmt;

use vanus_types::{
    error::{Coded, ErrorCode},
    limits::{MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_LEN},
};

use crate::Position;

/// Why a text is no CESQL expression, or none that can be a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
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
    /// An integer does not fit 32 bits.
    #[error("at {at}, {written} is no integer from -2147483648 to 2147483647")]
    Integer {
        /// Where.
        at: Position,
        /// The integer, cut to 40 characters.
        written: String,
    },
    /// The nesting is too deep.
    #[error(
        "at {at}, the expression is nested deeper than {MAX_EXPRESSION_DEPTH}; use IN for many \
         values, or split it into several filters"
    )]
    TooDeep {
        /// Where.
        at: Position,
    },
    /// There is no such function, or none with as many arguments.
    #[error("at {at}, there is no function {name} with {arguments} arguments: {hint}")]
    UnknownFunction {
        /// Where.
        at: Position,
        /// The name in capitals.
        name: String,
        /// How many arguments it has there.
        arguments: usize,
        /// What there is.
        hint: String,
    },
    /// A literal is used as what it can never be.
    #[error("at {at}, {written} can never be {wanted}; every event would fail")]
    Cast {
        /// Where.
        at: Position,
        /// The literal, cut to 40 characters.
        written: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The value is of a type that never passes as a filter.
    #[error(
        "the expression from {at} gives {given}, and a filter must be true or false; compare it \
         with something"
    )]
    NotBoolean {
        /// Where it begins.
        at: Position,
        /// What it gives.
        given: &'static str,
    },
}

impl SqlError {
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
            | Self::Integer { at, .. }
            | Self::TooDeep { at }
            | Self::UnknownFunction { at, .. }
            | Self::Cast { at, .. }
            | Self::NotBoolean { at, .. } => *at,
        }
    }
}

impl Coded for SqlError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidSql
    }
}

/// The kinds of errors the specification knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvalErrorKind {
    /// The text breaks the grammar. Only compiling gives it, as a [`SqlError`].
    Parse,
    /// A division by zero, or a result that does not fit 32 bits.
    Math,
    /// A value cannot become what an operator or function wants.
    Cast,
    /// The event has no such attribute.
    MissingAttribute,
    /// There is no such function.
    MissingFunction,
    /// A function does not take such arguments.
    FunctionEvaluation,
    /// Anything else: the evaluation used up its budget.
    Generic,
}

impl EvalErrorKind {
    /// The name of the kind, as the conformance suite of the specification has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Math => "math",
            Self::Cast => "cast",
            Self::MissingAttribute => "missingAttribute",
            Self::MissingFunction => "missingFunction",
            Self::FunctionEvaluation => "functionEvaluation",
            Self::Generic => "generic",
        }
    }
}

/// An error of an evaluation, which has a value all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalError {
    /// Its kind.
    pub kind: EvalErrorKind,
    /// Where the part of the expression begins that it comes from.
    pub at: Position,
    /// That part of the expression.
    pub written: String,
    /// What happened.
    pub what: &'static str,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            at,
            written,
            what,
        } = self;
        write!(f, "{} at {at}, in {written}: {what}", kind.name())
    }
}

impl std::error::Error for EvalError {}
