//! From text to tokens.

use vanus_types::limits::MAX_EXPRESSION_LEN;

use super::{
    error::SqlError,
    token::{Keyword, Span, Token, TokenKind},
};
use crate::Position;

/// All tokens of `text`, and the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SqlError> {
    if text.len() > MAX_EXPRESSION_LEN {
        return Err(SqlError::TooLong { length: text.len() });
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token()?;
        tokens.push(token);
        if token.kind == TokenKind::End {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn token(&mut self) -> Result<Token, SqlError> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
        let start = self.at;
        let kind = match self.peek() {
            None => TokenKind::End,
            Some(quote @ (b'\'' | b'"')) => self.quoted(quote)?,
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9') => self.word()?,
            Some(byte) => self.symbol(byte)?,
        };
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let span = Span {
            start: narrow(start),
            end: narrow(self.at),
        };
        Ok(Token { kind, span })
    }

    fn word(&mut self) -> Result<TokenKind, SqlError> {
        let start = self.at;
        while let Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_') = self.peek() {
            self.at += 1;
        }
        let word = self.text.get(start..self.at).unwrap_or_default();
        let has = |test: fn(&u8) -> bool| word.as_bytes().iter().any(test);
        let digits = has(u8::is_ascii_digit);
        if has(|byte| *byte == b'_') {
            if digits {
                return Err(self.error(
                    start,
                    "a name of letters and digits",
                    "names of functions have letters and underscores, those of attributes \
                     letters and digits",
                ));
            }
            return Ok(TokenKind::FunctionName);
        }
        if digits && !has(u8::is_ascii_alphabetic) {
            return Ok(TokenKind::Digits);
        }
        Ok(Keyword::read(word).map_or(TokenKind::Name, TokenKind::Keyword))
    }

    /// Passes a string: a backslash takes the character after it along, two quotes are one.
    fn quoted(&mut self, quote: u8) -> Result<TokenKind, SqlError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    return Err(self.error(
                        start,
                        "a closing quote",
                        "end the text with the quote it begins with, and put a backslash before \
                         a quote inside",
                    ));
                }
                Some(b'\\') => {
                    let next = self.text.get(self.at + 1..).unwrap_or_default();
                    self.at += 1 + next.chars().next().map_or(0, char::len_utf8);
                }
                Some(byte) if byte == quote => {
                    self.at += 1;
                    if self.peek() != Some(quote) {
                        return Ok(TokenKind::Text);
                    }
                    self.at += 1;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn symbol(&mut self, first: u8) -> Result<TokenKind, SqlError> {
        let second = self.text.as_bytes().get(self.at + 1).copied();
        let (kind, length) = match (first, second) {
            (b'!', Some(b'=')) | (b'<', Some(b'>')) => (TokenKind::NotEqual, 2),
            (b'<', Some(b'=')) => (TokenKind::LessOrEqual, 2),
            (b'>', Some(b'=')) => (TokenKind::GreaterOrEqual, 2),
            (b'<', _) => (TokenKind::Less, 1),
            (b'>', _) => (TokenKind::Greater, 1),
            (b'=', _) => (TokenKind::Equal, 1),
            (b'(', _) => (TokenKind::Open, 1),
            (b')', _) => (TokenKind::Close, 1),
            (b',', _) => (TokenKind::Comma, 1),
            (b'*', _) => (TokenKind::Star, 1),
            (b'/', _) => (TokenKind::Slash, 1),
            (b'%', _) => (TokenKind::Percent, 1),
            (b'+', _) => (TokenKind::Plus, 1),
            (b'-', _) => (TokenKind::Minus, 1),
            _ => {
                return Err(self.error(
                    self.at,
                    "a token of CESQL",
                    "text stands in quotes, and names have letters and digits only",
                ));
            }
        };
        self.at += length;
        Ok(kind)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&self, at: usize, expected: &'static str, hint: &'static str) -> SqlError {
        let found = self.text.get(at..).unwrap_or_default();
        let word = |c: &char| c.is_alphanumeric() || *c == '_';
        let mut shown: String = found.chars().take_while(word).take(20).collect();
        if shown.is_empty() {
            shown.extend(found.chars().next());
        }
        SqlError::Syntax {
            at: Position::of(self.text, at),
            expected,
            found: format!("\"{shown}\""),
            hint,
        }
    }
}
