//! What can be known of an expression before there is an event.

use super::{
    ast::{BinaryOp, Expr, ExprKind},
    error::SqlError,
    functions::{self, FUNCTIONS},
    value::{Type, Value},
};
use crate::Position;

/// Checks that an expression can be a filter: each function is there, no literal stands where it
/// can never be cast, and the value may be a boolean.
pub(super) fn check(text: &str, expr: &Expr) -> Result<(), SqlError> {
    let checker = Checker { text };
    match checker.kind(expr)? {
        Type::Any | Type::Boolean => Ok(()),
        other => Err(SqlError::NotBoolean {
            at: checker.at(expr),
            given: other.noun(),
        }),
    }
}

struct Checker<'t> {
    text: &'t str,
}

impl Checker<'_> {
    /// The type of an expression, [`Type::Any`] if that depends on the event.
    fn kind(&self, expr: &Expr) -> Result<Type, SqlError> {
        Ok(match &expr.kind {
            ExprKind::Boolean(_) | ExprKind::Exists(_) => Type::Boolean,
            ExprKind::Integer(_) => Type::Integer,
            ExprKind::Text(_) => Type::String,
            ExprKind::Attribute(_) => Type::Any,
            ExprKind::Not(inner) => self.becomes(inner, Type::Boolean)?,
            ExprKind::Negate(inner) => self.becomes(inner, Type::Integer)?,
            ExprKind::Binary(op, sides) => self.binary(*op, sides)?,
            ExprKind::Like { subject, .. } => {
                self.kind(subject)?;
                Type::Boolean
            }
            ExprKind::In { subject, set, .. } => {
                let wanted = self.kind(subject)?;
                for item in set {
                    self.becomes(item, wanted)?;
                }
                Type::Boolean
            }
            ExprKind::Call { name, arguments } => self.call(expr, name, arguments)?,
        })
    }

    fn binary(&self, op: BinaryOp, [left, right]: &[Expr; 2]) -> Result<Type, SqlError> {
        match op {
            BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => {
                self.becomes(left, Type::Boolean)?;
                self.becomes(right, Type::Boolean)
            }
            BinaryOp::Equal | BinaryOp::NotEqual => {
                let wanted = self.kind(right)?;
                self.becomes(left, wanted)?;
                Ok(Type::Boolean)
            }
            BinaryOp::Less
            | BinaryOp::LessOrEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterOrEqual => {
                self.becomes(left, Type::Integer)?;
                self.becomes(right, Type::Integer)?;
                Ok(Type::Boolean)
            }
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Remainder => {
                self.becomes(left, Type::Integer)?;
                self.becomes(right, Type::Integer)
            }
        }
    }

    fn call(&self, expr: &Expr, name: &str, arguments: &[Expr]) -> Result<Type, SqlError> {
        let Some(function) = functions::find(name, arguments.len()) else {
            return Err(SqlError::UnknownFunction {
                at: self.at(expr),
                name: name.chars().take(40).collect(),
                arguments: arguments.len(),
                hint: hint(name),
            });
        };
        for (number, argument) in arguments.iter().enumerate() {
            self.becomes(argument, function.argument(number))?;
        }
        Ok(function.returns)
    }

    /// Checks `expr`, and that it can be `wanted` if it is a literal; answers `wanted`.
    fn becomes(&self, expr: &Expr, wanted: Type) -> Result<Type, SqlError> {
        self.kind(expr)?;
        if let ExprKind::Text(text) = &expr.kind
            && Value::String((&**text).into()).cast(wanted).is_none()
        {
            let range = expr.span.start as usize..expr.span.end as usize;
            let written = self.text.get(range).unwrap_or_default();
            return Err(SqlError::Cast {
                at: self.at(expr),
                written: written.chars().take(40).collect(),
                wanted: wanted.noun(),
            });
        }
        Ok(wanted)
    }

    fn at(&self, expr: &Expr) -> Position {
        Position::of(self.text, expr.span.start as usize)
    }
}

/// Which functions of this name there are, or which functions.
fn hint(name: &str) -> String {
    let named = FUNCTIONS.iter().filter(|function| function.name == name);
    let signatures: Vec<String> = named.map(super::Function::signature).collect();
    if signatures.is_empty() {
        let mut names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
        names.dedup();
        format!("there are {}", names.join(", "))
    } else {
        format!("there is {}", signatures.join(" and "))
    }
}
