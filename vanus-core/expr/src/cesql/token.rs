//! The tokens of CESQL.

/// A part of the text, in bytes: from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A token and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a token is. The text of names and literals is that of its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Letters and digits, not a keyword and not digits only.
    Name,
    /// Letters and underscores, at least one of them an underscore: only functions have such.
    FunctionName,
    /// Digits without a sign.
    Digits,
    /// A string with its quotes.
    Text,
    Keyword(Keyword),
    Open,
    Close,
    Comma,
    Star,
    Slash,
    Percent,
    Plus,
    Minus,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Behind the last one.
    End,
}

/// The reserved words, in any case of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Xor,
    Not,
    Like,
    Exists,
    In,
    True,
    False,
}

impl Keyword {
    const ALL: [(&'static str, Self); 9] = [
        ("AND", Self::And),
        ("OR", Self::Or),
        ("XOR", Self::Xor),
        ("NOT", Self::Not),
        ("LIKE", Self::Like),
        ("EXISTS", Self::Exists),
        ("IN", Self::In),
        ("TRUE", Self::True),
        ("FALSE", Self::False),
    ];

    /// The keyword that is written so.
    pub(super) fn read(word: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(written, _)| word.eq_ignore_ascii_case(written))
            .map(|(_, keyword)| *keyword)
    }
}
