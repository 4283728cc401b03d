//! Texts that are never shown.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec::{Decode, Encode};

/// What is shown in the place of a secret. In an update it stands for the secret there was.
pub const SECRET_MASK: &str = "******";

/// A text that is shown to nobody: to print it, or to write it as JSON, gives [`SECRET_MASK`].
///
/// It is *clear*, or *sealed* with the key of a node, as which it is stored. The binary codec writes
/// it as it is, so whatever is told to a caller has to be [masked](Secret::masked) first.
#[derive(Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Secret(State);

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
enum State {
    Clear(String),
    Sealed(Vec<u8>),
}

impl Default for State {
    fn default() -> Self {
        Self::Clear(String::new())
    }
}

impl Secret {
    /// A secret that is clear.
    pub fn new(text: impl Into<String>) -> Self {
        Self(State::Clear(text.into()))
    }

    /// A secret that was sealed.
    #[must_use]
    pub const fn sealed(bytes: Vec<u8>) -> Self {
        Self(State::Sealed(bytes))
    }

    /// The text, to be used and not to be kept; nothing if it is sealed.
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        match &self.0 {
            State::Clear(text) => Some(text),
            State::Sealed(_) => None,
        }
    }

    /// The sealed bytes, if it is sealed.
    #[must_use]
    pub fn as_sealed(&self) -> Option<&[u8]> {
        match &self.0 {
            State::Clear(_) => None,
            State::Sealed(bytes) => Some(bytes),
        }
    }

    /// What may be shown in the place of a secret.
    #[must_use]
    pub fn masked() -> Self {
        Self::new(SECRET_MASK)
    }

    /// Whether this is only what is shown in the place of a secret.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.expose() == Some(SECRET_MASK)
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            State::Clear(text) => text.len(),
            State::Sealed(bytes) => bytes.len(),
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SECRET_MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SECRET_MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SECRET_MASK)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn a_secret_is_never_shown() {
        for secret in [Secret::new("hunter2"), Secret::sealed(b"hunter2".to_vec())] {
            assert_eq!(
                format!("{secret} {secret:?} {:#?}", Some(&secret))
                    .matches("******")
                    .count(),
                3
            );
            assert_eq!(serde_json::to_string(&secret).unwrap(), "\"******\"");
            assert_eq!(
                codec::decode::<Secret>(&codec::encode(&secret)).unwrap(),
                secret
            );
        }
        let read: Secret = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(read.expose(), Some("hunter2"));
        assert!(!read.is_masked() && Secret::masked().is_masked());
    }
}
