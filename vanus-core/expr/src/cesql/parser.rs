//! From tokens to expressions: precedence climbing, with bounded depth.
//!
//! The precedence is that of section 3.6 of the specification, and `AND`, `OR` and `XOR` are one
//! level that associates to the right, as the published grammar says: `a AND b OR c` is
//! `a AND (b OR c)`.

use vanus_types::limits::MAX_EXPRESSION_DEPTH;

use super::{
    ast::{BinaryOp, Expr, ExprKind, precedence},
    error::SqlError,
    lexer::tokens,
    token::{Keyword, Span, Token, TokenKind},
};
use crate::Position;

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expr, SqlError> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        text,
        tokens: &tokens,
        next: 0,
        depth: 0,
    };
    let (expr, _) = parser.expression(precedence::LOGIC)?;
    match parser.peek().kind {
        TokenKind::End => Ok(expr),
        TokenKind::Equal => Err(parser.error("an operand", "equality is written with one =")),
        _ => Err(parser.error(
            "an operator or the end",
            "join conditions with AND, OR or XOR, and put text in quotes",
        )),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token],
    next: usize,
    /// Calls of [`Self::expression`] under way.
    depth: usize,
}

/// An expression and how deep it is.
type Deep = (Expr, usize);

impl<'t> Parser<'t> {
    /// Reads an expression whose operators bind at least as tight as `least`.
    fn expression(&mut self, least: u8) -> Result<Deep, SqlError> {
        self.depth += 1;
        if self.depth > MAX_EXPRESSION_DEPTH {
            return Err(self.too_deep());
        }
        let mut left = self.prefix()?;
        loop {
            match self.operator(least, left)? {
                Step::Longer(longer) => left = longer,
                Step::Done(done) => {
                    self.depth -= 1;
                    return Ok(done);
                }
            }
        }
    }

    /// Takes the next operator with its right side, if it binds tight enough.
    fn operator(&mut self, least: u8, left: Deep) -> Result<Step, SqlError> {
        Ok(if let Some(op) = binary(self.peek().kind) {
            if op.precedence() < least {
                Step::Done(left)
            } else {
                self.next += 1;
                let tighter = u8::from(!op.is_right_associative());
                let (right, right_depth) = self.expression(op.precedence() + tighter)?;
                let (left, left_depth) = left;
                let span = join(left.span, right.span);
                let kind = ExprKind::Binary(op, Box::new([left, right]));
                Step::Longer(self.node(kind, span, left_depth.max(right_depth))?)
            }
        } else if least <= precedence::POSTFIX && self.at_postfix() {
            Step::Longer(self.postfix(left)?)
        } else {
            Step::Done(left)
        })
    }

    /// Whether `LIKE`, `IN`, or either with `NOT` before it comes next.
    fn at_postfix(&self) -> bool {
        matches!(
            self.peek().kind,
            TokenKind::Keyword(Keyword::Like | Keyword::In | Keyword::Not)
        )
    }

    fn postfix(&mut self, (subject, depth): Deep) -> Result<Deep, SqlError> {
        let negated = self.take(TokenKind::Keyword(Keyword::Not));
        if self.take(TokenKind::Keyword(Keyword::Like)) {
            let token = self.peek();
            if token.kind != TokenKind::Text {
                return Err(self.error(
                    "a text in quotes",
                    "the pattern of LIKE is a literal, in which % stands for any characters and \
                     _ for one",
                ));
            }
            self.next += 1;
            let pattern = unquote(self.written(token)).into();
            let span = join(subject.span, token.span);
            let kind = ExprKind::Like {
                subject: Box::new(subject),
                pattern,
                negated,
            };
            return self.node(kind, span, depth);
        }
        if !self.take(TokenKind::Keyword(Keyword::In)) {
            return Err(self.error("LIKE or IN", "NOT stands before what it negates"));
        }
        self.expect(
            TokenKind::Open,
            "an opening parenthesis",
            "IN wants a list, such as ('a', 'b')",
        )?;
        let (set, deepest, end) = self.list("a list of IN cannot be empty")?;
        let span = join(subject.span, end);
        let kind = ExprKind::In {
            subject: Box::new(subject),
            set: set.into(),
            negated,
        };
        self.node(kind, span, depth.max(deepest))
    }

    /// Reads what stands before any binary operator.
    fn prefix(&mut self) -> Result<Deep, SqlError> {
        let token = self.peek();
        self.next += 1;
        match token.kind {
            TokenKind::Keyword(Keyword::True) => self.node(ExprKind::Boolean(true), token.span, 0),
            TokenKind::Keyword(Keyword::False) => {
                self.node(ExprKind::Boolean(false), token.span, 0)
            }
            TokenKind::Text => {
                let text = unquote(self.written(token)).into();
                self.node(ExprKind::Text(text), token.span, 0)
            }
            TokenKind::Digits => self.integer(token.span),
            TokenKind::Plus | TokenKind::Minus if self.touches_digits(token) => {
                let digits = self.peek();
                self.next += 1;
                self.integer(join(token.span, digits.span))
            }
            TokenKind::Minus => self.unary(token, ExprKind::Negate),
            TokenKind::Keyword(Keyword::Not) => self.unary(token, ExprKind::Not),
            TokenKind::Keyword(Keyword::Exists) => {
                let name = self.peek();
                if name.kind != TokenKind::Name {
                    return Err(self.error("an attribute name", "EXISTS asks for one attribute"));
                }
                self.next += 1;
                let attribute = self.written(name).to_ascii_lowercase().into();
                self.node(ExprKind::Exists(attribute), join(token.span, name.span), 0)
            }
            TokenKind::Open => {
                let (mut inner, depth) = self.expression(precedence::LOGIC)?;
                let close = self.peek();
                self.expect(
                    TokenKind::Close,
                    "an operator or a closing parenthesis",
                    "each parenthesis that opens must close",
                )?;
                inner.span = join(token.span, close.span);
                Ok((inner, depth))
            }
            TokenKind::Name | TokenKind::FunctionName => self.name(token),
            _ => {
                self.next -= 1;
                Err(self.error(
                    "an attribute, a literal, a function or an opening parenthesis",
                    "an operator needs a value on either side",
                ))
            }
        }
    }

    fn unary(&mut self, token: Token, kind: fn(Box<Expr>) -> ExprKind) -> Result<Deep, SqlError> {
        let (operand, depth) = self.expression(precedence::UNARY)?;
        let span = join(token.span, operand.span);
        self.node(kind(Box::new(operand)), span, depth)
    }

    /// An attribute, or a function with its arguments.
    fn name(&mut self, token: Token) -> Result<Deep, SqlError> {
        let written = self.written(token);
        if !self.take(TokenKind::Open) {
            if token.kind == TokenKind::FunctionName {
                return Err(self.error(
                    "an opening parenthesis",
                    "a name with an underscore is that of a function",
                ));
            }
            let name = written.to_ascii_lowercase().into();
            return self.node(ExprKind::Attribute(name), token.span, 0);
        }
        if written.bytes().any(|byte| byte.is_ascii_digit()) {
            self.next -= 1;
            return Err(self.error(
                "an operator or the end",
                "no function has digits in its name",
            ));
        }
        let name = written.to_ascii_uppercase().into();
        let close = self.peek();
        let (arguments, deepest, end) = if self.take(TokenKind::Close) {
            (Vec::new(), 0, close.span)
        } else {
            self.list("an argument is a value")?
        };
        let kind = ExprKind::Call {
            name,
            arguments: arguments.into(),
        };
        self.node(kind, join(token.span, end), deepest)
    }

    /// One or more expressions and the parenthesis behind them.
    fn list(&mut self, hint: &'static str) -> Result<(Vec<Expr>, usize, Span), SqlError> {
        let (mut list, mut deepest) = (Vec::new(), 0);
        if self.peek().kind == TokenKind::Close {
            return Err(self.error("a value", hint));
        }
        loop {
            let (item, depth) = self.expression(precedence::LOGIC)?;
            list.push(item);
            deepest = deepest.max(depth);
            let end = self.peek();
            if self.take(TokenKind::Close) {
                return Ok((list, deepest, end.span));
            }
            self.expect(
                TokenKind::Comma,
                "a comma or a closing parenthesis",
                "values of a list are separated by commas",
            )?;
        }
    }

    fn integer(&mut self, span: Span) -> Result<Deep, SqlError> {
        let written = self.written_at(span);
        let Ok(number) = written.parse() else {
            return Err(SqlError::Integer {
                at: Position::of(self.text, span.start as usize),
                written: written.chars().take(40).collect(),
            });
        };
        self.node(ExprKind::Integer(number), span, 0)
    }

    /// Whether digits come directly behind `sign`, which is part of the number then.
    fn touches_digits(&self, sign: Token) -> bool {
        let next = self.peek();
        next.kind == TokenKind::Digits && next.span.start == sign.span.end
    }

    fn node(&self, kind: ExprKind, span: Span, inner: usize) -> Result<Deep, SqlError> {
        if inner >= MAX_EXPRESSION_DEPTH {
            return Err(self.too_deep());
        }
        Ok((Expr { kind, span }, inner + 1))
    }

    fn peek(&self) -> Token {
        const END: Token = Token {
            kind: TokenKind::End,
            span: Span { start: 0, end: 0 },
        };
        // The last token is the end, and nothing passes it.
        self.tokens.get(self.next).copied().unwrap_or(END)
    }

    fn take(&mut self, kind: TokenKind) -> bool {
        let taken = self.peek().kind == kind;
        self.next += usize::from(taken);
        taken
    }

    fn expect(
        &mut self,
        kind: TokenKind,
        expected: &'static str,
        hint: &'static str,
    ) -> Result<(), SqlError> {
        if self.take(kind) {
            Ok(())
        } else {
            Err(self.error(expected, hint))
        }
    }

    fn written(&self, token: Token) -> &'t str {
        self.written_at(token.span)
    }

    fn written_at(&self, span: Span) -> &'t str {
        let range = span.start as usize..span.end as usize;
        self.text.get(range).unwrap_or_default()
    }

    fn error(&self, expected: &'static str, hint: &'static str) -> SqlError {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::End => "the end".to_owned(),
            _ => {
                let shown: String = self.written(token).chars().take(20).collect();
                format!("\"{shown}\"")
            }
        };
        SqlError::Syntax {
            at: Position::of(self.text, token.span.start as usize),
            expected,
            found,
            hint,
        }
    }

    fn too_deep(&self) -> SqlError {
        SqlError::TooDeep {
            at: Position::of(self.text, self.peek().span.start as usize),
        }
    }
}

/// What happened to the expression on the left of an operator.
enum Step {
    /// It is part of a longer one now.
    Longer(Deep),
    /// Nothing more belongs to it.
    Done(Deep),
}

fn binary(kind: TokenKind) -> Option<BinaryOp> {
    Some(match kind {
        TokenKind::Keyword(Keyword::And) => BinaryOp::And,
        TokenKind::Keyword(Keyword::Or) => BinaryOp::Or,
        TokenKind::Keyword(Keyword::Xor) => BinaryOp::Xor,
        TokenKind::Equal => BinaryOp::Equal,
        TokenKind::NotEqual => BinaryOp::NotEqual,
        TokenKind::Less => BinaryOp::Less,
        TokenKind::LessOrEqual => BinaryOp::LessOrEqual,
        TokenKind::Greater => BinaryOp::Greater,
        TokenKind::GreaterOrEqual => BinaryOp::GreaterOrEqual,
        TokenKind::Plus => BinaryOp::Add,
        TokenKind::Minus => BinaryOp::Subtract,
        TokenKind::Star => BinaryOp::Multiply,
        TokenKind::Slash => BinaryOp::Divide,
        TokenKind::Percent => BinaryOp::Remainder,
        _ => return None,
    })
}

const fn join(first: Span, last: Span) -> Span {
    Span {
        start: first.start,
        end: last.end,
    }
}

/// The characters of a string literal: a quote is escaped by a backslash or by doubling it, and any
/// other backslash is a backslash.
fn unquote(written: &str) -> String {
    let mut chars = written.chars();
    let quote = chars.next();
    let mut text = String::with_capacity(written.len());
    while let Some(c) = chars.next() {
        if Some(c) == quote {
            // The second of two, or the one that closes.
            if chars.next().is_some() {
                text.push(c);
            }
        } else if c == '\\' {
            match chars.next() {
                Some(escaped) if Some(escaped) == quote => text.push(escaped),
                Some(other) => text.extend([c, other]),
                None => {}
            }
        } else {
            text.push(c);
        }
    }
    text
}
