//! What must be so for an expression to be true, as far as an index can find it.

use super::{
    ast::{BinaryOp, Literal},
    program::{Node, NodeKind},
    value::Kind,
};
use crate::{
    filter::{Comparison, Subject},
    matcher::Need,
};

/// What a node needs to be true.
pub(super) fn need(node: &Node) -> Need {
    match &node.kind {
        NodeKind::And(terms) => Need::All(terms.iter().map(need).collect()),
        NodeKind::Or(terms) => Need::Any(terms.iter().map(need).collect()),
        NodeKind::Binary(BinaryOp::Equal, sides) => {
            let [left, right] = &**sides;
            match compare(left, Comparison::Exact, right) {
                Need::Unknown => compare(right, Comparison::Exact, left),
                found => found,
            }
        }
        NodeKind::Call(function, arguments) => match (function.name, &**arguments) {
            ("startsWith", [text, part]) => compare(text, Comparison::Prefix, part),
            ("endsWith", [text, part]) => compare(text, Comparison::Suffix, part),
            _ => Need::Unknown,
        },
        _ => Need::Unknown,
    }
}

/// A comparison of a string with a literal. Only a string equals one, and its canonical text is
/// itself.
fn compare(value: &Node, comparison: Comparison, literal: &Node) -> Need {
    let NodeKind::Literal(Literal::Text(text)) = &literal.kind else {
        return Need::Unknown;
    };
    match &value.kind {
        NodeKind::Attribute(name) => Need::attribute(name, comparison, text),
        NodeKind::Reference(path, Kind::Text) => {
            Need::compare(Subject::Json(path.clone()), comparison, text)
        }
        _ => Need::Unknown,
    }
}
