//! A compiled expression: functions resolved, patterns cut, nothing left to look up but the event.

use super::{
    ast::{BinaryOp, Expr, ExprKind},
    functions::{self, Function},
    like::Pattern,
    token::Span,
    value::Value,
};

/// A node of the program.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// Where it was written.
    pub(super) span: Span,
}

/// The kinds of nodes.
#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    Constant(Value<'static>),
    Attribute(Box<str>),
    Exists(Box<str>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(BinaryOp, Box<[Node; 2]>),
    Like {
        subject: Box<Node>,
        pattern: Pattern,
        negated: bool,
    },
    In {
        subject: Box<Node>,
        set: Box<[Node]>,
        negated: bool,
    },
    Call {
        function: &'static Function,
        arguments: Box<[Node]>,
    },
    /// A call of what there is not.
    Nothing,
}

/// Compiles an expression, whose depth is bounded.
pub(super) fn compile(expr: &Expr) -> Node {
    let boxed = |expr: &Expr| Box::new(compile(expr));
    let all = |exprs: &[Expr]| exprs.iter().map(compile).collect::<Box<[Node]>>();
    let kind = match &expr.kind {
        ExprKind::Boolean(value) => NodeKind::Constant(Value::Boolean(*value)),
        ExprKind::Integer(value) => NodeKind::Constant(Value::Integer(*value)),
        ExprKind::Text(text) => NodeKind::Constant(Value::String(text.to_string().into())),
        ExprKind::Attribute(name) => NodeKind::Attribute(name.clone()),
        ExprKind::Exists(name) => NodeKind::Exists(name.clone()),
        ExprKind::Not(inner) => NodeKind::Not(boxed(inner)),
        ExprKind::Negate(inner) => NodeKind::Negate(boxed(inner)),
        ExprKind::Binary(op, sides) => {
            let [left, right] = &**sides;
            NodeKind::Binary(*op, Box::new([compile(left), compile(right)]))
        }
        ExprKind::Like {
            subject,
            pattern,
            negated,
        } => NodeKind::Like {
            subject: boxed(subject),
            pattern: Pattern::new(pattern),
            negated: *negated,
        },
        ExprKind::In {
            subject,
            set,
            negated,
        } => NodeKind::In {
            subject: boxed(subject),
            set: all(set),
            negated: *negated,
        },
        ExprKind::Call { name, arguments } => match functions::find(name, arguments.len()) {
            Some(function) => NodeKind::Call {
                function,
                arguments: all(arguments),
            },
            None => NodeKind::Nothing,
        },
    };
    Node {
        kind,
        span: expr.span,
    }
}
