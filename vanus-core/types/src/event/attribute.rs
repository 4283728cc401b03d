//! The seven types of attribute values (CloudEvents 1.0.2, "Type System").

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    invalid::InvalidEvent,
    text::check_string,
    timestamp,
    uri::{check_uri, check_uri_reference},
};

/// The type of an attribute value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttributeType {
    /// True or false.
    Boolean,
    /// A whole number of 32 bits.
    Integer,
    /// Allowed Unicode characters.
    String,
    /// Bytes.
    Binary,
    /// An absolute URI.
    Uri,
    /// A URI-reference.
    UriRef,
    /// An RFC 3339 date and time.
    Timestamp,
}

/// A borrowed attribute value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttributeRef<'a> {
    /// True or false.
    Boolean(bool),
    /// A whole number of 32 bits.
    Integer(i32),
    /// Allowed Unicode characters.
    String(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
    /// An absolute URI.
    Uri(&'a str),
    /// A URI-reference.
    UriRef(&'a str),
    /// An RFC 3339 date and time, as it was given.
    Timestamp(&'a str),
}

impl<'a> AttributeRef<'a> {
    /// The type of this value.
    #[must_use]
    pub const fn kind(&self) -> AttributeType {
        match self {
            Self::Boolean(_) => AttributeType::Boolean,
            Self::Integer(_) => AttributeType::Integer,
            Self::String(_) => AttributeType::String,
            Self::Binary(_) => AttributeType::Binary,
            Self::Uri(_) => AttributeType::Uri,
            Self::UriRef(_) => AttributeType::UriRef,
            Self::Timestamp(_) => AttributeType::Timestamp,
        }
    }

    /// The canonical string of this value: `true`, `-7`, base64 for bytes, else the text.
    #[must_use]
    pub fn canonical(&self) -> Cow<'a, str> {
        match *self {
            Self::Boolean(true) => Cow::Borrowed("true"),
            Self::Boolean(false) => Cow::Borrowed("false"),
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Binary(bytes) => Cow::Owned(STANDARD.encode(bytes)),
            Self::String(text) | Self::Uri(text) | Self::UriRef(text) | Self::Timestamp(text) => {
                Cow::Borrowed(text)
            }
        }
    }

    /// The value as text without allocation, where its type is one of the textual ones.
    #[must_use]
    pub const fn as_str(&self) -> Option<&'a str> {
        match *self {
            Self::String(text) | Self::Uri(text) | Self::UriRef(text) | Self::Timestamp(text) => {
                Some(text)
            }
            Self::Boolean(_) | Self::Integer(_) | Self::Binary(_) => None,
        }
    }

    /// An owned copy.
    #[must_use]
    pub fn to_value(&self) -> AttributeValue {
        match *self {
            Self::Boolean(value) => AttributeValue::Boolean(value),
            Self::Integer(value) => AttributeValue::Integer(value),
            Self::String(value) => AttributeValue::String(value.to_owned()),
            Self::Binary(value) => AttributeValue::Binary(value.to_vec()),
            Self::Uri(value) => AttributeValue::Uri(value.to_owned()),
            Self::UriRef(value) => AttributeValue::UriRef(value.to_owned()),
            Self::Timestamp(value) => AttributeValue::Timestamp(value.to_owned()),
        }
    }

    /// Checks that the value is one of its type.
    ///
    /// # Errors
    /// [`InvalidEvent`] says what is wrong with the attribute `name`.
    pub fn check(&self, name: &str) -> Result<(), InvalidEvent> {
        match *self {
            Self::Boolean(_) | Self::Integer(_) | Self::Binary(_) => Ok(()),
            Self::String(text) => check_string(name, text),
            Self::Uri(text) if check_uri(text) => check_string(name, text),
            Self::Uri(text) => Err(InvalidEvent::value(name, "absolute URI", text)),
            Self::UriRef(text) if check_uri_reference(text) => check_string(name, text),
            Self::UriRef(text) => Err(InvalidEvent::value(name, "URI-reference", text)),
            Self::Timestamp(text) if timestamp::parse(text).is_some() => Ok(()),
            Self::Timestamp(text) => Err(InvalidEvent::value(name, "RFC 3339 timestamp", text)),
        }
    }
}

/// An owned attribute value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AttributeValue {
    /// True or false.
    Boolean(bool),
    /// A whole number of 32 bits.
    Integer(i32),
    /// Allowed Unicode characters.
    String(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// An absolute URI.
    Uri(String),
    /// A URI-reference.
    UriRef(String),
    /// An RFC 3339 date and time.
    Timestamp(String),
}

impl AttributeValue {
    /// The value, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> AttributeRef<'_> {
        match self {
            Self::Boolean(value) => AttributeRef::Boolean(*value),
            Self::Integer(value) => AttributeRef::Integer(*value),
            Self::String(value) => AttributeRef::String(value),
            Self::Binary(value) => AttributeRef::Binary(value),
            Self::Uri(value) => AttributeRef::Uri(value),
            Self::UriRef(value) => AttributeRef::UriRef(value),
            Self::Timestamp(value) => AttributeRef::Timestamp(value),
        }
    }
}

impl From<bool> for AttributeValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i32> for AttributeValue {
    fn from(value: i32) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for AttributeValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for AttributeValue {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<Vec<u8>> for AttributeValue {
    fn from(value: Vec<u8>) -> Self {
        Self::Binary(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_strings_follow_the_type_system() {
        assert_eq!(AttributeRef::Boolean(true).canonical(), "true");
        assert_eq!(AttributeRef::Integer(-7).canonical(), "-7");
        assert_eq!(AttributeRef::Binary(&[0, 1]).canonical(), "AAE=");
        assert_eq!(AttributeRef::UriRef("/a").canonical(), "/a");
    }
}
