//! The one binary codec for control messages and metadata records.
//!
//! Every encoded value starts with a version byte, is read under a length limit
//! ([`MAX_RECORD_LEN`]) and must be read to its last byte. Event
//! payloads never pass through here: they travel as their record bytes.
//!
//! Behind this door is bincode 2, which is no longer maintained; nothing outside this module
//! names it, so that it can be replaced. A derive in another crate points back here:
//! `#[bincode(crate = "vanus_types::codec::bincode")]`.

pub use bincode;
pub use bincode::{
    BorrowDecode, Decode, Encode,
    de::{BorrowDecoder, Decoder},
    enc::Encoder,
    error::{DecodeError, EncodeError},
};

use crate::{
    error::{Coded, ErrorCode},
    limits::MAX_RECORD_LEN,
};

/// Version of the encoding itself; the first byte of every encoded value.
pub const CODEC_VERSION: u8 = 1;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<MAX_RECORD_LEN>,
> = bincode::config::standard().with_limit::<MAX_RECORD_LEN>();

/// Encodes `value`: a version byte, then its fields.
///
/// The encoders of this project's records write to memory and cannot fail; should one refuse its
/// value all the same, the answer is empty, which [`decode`] refuses.
#[must_use]
pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
    let mut bytes = vec![CODEC_VERSION];
    match bincode::encode_into_std_write(value, &mut bytes, CONFIG) {
        Ok(_) => bytes,
        Err(_) => Vec::new(),
    }
}

/// Decodes what [`encode`] wrote.
///
/// # Errors
/// [`CodecError`] when the version is unknown, the bytes are malformed, longer than the limit, or
/// not used up.
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, CodecError> {
    let (version, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    if *version != CODEC_VERSION {
        return Err(CodecError::Version { found: *version });
    }
    let (value, used) =
        bincode::decode_from_slice(rest, CONFIG).map_err(|error| CodecError::Malformed {
            detail: error.to_string(),
        })?;
    if used == rest.len() {
        Ok(value)
    } else {
        Err(CodecError::Trailing {
            extra: rest.len() - used,
        })
    }
}

/// Why bytes are no value of the asked type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// There are no bytes at all.
    #[error("an encoded value has at least its version byte, this one is empty")]
    Empty,
    /// A later version of Vanus wrote this.
    #[error("encoding version {found} is unknown, this build reads {CODEC_VERSION}")]
    Version {
        /// The version byte found.
        found: u8,
    },
    /// The bytes do not follow the layout of the type, or pass the length limit.
    #[error("malformed encoded value: {detail}")]
    Malformed {
        /// What the decoder met.
        detail: String,
    },
    /// The value ended before the bytes did.
    #[error("{extra} bytes are left over after the encoded value")]
    Trailing {
        /// How many bytes are left.
        extra: usize,
    },
}

impl Coded for CodecError {
    fn code(&self) -> ErrorCode {
        ErrorCode::MalformedMessage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back() {
        let bytes = encode(&(7_u32, "text".to_owned()));
        assert_eq!(
            decode::<(u32, String)>(&bytes).unwrap(),
            (7, "text".to_owned())
        );
    }

    #[test]
    fn leftovers_unknown_versions_and_hostile_lengths_are_refused() {
        let mut bytes = encode(&7_u8);
        bytes.push(0);
        assert_eq!(decode::<u8>(&bytes), Err(CodecError::Trailing { extra: 1 }));
        assert_eq!(decode::<u8>(&[9, 7]), Err(CodecError::Version { found: 9 }));
        assert_eq!(decode::<u8>(&[]), Err(CodecError::Empty));
        let hostile = [CODEC_VERSION, 253, 255, 255, 255, 255, 255, 255, 255, 255];
        assert!(matches!(
            decode::<Vec<u8>>(&hostile),
            Err(CodecError::Malformed { .. })
        ));
    }
}
