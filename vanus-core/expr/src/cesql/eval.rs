//! Evaluation of a program over an event.
//!
//! The value of an expression is always there, beside the errors. An operator or function gives
//! the zero value of its type when an operand is a missing attribute or cannot be cast; after any
//! other error of an operand its value is used. `AND` and `OR` leave out their right side when the
//! left one decides, and `IN` what comes behind the first equal value.

use std::borrow::Cow;

use vanus_types::Event;

use super::{
    ast::BinaryOp,
    error::EvalErrorKind,
    functions::Function,
    program::{Node, NodeKind},
    token::Span,
    value::{Type, Value},
};
use crate::budget::{Budget, Exhausted};

/// Arguments that need no memory of their own.
const FEW_ARGUMENTS: usize = 4;

/// One evaluation.
pub(super) struct Run<'a, 'b> {
    event: &'a Event,
    budget: &'b Budget,
    /// Whether a filter asks, to whom the first error says all.
    fail_fast: bool,
    pub(super) errors: Vec<Fault>,
}

/// An error, not told yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) kind: EvalErrorKind,
    pub(super) span: Span,
    pub(super) what: &'static str,
}

impl<'a, 'b> Run<'a, 'b> {
    pub(super) fn new(event: &'a Event, budget: &'b Budget, fail_fast: bool) -> Self {
        Self {
            event,
            budget,
            fail_fast,
            errors: Vec::new(),
        }
    }

    /// The value of the whole program.
    pub(super) fn value(&mut self, node: &'a Node) -> Value<'a> {
        // What an attribute would be that is not there is not known, so it counts as a boolean.
        self.operand(node).unwrap_or(Value::Boolean(false))
    }

    /// The value of a node, or nothing for an attribute that is missing.
    fn operand(&mut self, node: &'a Node) -> Option<Value<'a>> {
        if self.stops() {
            return None;
        }
        if self.budget.pay(0).is_err() {
            self.exhausted(node.span);
            return None;
        }
        match &node.kind {
            NodeKind::Constant(value) => Some(borrow(value)),
            NodeKind::Attribute(name) => match self.event.attribute(name) {
                Some(attribute) => Some(Value::of_attribute(attribute)),
                None => {
                    let what = "the event has no such attribute";
                    self.fault(EvalErrorKind::MissingAttribute, node.span, what);
                    None
                }
            },
            NodeKind::Exists(name) => Some(Value::Boolean(self.event.attribute(name).is_some())),
            NodeKind::Not(inner) => {
                let value = self.boolean(inner);
                Some(Value::Boolean(value.is_some_and(|value| !value)))
            }
            NodeKind::Negate(inner) => {
                let value = self.integer(inner);
                let negated = value.map(i32::checked_neg);
                Some(Value::Integer(self.fitting(negated, node.span)))
            }
            NodeKind::Binary(op, sides) => Some(self.binary(*op, sides, node.span)),
            NodeKind::Like {
                subject,
                pattern,
                negated,
            } => {
                let subject = self.text(subject);
                let matches = subject.map(|text| pattern.matches(&text, self.budget));
                Some(self.truth(matches, *negated, node.span))
            }
            NodeKind::In {
                subject,
                set,
                negated,
            } => {
                let found = self.is_in(subject, set);
                Some(Value::Boolean(found.is_some_and(|found| found != *negated)))
            }
            NodeKind::Call {
                function,
                arguments,
            } => Some(self.call(function, arguments, node.span)),
            NodeKind::Nothing => {
                let what = "there is no such function";
                self.fault(EvalErrorKind::MissingFunction, node.span, what);
                Some(Value::Boolean(false))
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, sides: &'a [Node; 2], span: Span) -> Value<'a> {
        let [left, right] = sides;
        match op {
            BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => {
                Value::Boolean(self.logic(op, left, right))
            }
            BinaryOp::Equal | BinaryOp::NotEqual => {
                let equal = self.equal(left, right);
                let wanted = op == BinaryOp::Equal;
                self.truth(equal.map(Ok), !wanted, span)
            }
            BinaryOp::Less
            | BinaryOp::LessOrEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterOrEqual => {
                let (left, right) = (self.integer(left), self.integer(right));
                let (Some(left), Some(right)) = (left, right) else {
                    return Value::Boolean(false);
                };
                Value::Boolean(match op {
                    BinaryOp::Less => left < right,
                    BinaryOp::LessOrEqual => left <= right,
                    BinaryOp::Greater => left > right,
                    _ => left >= right,
                })
            }
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Remainder => {
                let (left, right) = (self.integer(left), self.integer(right));
                let result = left.zip(right).map(|(left, right)| match op {
                    BinaryOp::Add => left.checked_add(right),
                    BinaryOp::Subtract => left.checked_sub(right),
                    BinaryOp::Multiply => left.checked_mul(right),
                    BinaryOp::Divide => left.checked_div(right),
                    // The remainder by -1 is 0, also where the quotient does not fit.
                    _ => (right != 0).then(|| left.wrapping_rem(right)),
                });
                Value::Integer(self.fitting(result, span))
            }
        }
    }

    fn logic(&mut self, op: BinaryOp, left: &'a Node, right: &'a Node) -> bool {
        let first = self.boolean(left);
        match (op, first) {
            // Without a value the left side is false.
            (BinaryOp::And, Some(false) | None) => return false,
            (BinaryOp::Or, Some(true)) => return true,
            _ => {}
        }
        let second = self.boolean(right);
        let (Some(first), Some(second)) = (first, second) else {
            return false;
        };
        match op {
            BinaryOp::And => first && second,
            BinaryOp::Or => first || second,
            _ => first != second,
        }
    }

    /// Whether both are equal, the left one cast to the type of the right one.
    fn equal(&mut self, left: &'a Node, right: &'a Node) -> Option<bool> {
        let left_value = self.operand(left);
        let right_value = self.operand(right);
        let (left_value, right_value) = (left_value?, right_value?);
        let left_value = self.cast(left_value, right_value.kind(), left.span)?;
        self.same(&left_value, &right_value, left.span)
    }

    fn is_in(&mut self, subject: &'a Node, set: &'a [Node]) -> Option<bool> {
        let wanted = self.operand(subject)?;
        for node in set {
            let value = self.operand(node)?;
            let value = self.cast(value, wanted.kind(), node.span)?;
            if self.same(&wanted, &value, node.span)? {
                return Some(true);
            }
        }
        Some(false)
    }

    fn same(&mut self, left: &Value<'a>, right: &Value<'a>, span: Span) -> Option<bool> {
        if self.budget.pay(left.text_len()).is_err() {
            self.exhausted(span);
            return None;
        }
        Some(left == right)
    }

    fn call(
        &mut self,
        function: &'static Function,
        arguments: &'a [Node],
        span: Span,
    ) -> Value<'a> {
        let mut few = [const { Value::Boolean(false) }; FEW_ARGUMENTS];
        let mut many = Vec::new();
        let values = match few.get_mut(..arguments.len()) {
            Some(values) => values,
            None => {
                many.resize(arguments.len(), Value::Boolean(false));
                &mut many
            }
        };
        let (mut all, mut length) = (true, 0);
        for ((number, node), slot) in arguments.iter().enumerate().zip(values.iter_mut()) {
            let value = self.operand(node);
            match value.and_then(|value| self.cast(value, function.argument(number), node.span)) {
                Some(value) => {
                    length += value.text_len();
                    *slot = value;
                }
                None => all = false,
            }
        }
        if !all {
            return function.returns.zero();
        }
        let paid = self.budget.pay(length);
        let outcome = paid.and_then(|()| (function.run)(values, self.budget));
        let Ok(outcome) = outcome else {
            self.exhausted(span);
            return function.returns.zero();
        };
        if let Some((kind, what)) = outcome.error {
            self.fault(kind, span, what);
        }
        outcome.value
    }

    fn boolean(&mut self, node: &'a Node) -> Option<bool> {
        let value = self.operand(node)?;
        match self.cast(value, Type::Boolean, node.span)? {
            Value::Boolean(value) => Some(value),
            _ => None,
        }
    }

    fn integer(&mut self, node: &'a Node) -> Option<i32> {
        let value = self.operand(node)?;
        match self.cast(value, Type::Integer, node.span)? {
            Value::Integer(value) => Some(value),
            _ => None,
        }
    }

    fn text(&mut self, node: &'a Node) -> Option<Cow<'a, str>> {
        self.operand(node).map(Value::into_text)
    }

    fn cast(&mut self, value: Value<'a>, wanted: Type, span: Span) -> Option<Value<'a>> {
        let cast = value.cast(wanted);
        if cast.is_none() {
            let what = match wanted {
                Type::Integer => "the text is no integer",
                _ => "the text is neither true nor false",
            };
            self.fault(EvalErrorKind::Cast, span, what);
        }
        cast
    }

    /// A result of arithmetic: nothing if an operand is missing, nothing inside if it has none.
    fn fitting(&mut self, result: Option<Option<i32>>, span: Span) -> i32 {
        if result == Some(None) {
            let what = "it is divided by zero, or the result does not fit 32 bits";
            self.fault(EvalErrorKind::Math, span, what);
        }
        result.flatten().unwrap_or(0)
    }

    /// The answer of a test, or false if it has none.
    fn truth(
        &mut self,
        answer: Option<Result<bool, Exhausted>>,
        negated: bool,
        span: Span,
    ) -> Value<'a> {
        Value::Boolean(match answer {
            Some(Ok(answer)) => answer != negated,
            Some(Err(Exhausted)) => {
                self.exhausted(span);
                false
            }
            None => false,
        })
    }

    /// Whether nothing that could still be found matters.
    fn stops(&self) -> bool {
        match self.errors.last() {
            Some(fault) => self.fail_fast || fault.kind == EvalErrorKind::Generic,
            None => false,
        }
    }

    fn exhausted(&mut self, span: Span) {
        if !self.stops() {
            let what = "the evaluation takes more work than one may";
            self.fault(EvalErrorKind::Generic, span, what);
        }
    }

    fn fault(&mut self, kind: EvalErrorKind, span: Span, what: &'static str) {
        self.errors.push(Fault { kind, span, what });
    }
}

/// The value without copying its text.
fn borrow<'a>(value: &'a Value<'static>) -> Value<'a> {
    match value {
        Value::Boolean(value) => Value::Boolean(*value),
        Value::Integer(value) => Value::Integer(*value),
        Value::String(text) => Value::String(Cow::Borrowed(text)),
    }
}
