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
            self.at += plain_len(self.bytes.get(self.at..).unwrap_or_default());
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

/// How many bytes from the beginning stand for themselves in a string: up to a quote, a backslash or
/// a control character. Eight at a time.
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    // The lowest byte of a word that is zero, or less than a bound up to 0x80, is marked by its high
    // bit; bytes above the lowest may be marked wrongly, and are not asked about.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let quote = zero(word ^ (ONES * b'"' as u64));
        let found = control | quote | zero(word ^ (ONES * b'\\' as u64));
        if found != 0 {
            return length + (found.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let plain = |byte: &&u8| !matches!(byte, 0..0x20 | b'"' | b'\\');
    length + rest.iter().take_while(plain).count()
}

/// The value of hexadecimal digits.
pub(crate) fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| {
        Some(value * 16 + char::from(*digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::plain_len;

    #[test]
    fn every_byte_in_every_place_is_plain_or_not() {
        for place in 0..20 {
            for byte in 0..=255 {
                let mut bytes = [b'x'; 20];
                bytes[place] = byte;
                let plain = !matches!(byte, 0..0x20 | b'"' | b'\\');
                let expected = if plain { 20 } else { place };
                assert_eq!(plain_len(&bytes), expected, "{byte} at {place}");
            }
        }
        assert_eq!(plain_len(&[0xFF, 0x80, 0x1F, b'"', 0, 0, 0, 0]), 2);
        assert_eq!(plain_len(b""), 0);
    }
}
