//! An error in the form in which it crosses a wire.

use std::fmt;

use super::{Coded, ErrorCode, RetryClass};
use crate::codec::{
    BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, EncodeError, Encoder,
};

/// A stable code and a sentence for people: subject, verb, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: ErrorCode,
    /// The sentence, without the code.
    pub message: String,
}

impl Fault {
    /// A fault with this code and sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The fault that tells of `error`, with all its causes.
    #[must_use]
    pub fn of<E: Coded + std::error::Error>(error: &E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = inner.source();
        }
        Self {
            code: error.code(),
            message,
        }
    }

    /// Whether asking again can help.
    #[must_use]
    pub const fn retry_class(&self) -> RetryClass {
        self.code.retry_class()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)
    }
}

impl std::error::Error for Fault {}

impl Coded for Fault {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

impl Encode for Fault {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.code.number().encode(encoder)?;
        self.message.encode(encoder)
    }
}

impl<C> Decode<C> for Fault {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        // A code of a later version is kept as a sentence rather than refused.
        let number = u16::decode(decoder)?;
        let message = String::decode(decoder)?;
        Ok(match ErrorCode::from_number(number) {
            Some(code) => Self { code, message },
            None => Self::new(ErrorCode::Unknown, format!("V{number} {message}")),
        })
    }
}

impl<'de, C> BorrowDecode<'de, C> for Fault {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode, encode};

    #[test]
    fn a_fault_comes_back_and_an_unknown_code_keeps_its_sentence() {
        let fault = Fault::new(ErrorCode::EventbusNotFound, "eventbus \"a\" not found");
        assert_eq!(decode::<Fault>(&encode(&fault)).unwrap(), fault);
        let later = encode(&(60_000_u16, "strange".to_owned()));
        assert_eq!(decode::<Fault>(&later).unwrap().message, "V60000 strange");
        assert_eq!(fault.to_string(), "V9401 eventbus \"a\" not found");
    }
}
