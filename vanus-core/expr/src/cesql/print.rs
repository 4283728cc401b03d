//! Expressions as text that can be read again.

use std::fmt::{self, Write as _};

use super::ast::{Expr, ExprKind, precedence};

/// Writes with as few parentheses as possible, or with `{:#}` around every operator.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Boolean(true) => f.write_str("TRUE"),
            ExprKind::Boolean(false) => f.write_str("FALSE"),
            ExprKind::Integer(number) => write!(f, "{number}"),
            ExprKind::Text(text) => quoted(text, f),
            ExprKind::Attribute(name) => f.write_str(name),
            ExprKind::Exists(name) => write!(f, "EXISTS {name}"),
            ExprKind::Not(inner) => {
                f.write_str("NOT ")?;
                operand(inner, precedence::UNARY, f)
            }
            ExprKind::Negate(inner) => {
                f.write_char('-')?;
                // Without parentheses the sign would be that of the number.
                match inner.kind {
                    ExprKind::Integer(number) if number >= 0 => write!(f, "({number})"),
                    // The attribute may begin with a digit.
                    ExprKind::Attribute(_) => write!(f, "({inner})"),
                    _ => operand(inner, precedence::UNARY, f),
                }
            }
            ExprKind::Binary(op, sides) => {
                let [left, right] = &**sides;
                let own = op.precedence();
                let is_right = u8::from(op.is_right_associative());
                operand(left, own + is_right, f)?;
                write!(f, " {} ", op.symbol())?;
                operand(right, own + 1 - is_right, f)
            }
            ExprKind::Like {
                subject,
                pattern,
                negated,
            } => {
                operand(subject, precedence::POSTFIX, f)?;
                f.write_str(if *negated { " NOT LIKE " } else { " LIKE " })?;
                quoted(pattern, f)
            }
            ExprKind::In {
                subject,
                set,
                negated,
            } => {
                operand(subject, precedence::POSTFIX, f)?;
                f.write_str(if *negated { " NOT IN (" } else { " IN (" })?;
                list(set, f)
            }
            ExprKind::Call { name, arguments } => {
                write!(f, "{name}(")?;
                list(arguments, f)
            }
        }
    }
}

/// Writes an operand where only what binds at least as tight as `least` goes without parentheses.
fn operand(expr: &Expr, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let wraps =
        expr.precedence() < least || (f.alternate() && expr.precedence() < precedence::PRIMARY);
    if !wraps {
        return fmt::Display::fmt(expr, f);
    }
    f.write_char('(')?;
    fmt::Display::fmt(expr, f)?;
    f.write_char(')')
}

/// Writes a list and the parenthesis behind it.
fn list(items: &[Expr], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            f.write_str(", ")?;
        }
        fmt::Display::fmt(item, f)?;
    }
    f.write_char(')')
}

/// Writes a text in quotes: in single ones if that is possible, as it is for every text that was
/// read from single ones.
fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let quote = if fits(text, '\'') { '\'' } else { '"' };
    f.write_char(quote)?;
    for c in text.chars() {
        if c == quote {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char(quote)
}

/// Whether a text can stand between two of `quote`: a backslash takes the character after it
/// along, so no quote and no end may come behind an odd number of them.
pub(super) fn fits(text: &str, quote: char) -> bool {
    let mut odd = false;
    for c in text.chars() {
        if c == quote && odd {
            return false;
        }
        odd = c == '\\' && !odd;
    }
    !odd
}
