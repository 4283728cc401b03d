//! From tokens to expressions, with bounded depth.

use vanus_types::limits::MAX_EXPRESSION_DEPTH;

use super::{
    ast::{BinaryOp, Expr, ExprKind, Literal},
    error::CelError,
    lexer::tokens,
    token::{Token, TokenKind},
};
use crate::Position;

/// Words that no variable may be called.
const RESERVED: [&str; 16] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "var",
    "while",
];

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expr, CelError> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        text,
        tokens: &tokens,
        next: 0,
        depth: 0,
    };
    let (expr, _) = parser.expression()?;
    if parser.peek().kind == TokenKind::End {
        return Ok(expr);
    }
    let hint = match parser.peek().kind {
        TokenKind::Symbol("=") => "equality is written with two =",
        TokenKind::Symbol("{") => "messages cannot be made, only lists and maps",
        _ => "join conditions with && or ||, and put text in quotes",
    };
    Err(parser.error("an operator or the end", hint))
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token],
    next: usize,
    /// Levels of [`Self::expression`] and [`Self::unary`] under way.
    depth: usize,
}

/// An expression and how deep it is.
type Deep = (Expr, usize);

const END: &TokenKind = &TokenKind::End;

impl Parser<'_> {
    fn expression(&mut self) -> Result<Deep, CelError> {
        self.enter()?;
        let (condition, depth) = self.or()?;
        let at = self.here();
        let whole = if self.take("?") {
            let (then, then_depth) = self.or()?;
            self.expect(":", "a condition has two results, such as a ? b : c")?;
            let (otherwise, other_depth) = self.expression()?;
            let kind = ExprKind::Conditional(Box::new([condition, then, otherwise]));
            self.node(kind, at, depth.max(then_depth).max(other_depth))?
        } else {
            (condition, depth)
        };
        self.depth -= 1;
        Ok(whole)
    }

    fn or(&mut self) -> Result<Deep, CelError> {
        self.chain("||", ExprKind::Or, Self::and)
    }

    fn and(&mut self) -> Result<Deep, CelError> {
        self.chain("&&", ExprKind::And, |parser| parser.binary(1))
    }

    /// One or more of what `inner` reads, as one node however many there are.
    fn chain(
        &mut self,
        symbol: &'static str,
        kind: fn(Vec<Expr>) -> ExprKind,
        inner: impl Fn(&mut Self) -> Result<Deep, CelError>,
    ) -> Result<Deep, CelError> {
        let at = self.here();
        let (first, mut deepest) = inner(self)?;
        let mut all = vec![first];
        while self.take(symbol) {
            let (next, depth) = inner(self)?;
            all.push(next);
            deepest = deepest.max(depth);
        }
        match <[Expr; 1]>::try_from(all) {
            Ok([only]) => Ok((only, deepest)),
            Err(all) => self.node(kind(all), at, deepest),
        }
    }

    /// Reads relations, sums and products whose operators bind at least as tight as `least`.
    fn binary(&mut self, least: u8) -> Result<Deep, CelError> {
        let (mut left, mut depth) = self.unary()?;
        loop {
            let op = match &self.peek().kind {
                TokenKind::Symbol(symbol) => BinaryOp::read(symbol),
                TokenKind::Name(name) if &**name == "in" => BinaryOp::read("in"),
                _ => None,
            };
            let Some((op, binds)) = op.filter(|(_, binds)| *binds >= least) else {
                return Ok((left, depth));
            };
            let at = self.here();
            self.next += 1;
            let (right, right_depth) = self.binary(binds + 1)?;
            let kind = ExprKind::Binary(op, Box::new([left, right]));
            (left, depth) = self.node(kind, at, depth.max(right_depth))?;
        }
    }

    fn unary(&mut self) -> Result<Deep, CelError> {
        let at = self.here();
        if self.take("!") {
            self.enter()?;
            let (inner, depth) = self.unary()?;
            self.depth -= 1;
            return self.node(ExprKind::Not(Box::new(inner)), at, depth);
        }
        if self.take("-") {
            let number = match self.peek().kind {
                TokenKind::Int(number) => Some(number),
                _ => None,
            };
            if let Some(number) = number {
                // The sign is part of the number, or the smallest one could not be written.
                let negative = 0_i64.checked_sub_unsigned(number);
                let literal =
                    ExprKind::Literal(Literal::Int(negative.ok_or_else(|| self.large())?));
                self.next += 1;
                let operand = self.node(literal, at, 0)?;
                return self.members(operand);
            }
            self.enter()?;
            let (inner, depth) = self.unary()?;
            self.depth -= 1;
            return self.node(ExprKind::Negate(Box::new(inner)), at, depth);
        }
        let operand = self.primary()?;
        self.members(operand)
    }

    /// Reads the fields, indexes and methods behind an operand.
    fn members(&mut self, (mut operand, mut depth): Deep) -> Result<Deep, CelError> {
        loop {
            let at = self.here();
            if self.take(".") {
                let TokenKind::Name(name) = &self.peek().kind else {
                    return Err(self.error("a name", "other names go into brackets: a[\"b c\"]"));
                };
                let name = name.clone();
                self.next += 1;
                let operand_box = Box::new(operand);
                (operand, depth) = if self.take("(") {
                    let (arguments, deepest) = self.list(")")?;
                    let kind = ExprKind::Call(Some(operand_box), name, arguments);
                    self.node(kind, at, depth.max(deepest))?
                } else {
                    self.node(ExprKind::Select(operand_box, name), at, depth)?
                };
            } else if self.take("[") {
                let (key, key_depth) = self.expression()?;
                self.expect("]", "each bracket that opens must close")?;
                let kind = ExprKind::Index(Box::new([operand, key]));
                (operand, depth) = self.node(kind, at, depth.max(key_depth))?;
            } else {
                return Ok((operand, depth));
            }
        }
    }

    fn primary(&mut self) -> Result<Deep, CelError> {
        let at = self.here();
        let kind = self.peek().kind.clone();
        self.next += 1;
        let literal = match kind {
            TokenKind::Int(number) => match i64::try_from(number) {
                Ok(number) => Literal::Int(number),
                Err(_) => {
                    self.next -= 1;
                    return Err(self.large());
                }
            },
            TokenKind::Uint(number) => Literal::Uint(number),
            TokenKind::Double(number) => Literal::Double(number),
            TokenKind::Text(text) => Literal::Text(text),
            TokenKind::Bytes(bytes) => Literal::Bytes(bytes),
            TokenKind::Reference(path, kind) => {
                return self.node(ExprKind::Reference(path, kind), at, 0);
            }
            TokenKind::Name(name) => match &*name {
                "true" => Literal::Bool(true),
                "false" => Literal::Bool(false),
                "null" => Literal::Null,
                _ => return self.name(name, at),
            },
            TokenKind::Symbol("(") => {
                let inner = self.expression()?;
                self.expect(")", "each parenthesis that opens must close")?;
                return Ok(inner);
            }
            TokenKind::Symbol("[") => {
                let (items, deepest) = self.list("]")?;
                return self.node(ExprKind::List(items), at, deepest);
            }
            TokenKind::Symbol("{") => return self.map(at),
            TokenKind::Symbol(_) | TokenKind::End => {
                self.next -= 1;
                return Err(self.error(
                    "a value, a name or an opening parenthesis",
                    "an operator needs a value on either side",
                ));
            }
        };
        self.node(ExprKind::Literal(literal), at, 0)
    }

    fn name(&mut self, name: Box<str>, at: usize) -> Result<Deep, CelError> {
        if RESERVED.contains(&&*name) {
            self.next -= 1;
            return Err(self.error("a value", "this word is reserved"));
        }
        if !self.take("(") {
            return self.node(ExprKind::Name(name), at, 0);
        }
        let (arguments, deepest) = self.list(")")?;
        self.node(ExprKind::Call(None, name, arguments), at, deepest)
    }

    /// Expressions with commas between them, and the symbol behind them.
    fn list(&mut self, close: &'static str) -> Result<(Vec<Expr>, usize), CelError> {
        let (mut list, mut deepest) = (Vec::new(), 0);
        while !self.take(close) {
            let (item, depth) = self.expression()?;
            list.push(item);
            deepest = deepest.max(depth);
            if !self.take(",") && self.peek().kind != TokenKind::Symbol(close) {
                return Err(self.error(
                    "a comma or the end of the list",
                    "values of a list are separated by commas",
                ));
            }
        }
        Ok((list, deepest))
    }

    fn map(&mut self, at: usize) -> Result<Deep, CelError> {
        let (mut entries, mut deepest) = (Vec::new(), 0);
        while !self.take("}") {
            let (key, key_depth) = self.expression()?;
            self.expect(":", "entries of a map are written key: value")?;
            let (value, depth) = self.expression()?;
            entries.push((key, value));
            deepest = deepest.max(key_depth).max(depth);
            if !self.take(",") && self.peek().kind != TokenKind::Symbol("}") {
                return Err(self.error(
                    "a comma or the end of the map",
                    "entries of a map are separated by commas",
                ));
            }
        }
        self.node(ExprKind::Map(entries), at, deepest)
    }

    fn node(&self, kind: ExprKind, at: usize, inner: usize) -> Result<Deep, CelError> {
        if inner >= MAX_EXPRESSION_DEPTH {
            return Err(self.too_deep());
        }
        Ok((Expr { kind, at }, inner + 1))
    }

    fn enter(&mut self) -> Result<(), CelError> {
        self.depth += 1;
        if self.depth > MAX_EXPRESSION_DEPTH {
            return Err(self.too_deep());
        }
        Ok(())
    }

    fn peek(&self) -> &Token {
        static LAST: Token = Token {
            kind: TokenKind::End,
            start: 0,
            end: 0,
        };
        // The last token is the end, and nothing passes it.
        self.tokens.get(self.next).unwrap_or(&LAST)
    }

    fn here(&self) -> usize {
        self.peek().start
    }

    fn take(&mut self, symbol: &'static str) -> bool {
        let taken = self.peek().kind == TokenKind::Symbol(symbol);
        self.next += usize::from(taken);
        taken
    }

    fn expect(&mut self, symbol: &'static str, hint: &'static str) -> Result<(), CelError> {
        if self.take(symbol) {
            return Ok(());
        }
        let expected = match symbol {
            ")" => "an operator or a closing parenthesis",
            "]" => "an operator or a closing bracket",
            _ => "a colon",
        };
        Err(self.error(expected, hint))
    }

    fn error(&self, expected: &'static str, hint: &'static str) -> CelError {
        let token = self.peek();
        let written = self.text.get(token.start..token.end).unwrap_or_default();
        CelError::Syntax {
            at: Position::of(self.text, token.start),
            expected,
            found: if &token.kind == END {
                "the end".to_owned()
            } else {
                format!("\"{}\"", written.chars().take(20).collect::<String>())
            },
            hint,
        }
    }

    fn large(&self) -> CelError {
        let token = self.peek();
        let written = self.text.get(token.start..token.end).unwrap_or_default();
        CelError::Number {
            at: Position::of(self.text, token.start),
            written: written.chars().take(40).collect(),
        }
    }

    fn too_deep(&self) -> CelError {
        CelError::TooDeep {
            at: Position::of(self.text, self.here()),
        }
    }
}
