//! CEL: the Common Expression Language over an event, and values of its JSON data by
//! `$path.(type)`.
//!
//! Own code, and not a library: an expression comes from outside and runs for every event, so
//! what it may cost must be known. The text and its depth are bounded when it is read, patterns of
//! `matches` are literals of bounded size, and evaluation pays for every step, comparison, copy and
//! item from a budget, so that nested macros over long lists end too. Lists and maps that are made
//! nest only so deep, because comparing and dropping them recurse.
//!
//! What there is:
//!
//! * `event.NAME` is an attribute, `event.data` the payload read as JSON, once and lazily.
//!   `has(event.NAME)` asks whether it is there; what is missing is an error.
//! * `$path.(type)` is a value of the JSON data as `string`, `int64`, `uint64`, `bool` or `double`,
//!   converted if it can be, as in the original Vanus.
//! * All operators, literals, lists, maps and macros of CEL, its standard functions but those of
//!   time zones and protobuf messages, `matches` with RE2 syntax.
//! * JSON numbers without fraction or exponent are `int` (`uint` if that is too small), others
//!   `double`; comparisons go across number types, arithmetic does not.
//!
//! As a filter an expression passes an event when it is true. An error, such as a missing
//! attribute that no `||` or `&&` makes up for, does not pass.

mod arithmetic;
mod ast;
mod compare;
mod convert;
mod error;
mod eval;
mod functions;
mod lexer;
mod literal;
mod need;
mod parser;
mod program;
mod resolve;
mod token;
mod value;

pub use error::{CelError, CelFault, Fault};
pub use functions::{CEL_FUNCTIONS, CelFunction};

use self::{
    eval::Run,
    program::{Node, NodeKind},
};
use crate::{EventView, Position, budget::Budget, matcher::Need};

/// A compiled CEL expression that is true or false.
///
/// ```
/// use vanus_expr::{EventView, cel::Cel};
/// use vanus_types::Event;
///
/// let cel = Cel::compile_filter(r#"event.type.startsWith("order.") && $total.(int64) > 100"#)?;
/// let event = Event::builder().id("1").source("/s").ty("order.placed")
///     .json(r#"{"total": 120}"#).build()?;
/// assert!(cel.matches(&EventView::new(&event)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cel {
    text: Box<str>,
    root: Node,
    reads_data: bool,
}

impl Cel {
    /// Compiles an expression, and refuses it if it can be seen that it is never true or false.
    ///
    /// # Errors
    ///
    /// [`CelError`] says what is wrong, and where.
    pub fn compile_filter(text: &str) -> Result<Self, CelError> {
        let expr = parser::parse(text)?;
        let root = resolve::resolve(text, &expr)?;
        Ok(Self {
            text: text.into(),
            reads_data: reads_data(&root),
            root,
        })
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it asks for the data of an event.
    #[must_use]
    pub fn reads_data(&self) -> bool {
        self.reads_data
    }

    /// What must be so for it to pass.
    pub(crate) fn need(&self) -> Need {
        need::need(&self.root)
    }

    /// Whether the event passes: the expression is true.
    #[must_use]
    pub fn matches(&self, view: &EventView<'_>) -> bool {
        self.matches_within(view, &Budget::new())
    }

    /// The same as part of something larger, whose budget it uses.
    pub(crate) fn matches_within(&self, view: &EventView<'_>, budget: &Budget) -> bool {
        Run::new(view, budget).holds(&self.root) == Ok(true)
    }

    /// Whether the expression is true.
    ///
    /// # Errors
    ///
    /// [`CelFault`] says why it is neither true nor false.
    pub fn evaluate(&self, view: &EventView<'_>) -> Result<bool, CelFault> {
        let budget = Budget::new();
        let mut run = Run::new(view, &budget);
        run.holds(&self.root).map_err(|what| CelFault {
            what,
            at: Position::of(&self.text, run.at.saturating_sub(1)),
        })
    }
}

/// Two are equal when their texts are.
impl PartialEq for Cel {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cel {}

fn reads_data(node: &Node) -> bool {
    let any = |nodes: &[Node]| nodes.iter().any(reads_data);
    match &node.kind {
        NodeKind::Data | NodeKind::HasData | NodeKind::Reference(..) => true,
        NodeKind::Literal(_)
        | NodeKind::Type(_)
        | NodeKind::Attribute(_)
        | NodeKind::HasAttribute(_)
        | NodeKind::Variable(_) => false,
        NodeKind::Member(inner, _)
        | NodeKind::HasMember(inner, _)
        | NodeKind::Matches(inner, ..)
        | NodeKind::Not(inner)
        | NodeKind::Negate(inner) => reads_data(inner),
        NodeKind::Index(nodes) | NodeKind::Binary(_, nodes) => any(&**nodes),
        NodeKind::Conditional(nodes) => any(&**nodes),
        NodeKind::Call(_, nodes)
        | NodeKind::List(nodes)
        | NodeKind::Or(nodes)
        | NodeKind::And(nodes) => any(nodes),
        NodeKind::Map(entries) => entries
            .iter()
            .any(|(key, value)| reads_data(key) || reads_data(value)),
        NodeKind::Comprehension(inner) => {
            reads_data(&inner.over)
                || reads_data(&inner.body)
                || inner.made.as_ref().is_some_and(reads_data)
        }
    }
}

#[cfg(test)]
mod tests;
