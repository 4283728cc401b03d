//! What a CESQL text says.

use super::token::Span;

/// An expression. Two are equal when they mean the same in the same way; where they were written
/// does not count.
#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExprKind {
    Boolean(bool),
    Integer(i32),
    Text(Box<str>),
    /// The attribute of this name, which is in lower case.
    Attribute(Box<str>),
    /// Whether the attribute of this name is there.
    Exists(Box<str>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(BinaryOp, Box<[Expr; 2]>),
    Like {
        subject: Box<Expr>,
        pattern: Box<str>,
        negated: bool,
    },
    In {
        subject: Box<Expr>,
        set: Box<[Expr]>,
        negated: bool,
    },
    /// A function by its name in capitals.
    Call {
        name: Box<str>,
        arguments: Box<[Expr]>,
    },
}

/// The binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    And,
    Or,
    Xor,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// How tight an expression binds: higher is tighter.
pub(crate) mod precedence {
    pub(crate) const LOGIC: u8 = 1;
    pub(crate) const COMPARISON: u8 = 2;
    pub(crate) const SUM: u8 = 3;
    pub(crate) const PRODUCT: u8 = 4;
    /// `LIKE` and `IN`, which come behind their subject.
    pub(crate) const POSTFIX: u8 = 5;
    pub(crate) const UNARY: u8 = 6;
    pub(crate) const PRIMARY: u8 = 7;
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Expr {}

impl Expr {
    /// How tight it binds.
    pub(crate) fn precedence(&self) -> u8 {
        match &self.kind {
            ExprKind::Boolean(_)
            | ExprKind::Integer(_)
            | ExprKind::Text(_)
            | ExprKind::Attribute(_)
            | ExprKind::Exists(_)
            | ExprKind::Call { .. } => precedence::PRIMARY,
            ExprKind::Not(_) | ExprKind::Negate(_) => precedence::UNARY,
            ExprKind::Like { .. } | ExprKind::In { .. } => precedence::POSTFIX,
            ExprKind::Binary(op, _) => op.precedence(),
        }
    }
}

impl BinaryOp {
    /// How tight it binds.
    pub(crate) const fn precedence(self) -> u8 {
        match self {
            Self::And | Self::Or | Self::Xor => precedence::LOGIC,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual => precedence::COMPARISON,
            Self::Add | Self::Subtract => precedence::SUM,
            Self::Multiply | Self::Divide | Self::Remainder => precedence::PRODUCT,
        }
    }

    /// Whether `a op b op c` is `a op (b op c)`.
    pub(crate) const fn is_right_associative(self) -> bool {
        self.precedence() == precedence::LOGIC
    }

    /// How it is written.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::And => "AND",
            Self::Or => "OR",
            Self::Xor => "XOR",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}
