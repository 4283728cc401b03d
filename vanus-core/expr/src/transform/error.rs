//! What can be wrong with a transformer, and what can go wrong in a run.

use vanus_types::{
    InvalidEvent,
    control::TransformerSpecError,
    error::{Coded, ErrorCode},
};

use crate::{Position, budget::Exhausted, json::JsonError};

/// Why a transformer cannot be compiled: where, such as `transformer.pipeline[2].command[1]`, and
/// what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformerError {
    /// It breaks a rule of how it is written.
    #[error(transparent)]
    Spec(#[from] TransformerSpecError),
    /// There is no such function.
    #[error("{at}: there is no function \"{name}\"; {hint}")]
    Function {
        /// Which argument.
        at: String,
        /// The name, cut to 40 characters.
        name: String,
        /// What there is.
        hint: String,
    },
    /// A function is given too few or too many arguments.
    #[error("{at}: {function} takes {wanted}, and is given {given} arguments")]
    Arity {
        /// Which action.
        at: String,
        /// The name of the function.
        function: &'static str,
        /// Its signature.
        wanted: String,
        /// How many arguments there are.
        given: usize,
    },
    /// An argument is none that the function takes.
    #[error("{at}: {what}")]
    Argument {
        /// Which argument.
        at: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A text (template, path, pattern or expression) cannot be read.
    #[error("{at}: at {position}, {what}")]
    Text {
        /// Which text.
        at: String,
        /// Where in it.
        position: Position,
        /// What is wrong, and what to do.
        what: String,
    },
}

impl Coded for TransformerError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidTransformer
    }
}

/// Why a run gives no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// The data is not JSON.
    #[error("the data of the event is not JSON that can be transformed: {0}")]
    NotJson(JsonError),
    /// The data is not text.
    #[error("the data of the event is not JSON that can be transformed: it is no UTF-8 text")]
    NotText,
    /// An action failed that must not.
    #[error("{0}")]
    Action(ActionError),
    /// What came out is no event.
    #[error("the transformed event is invalid: {0}")]
    Invalid(#[from] InvalidEvent),
    /// It takes more work than one run may.
    #[error(
        "the transformer takes more work for this event than one run may; make its arrays, \
         copies and expressions smaller"
    )]
    Budget,
}

impl Coded for TransformError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotJson(_) | Self::NotText => ErrorCode::InvalidJson,
            Self::Invalid(error) => error.code(),
            Self::Action(_) => ErrorCode::InvalidArgument,
            Self::Budget => ErrorCode::ResourceExhausted,
        }
    }
}

/// An action that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pipeline[{index}] {function}: {fault}")]
pub struct ActionError {
    /// Its place in the pipeline, from 0.
    pub index: usize,
    /// The name of its function.
    pub function: &'static str,
    /// Why.
    pub fault: ActionFault,
}

/// Why an action failed. The event is as if the action had not been there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionFault {
    /// Nothing, or null, is where a value is needed.
    #[error("{0} is missing")]
    Missing(String),
    /// Something is where nothing may be.
    #[error("{0} exists")]
    Exists(String),
    /// A value is of a type, form or range that the function cannot work with.
    #[error("{0}")]
    Value(String),
    /// An action inside this one failed.
    #[error("item {item}, {function}: {fault}")]
    Nested {
        /// Which item of the array, from 0.
        item: usize,
        /// The name of the inner function.
        function: &'static str,
        /// Why.
        fault: Box<ActionFault>,
    },
    /// It takes more work than one run may.
    #[error("it takes more work than one run may")]
    Budget,
}

impl ActionFault {
    /// A value that cannot be worked with.
    pub(super) fn value(what: impl Into<String>) -> Self {
        Self::Value(what.into())
    }
}

impl From<Exhausted> for ActionFault {
    fn from(_: Exhausted) -> Self {
        Self::Budget
    }
}

/// The start of a text that is told to people.
pub(super) fn short(text: &str) -> String {
    start_of(text, 40)
}

/// At most the first `most` characters of a text.
pub(super) fn start_of(text: &str, most: usize) -> String {
    let mut start: String = text.chars().take(most).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}
