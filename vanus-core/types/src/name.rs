//! Checked names of namespaces, eventbuses and subscriptions.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use crate::{
    codec::{BorrowDecode, Decode, DecodeError, Decoder, Encode, EncodeError, Encoder},
    error::{Coded, ErrorCode},
    limits::MAX_NAME_LEN,
};

/// A name of 1 to [`MAX_NAME_LEN`] characters out of `0-9 a-z A-Z . - _`.
///
/// Names that start with `__` belong to the system; see [`Name::is_system`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks `text` and makes it a name.
    ///
    /// # Errors
    /// [`InvalidName`] says which rule is broken and where.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.len() > MAX_NAME_LEN {
            return Err(InvalidName::TooLong { length: text.len() });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if let Some((position, character)) = text.char_indices().find(|(_, c)| !allowed(*c)) {
            return Err(InvalidName::Character {
                name: text.to_owned(),
                position,
                character,
            });
        }
        if text == "." || text == ".." {
            return Err(InvalidName::Dots);
        }
        Ok(Self(Arc::from(text)))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is in the part of the name space that the system keeps for itself.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.0.starts_with("__")
    }
}

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The text is empty.
    #[error("a name must not be empty")]
    Empty,
    /// The text is longer than [`MAX_NAME_LEN`].
    #[error("a name may have {MAX_NAME_LEN} characters, this one has {length}")]
    TooLong {
        /// Length of the text in bytes.
        length: usize,
    },
    /// A character is not allowed.
    #[error(
        "name \"{name}\" has {character:?} at position {position}: use letters, digits, \".\", \"-\" and \"_\""
    )]
    Character {
        /// The whole text.
        name: String,
        /// Byte position of the first bad character.
        position: usize,
        /// The bad character.
        character: char,
    },
    /// `.` and `..` would be read as folders in a URL.
    #[error("a name must not be \".\" or \"..\"")]
    Dots,
}

impl Coded for InvalidName {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidName
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Encode for Name {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.as_str().encode(encoder)
    }
}

impl<C> Decode<C> for Name {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let text = String::decode(decoder)?;
        Self::new(&text).map_err(|error| DecodeError::OtherString(error.to_string()))
    }
}

impl<'de, C> BorrowDecode<'de, C> for Name {
    fn borrow_decode<D: crate::codec::BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_characters_make_a_name() {
        assert_eq!(
            Name::new("Shop.orders-1_a").unwrap().as_str(),
            "Shop.orders-1_a"
        );
        assert!(Name::new("__dl_00").unwrap().is_system());
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert_eq!(Name::new(""), Err(InvalidName::Empty));
        assert_eq!(
            Name::new(&"a".repeat(129)),
            Err(InvalidName::TooLong { length: 129 })
        );
        assert_eq!(Name::new(".."), Err(InvalidName::Dots));
        for bad in ["a b", "a/b", "ä", "a\u{0}"] {
            assert!(
                matches!(Name::new(bad), Err(InvalidName::Character { .. })),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_bad_name_is_refused_by_the_decoder() {
        let bytes = crate::codec::encode(&"a b".to_owned());
        assert!(crate::codec::decode::<Name>(&bytes).is_err());
        let bytes = crate::codec::encode(&Name::new("ab").unwrap());
        assert_eq!(crate::codec::decode::<Name>(&bytes).unwrap().as_str(), "ab");
    }
}
