//! CESQL: the CloudEvents SQL expression language, version 1.0.0.
//!
//! A text is read ([`Sql::compile`]), checked ([`Sql::compile_filter`] refuses what could never
//! pass), and evaluated over one event after the other. It sees attributes only, never the data.
//!
//! Every evaluation gives a value, and errors beside it. As a filter an expression passes an event
//! when its value is the boolean true and there was no error; that is the rule of the
//! specification (section 1.2), and of the original Vanus.
//!
//! Nothing here can run away: the length of a text and its depth are bounded when it is read, and
//! each evaluation pays for its steps and bytes from a budget.
//!
//! Where the specification is silent: a result that does not fit 32 bits is 0 and a math error; an
//! operand that cannot be cast makes the operator give the zero value of its type; `IN` stops at
//! the first equal value; two quotes inside a string are one, as its grammar reads them.

mod ast;
mod check;
mod error;
mod eval;
mod functions;
mod lexer;
mod like;
mod need;
mod parser;
mod print;
mod program;
mod token;
mod value;

use std::fmt;

use vanus_types::Event;

pub use error::{EvalError, EvalErrorKind, SqlError};
pub use functions::{FUNCTIONS, Function};
pub use value::{Type, Value};

use self::{ast::Expr, eval::Run, program::Node};
use crate::{Position, budget::Budget, matcher::Need};

/// A compiled CESQL expression.
///
/// ```
/// use vanus_expr::cesql::{Sql, Value};
/// use vanus_types::Event;
///
/// let sql = Sql::compile("type LIKE 'order.%' AND EXISTS subject")?;
/// let event = Event::builder().id("1").source("/s").ty("order.placed").subject("7").build()?;
/// assert!(sql.matches(&event));
/// assert_eq!(sql.evaluate(&event).value, Value::Boolean(true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sql {
    text: Box<str>,
    root: Node,
}

/// What an evaluation gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation<'a> {
    /// The value, which is always there.
    pub value: Value<'a>,
    /// What went wrong on the way, in the order of evaluation.
    pub errors: Vec<EvalError>,
}

impl Sql {
    /// Compiles an expression. A function that does not exist is an error of each evaluation, as
    /// the specification wants it.
    ///
    /// # Errors
    ///
    /// [`SqlError`] says what is wrong, and where.
    pub fn compile(text: &str) -> Result<Self, SqlError> {
        let expr = parser::parse(text)?;
        Ok(Self::of(text, &expr))
    }

    /// Compiles an expression that is to be a filter, and refuses it if it can never pass or has
    /// a mistake that can be seen without an event.
    ///
    /// # Errors
    ///
    /// [`SqlError`] says what is wrong, and where.
    pub fn compile_filter(text: &str) -> Result<Self, SqlError> {
        let expr = parser::parse(text)?;
        check::check(text, &expr)?;
        Ok(Self::of(text, &expr))
    }

    fn of(text: &str, expr: &Expr) -> Self {
        Self {
            text: text.into(),
            root: program::compile(expr),
        }
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates the whole expression, through all errors.
    #[must_use]
    pub fn evaluate<'a>(&'a self, event: &'a Event) -> Evaluation<'a> {
        let budget = Budget::new();
        let mut run = Run::new(event, &budget, false);
        let value = run.value(&self.root);
        let tell = |fault: &eval::Fault| EvalError {
            kind: fault.kind,
            at: Position::of(&self.text, fault.span.start as usize),
            written: self.written(fault.span),
            what: fault.what,
        };
        let errors = run.errors.iter().map(tell).collect();
        Evaluation { value, errors }
    }

    /// Whether the event passes: the value is true, and there is no error. It ends at the first
    /// error, and does not allocate unless a function makes a new string or an attribute is bytes.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        self.matches_within(event, &Budget::new())
    }

    /// The same as part of something larger, whose budget it uses.
    pub(crate) fn matches_within(&self, event: &Event, budget: &Budget) -> bool {
        let mut run = Run::new(event, budget, true);
        run.value(&self.root) == Value::Boolean(true) && run.errors.is_empty()
    }

    /// What must be so for it to pass.
    pub(crate) fn need(&self) -> Need {
        need::need(&self.root)
    }

    fn written(&self, span: token::Span) -> String {
        let range = span.start as usize..span.end as usize;
        let written = self.text.get(range).unwrap_or_default();
        written.chars().take(80).collect()
    }
}

/// Two are equal when their texts are.
impl PartialEq for Sql {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Sql {}

/// The text it was compiled from.
impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Writes an expression anew: keywords and functions in capitals, attributes in lower case, and
/// parentheses only where they matter, or around every operator.
///
/// # Errors
///
/// [`SqlError`] says what is wrong, and where.
pub fn format(text: &str, all_parentheses: bool) -> Result<String, SqlError> {
    let expr = parser::parse(text)?;
    Ok(if all_parentheses {
        format!("{expr:#}")
    } else {
        expr.to_string()
    })
}

#[cfg(test)]
mod tests;
