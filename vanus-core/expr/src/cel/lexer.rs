//! From text to tokens.

use vanus_types::limits::MAX_EXPRESSION_LEN;

use super::{
    error::CelError,
    literal,
    token::{SYMBOLS, Token, TokenKind},
};
use crate::Position;

/// All tokens of `text`, and the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, CelError> {
    if text.len() > MAX_EXPRESSION_LEN {
        return Err(CelError::TooLong { length: text.len() });
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token()?;
        let ends = token.kind == TokenKind::End;
        tokens.push(token);
        if ends {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn token(&mut self) -> Result<Token, CelError> {
        self.skip();
        let start = self.at;
        let rest = self.rest();
        let kind = match rest.bytes().next() {
            None => TokenKind::End,
            Some(b'$') => self.reference()?,
            Some(b'0'..=b'9') => self.number()?,
            Some(b'.') if rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {
                self.number()?
            }
            Some(b'"' | b'\'') => self.quoted(0, false, false)?,
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => self.word()?,
            Some(_) => {
                let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                let Some(symbol) = symbol else {
                    return Err(self.error(
                        start,
                        "a token of CEL",
                        "text stands in quotes; a value of JSON data is $path.(type) or \
                         event.data.path",
                    ));
                };
                self.at += symbol.len();
                TokenKind::Symbol(symbol)
            }
        };
        let end = self.at;
        Ok(Token { kind, start, end })
    }

    /// White space and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    /// A name, or a string behind `r`, `b` or both.
    fn word(&mut self) -> Result<TokenKind, CelError> {
        let rest = self.rest();
        let length = length_while(rest, |b| b.is_ascii_alphanumeric() || b == b'_');
        let word = rest.get(..length).unwrap_or_default();
        let quoted = rest
            .get(length..)
            .unwrap_or_default()
            .starts_with(['"', '\'']);
        let (raw, bytes) = match word {
            "r" | "R" => (true, false),
            "b" | "B" => (false, true),
            "rb" | "rB" | "Rb" | "RB" | "br" | "bR" | "Br" | "BR" => (true, true),
            _ => (false, false),
        };
        if quoted && (raw || bytes) {
            return self.quoted(length, raw, bytes);
        }
        self.at += length;
        Ok(TokenKind::Name(word.into()))
    }

    fn quoted(&mut self, prefix: usize, raw: bool, bytes: bool) -> Result<TokenKind, CelError> {
        let start = self.at;
        let rest = self.rest().get(prefix..).unwrap_or_default();
        let quote = rest.get(..1).unwrap_or_default();
        let triple = quote.repeat(3);
        let quote = if rest.starts_with(&triple) {
            triple.as_str()
        } else {
            quote
        };
        let unclosed = || {
            self.error(
                start,
                "a closing quote",
                "end the text with the quote it begins with; only text in three quotes may have \
                 several lines",
            )
        };
        let inner = rest.get(quote.len()..).unwrap_or_default();
        let mut length = 0;
        loop {
            let left = inner.get(length..).unwrap_or_default();
            if left.starts_with(quote) {
                break;
            }
            let mut chars = left.chars();
            match chars.next() {
                None => return Err(unclosed()),
                Some('\n' | '\r') if quote.len() == 1 => return Err(unclosed()),
                Some('\\') if !raw => {
                    length += 1 + chars.next().map_or(0, char::len_utf8);
                }
                Some(c) => length += c.len_utf8(),
            }
        }
        let written = inner.get(..length).unwrap_or_default();
        self.at += prefix + quote.len() * 2 + length;
        let begins = start + prefix + quote.len();
        let kind = match (raw, bytes) {
            (true, true) => Ok(TokenKind::Bytes(written.as_bytes().into())),
            (true, false) => Ok(TokenKind::Text(written.into())),
            (false, true) => literal::bytes(written).map(|b| TokenKind::Bytes(b.into())),
            (false, false) => literal::text(written).map(|t| TokenKind::Text(t.into())),
        };
        kind.map_err(|at| {
            self.error(
                begins + at,
                "an escape of CEL",
                "a backslash is written as two, or the text with an r before it",
            )
        })
    }

    fn number(&mut self) -> Result<TokenKind, CelError> {
        let (start, rest) = (self.at, self.rest());
        let digits = |text: &str| length_while(text, |b| b.is_ascii_digit());
        let hex = rest.strip_prefix("0x").or(rest.strip_prefix("0X"));
        let hex_digits = hex.map_or(0, |hex| length_while(hex, |b| b.is_ascii_hexdigit()));
        let after = |n: usize| rest.get(n..).unwrap_or_default();
        let mut length = if hex_digits > 0 {
            2 + hex_digits
        } else {
            digits(rest)
        };
        let mut whole = true;
        if hex_digits == 0 {
            let fraction = after(length).strip_prefix('.').map_or(0, digits);
            if fraction > 0 {
                length += 1 + fraction;
                whole = false;
            }
            let exponent = after(length)
                .strip_prefix(['e', 'E'])
                .map_or(0, |exponent| {
                    let unsigned = exponent.trim_start_matches(['+', '-']);
                    let sign = exponent.len() - unsigned.len();
                    match digits(unsigned) {
                        0 => 0,
                        _ if sign > 1 => 0,
                        n => 1 + sign + n,
                    }
                });
            length += exponent;
            whole &= exponent == 0;
        }
        let written = rest.get(..length).unwrap_or_default();
        let too_large = || CelError::Number {
            at: Position::of(self.text, start),
            written: written.chars().take(40).collect(),
        };
        let kind = if whole {
            let number = match hex.and_then(|hex| hex.get(..hex_digits)) {
                Some(hex) if hex_digits > 0 => u64::from_str_radix(hex, 16),
                _ => written.parse(),
            };
            let number = number.map_err(|_| too_large())?;
            if after(length).starts_with(['u', 'U']) {
                length += 1;
                TokenKind::Uint(number)
            } else {
                TokenKind::Int(number)
            }
        } else {
            let number: f64 = written.parse().map_err(|_| too_large())?;
            if !number.is_finite() {
                return Err(too_large());
            }
            TokenKind::Double(number)
        };
        if after(length).starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return Err(self.error(start + length, "an operator", "a name begins with a letter"));
        }
        self.at += length;
        Ok(kind)
    }

    /// `$path.(type)`; brackets of the path may hold names in quotes.
    fn reference(&mut self) -> Result<TokenKind, CelError> {
        let (start, rest) = (self.at, self.rest().get(1..).unwrap_or_default());
        let mut quote = None;
        let mut bytes = rest.bytes().enumerate();
        let end = loop {
            match bytes.next() {
                None => break None,
                Some((_, b'\\')) if quote.is_some() => drop(bytes.next()),
                Some((_, byte)) if quote == Some(byte) => quote = None,
                Some(_) if quote.is_some() => {}
                Some((at, b'\'' | b'"')) if rest.get(..at).is_some_and(|r| r.ends_with('[')) => {
                    quote = rest.as_bytes().get(at).copied();
                }
                Some((at, b'.')) if rest.get(at + 1..).is_some_and(|r| r.starts_with('(')) => {
                    break Some(at);
                }
                Some((_, byte)) if byte.is_ascii_whitespace() => break None,
                Some(_) => {}
            }
        };
        let parts = end.and_then(|end| {
            let (kind, _) = rest.get(end + 2..)?.split_once(')')?;
            Some((rest.get(..end)?, kind, end + kind.len() + 4))
        });
        let Some((path, kind, length)) = parts else {
            return Err(self.error(
                start,
                "$path.(type)",
                "a value of JSON data is named with its type, such as $user.age.(int64)",
            ));
        };
        self.at += length;
        Ok(TokenKind::Reference(path.into(), kind.trim().into()))
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, at: usize, expected: &'static str, hint: &'static str) -> CelError {
        let found = self.text.get(at..).unwrap_or_default();
        let word = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '$' | '\\');
        let mut shown: String = found.chars().take_while(word).take(20).collect();
        if shown.is_empty() {
            shown.extend(found.chars().next());
        }
        CelError::Syntax {
            at: Position::of(self.text, at),
            expected,
            found: if shown.is_empty() {
                "the end".to_owned()
            } else {
                format!("\"{shown}\"")
            },
            hint,
        }
    }
}

fn length_while(text: &str, test: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| test(*byte)).count()
}
