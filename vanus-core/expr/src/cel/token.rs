//! The tokens of CEL.

/// A token: what it is, and the bytes of the text it stands on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Name(Box<str>),
    /// An integer without its sign.
    Int(u64),
    Uint(u64),
    Double(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    /// `$path.(type)`: the path and the type.
    Reference(Box<str>, Box<str>),
    /// Punctuation.
    Symbol(&'static str),
    /// Behind the last one.
    End,
}

/// Every symbol, a longer one before those it begins with.
pub(super) const SYMBOLS: [&str; 25] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", "(", ")",
    "[", "]", "{", "}", ",", ".", "=",
];
