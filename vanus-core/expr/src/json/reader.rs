//! The tokens of JSON (RFC 8259).

use super::JsonError;

/// A position in a JSON text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    /// How many bytes are behind.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Skips white space and answers the byte after it, which is not passed yet.
    pub(crate) fn next_token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    /// Skips white space and the one byte `wanted`.
    pub(crate) fn expect(&mut self, wanted: u8, name: &'static str) -> Result<(), JsonError> {
        if self.next_token() == Some(wanted) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.error(name))
        }
    }

    /// Passes a byte that was looked at.
    pub(crate) fn pass(&mut self) {
        self.at += 1;
    }

    /// Passes a string, from quote to quote.
    pub(crate) fn string(&mut self) -> Result<(), JsonError> {
        self.expect(b'"', "a string")?;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(0x20..) => self.at += 1,
                Some(_) => return Err(self.error("an escaped control character")),
                None => return Err(self.error("the end of a string")),
            }
        }
    }

    /// Passes a number.
    pub(crate) fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Passes exactly this word.
    pub(crate) fn word(&mut self, word: &'static str) -> Result<(), JsonError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.error("a value"))
        }
    }

    /// That something else was expected here.
    pub(crate) fn error(&self, expected: &'static str) -> JsonError {
        JsonError::Syntax {
            at: self.at,
            expected,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            Err(self.error("a digit"))
        } else {
            Ok(())
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.code_unit()? {
                0xDC00..=0xDFFF => Err(self.error("a leading surrogate")),
                0xD800..=0xDBFF if self.peek() != Some(b'\\') => {
                    Err(self.error("a trailing surrogate"))
                }
                0xD800..=0xDBFF => {
                    self.at += 1;
                    match self.code_unit()? {
                        0xDC00..=0xDFFF => Ok(()),
                        _ => Err(self.error("a trailing surrogate")),
                    }
                }
                _ => Ok(()),
            },
            _ => Err(self.error("an escape character")),
        }
    }

    /// Passes `u` and four hexadecimal digits.
    fn code_unit(&mut self) -> Result<u32, JsonError> {
        let digits = match self.bytes.get(self.at..).and_then(<[u8]>::split_first) {
            Some((b'u', rest)) => rest.first_chunk::<4>(),
            _ => None,
        };
        let unit = digits
            .and_then(|digits| hex(digits))
            .ok_or(self.error("a code unit"))?;
        self.at += 5;
        Ok(unit)
    }
}

/// The value of hexadecimal digits.
pub(crate) fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| {
        Some(value * 16 + char::from(*digit).to_digit(16)?)
    })
}
