//! Why something is no CloudEvent.

use crate::{
    error::{Coded, ErrorCode},
    limits::{MAX_ATTRIBUTE_NAME_LEN, MAX_ATTRIBUTES_LEN, MAX_EVENT_LEN, MAX_EXTENSIONS},
};

/// The rule of `CloudEvents` 1.0.2, or the limit, that an event breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// A required attribute is absent.
    #[error("required attribute \"{0}\" is missing")]
    Missing(&'static str),
    /// An attribute that must have a value is empty.
    #[error("attribute \"{0}\" must not be empty")]
    Empty(String),
    /// The specification version is not 1.0.
    #[error("specversion \"{0}\" is not supported, use \"1.0\"")]
    SpecVersion(String),
    /// An attribute name has a character other than `a-z` and `0-9`, or is empty.
    #[error("attribute name \"{0}\" must consist of lower-case letters and digits")]
    AttributeName(String),
    /// An attribute name is too long.
    #[error("attribute name \"{0}…\" is longer than {MAX_ATTRIBUTE_NAME_LEN} characters")]
    AttributeNameTooLong(String),
    /// An extension has the name of something else.
    #[error("\"{0}\" cannot be the name of an extension attribute")]
    ReservedName(String),
    /// An attribute appears twice.
    #[error("attribute \"{0}\" appears twice")]
    Duplicate(String),
    /// A string has a control character or a code point that is no character.
    #[error("attribute \"{name}\" has the forbidden character U+{code_point:04X}")]
    Character {
        /// The attribute.
        name: String,
        /// The forbidden code point.
        code_point: u32,
    },
    /// A value does not have the form of its type.
    #[error("attribute \"{name}\" is no {expected}: \"{value}\"")]
    Value {
        /// The attribute.
        name: String,
        /// The form asked for.
        expected: &'static str,
        /// The start of the value given.
        value: String,
    },
    /// There are too many extensions.
    #[error("{0} extension attributes are more than {MAX_EXTENSIONS}")]
    TooManyExtensions(usize),
    /// The attributes together are too long.
    #[error("the attributes take {0} bytes, the limit is {MAX_ATTRIBUTES_LEN}")]
    AttributesTooLarge(usize),
    /// The event is too large.
    #[error("the event takes {0} bytes, the limit is {MAX_EVENT_LEN}")]
    TooLarge(usize),
}

impl InvalidEvent {
    pub(crate) fn value(name: &str, expected: &'static str, value: &str) -> Self {
        const SHOWN: usize = 64;
        let value = value.chars().take(SHOWN).collect();
        Self::Value {
            name: name.to_owned(),
            expected,
            value,
        }
    }
}

impl Coded for InvalidEvent {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge(_) | Self::AttributesTooLarge(_) | Self::TooManyExtensions(_) => {
                ErrorCode::TooLarge
            }
            _ => ErrorCode::InvalidEvent,
        }
    }
}
