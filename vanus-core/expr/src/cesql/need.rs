//! What must be so for an expression to be true, as far as an index can find it.

use super::{
    ast::BinaryOp,
    program::{Node, NodeKind},
    value::Value,
};
use crate::{
    filter::Comparison,
    matcher::{CORE_ATTRIBUTES, Need},
};

/// What a node needs to be true without an error.
pub(super) fn need(node: &Node) -> Need {
    match &node.kind {
        NodeKind::Binary(BinaryOp::And, sides) => Need::All(sides.iter().map(need).collect()),
        NodeKind::Binary(BinaryOp::Or, sides) => Need::Any(sides.iter().map(need).collect()),
        // The attribute is cast to a string, which is its canonical one.
        NodeKind::Binary(BinaryOp::Equal, sides) => match sides.each_ref().map(|side| &side.kind) {
            [
                NodeKind::Attribute(name),
                NodeKind::Constant(Value::String(text)),
            ] => Need::attribute(name, Comparison::Exact, text),
            _ => Need::Unknown,
        },
        NodeKind::Like {
            subject,
            pattern,
            negated: false,
        } => match (&subject.kind, pattern.need()) {
            (NodeKind::Attribute(name), Some((comparison, text))) => {
                Need::attribute(name, comparison, text)
            }
            _ => Need::Unknown,
        },
        // The values are cast to the type of the attribute, and those are strings in every event.
        NodeKind::In {
            subject,
            set,
            negated: false,
        } => match &subject.kind {
            NodeKind::Attribute(name) if CORE_ATTRIBUTES.contains(&&**name) => {
                let exact = |node: &Node| match &node.kind {
                    NodeKind::Constant(value) => {
                        let text = value.clone().into_text();
                        Need::attribute(name, Comparison::Exact, &text)
                    }
                    _ => Need::Unknown,
                };
                Need::Any(set.iter().map(exact).collect())
            }
            _ => Need::Unknown,
        },
        _ => Need::Unknown,
    }
}
