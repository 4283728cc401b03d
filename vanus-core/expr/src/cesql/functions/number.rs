//! Functions of integers.

use super::{Function, Outcome, integer};
use crate::cesql::{
    error::EvalErrorKind,
    value::{Type, Value},
};

pub(super) const ABS: Function = Function {
    name: "ABS",
    arguments: &[("x", Type::Integer)],
    more: None,
    returns: Type::Integer,
    summary: "The absolute value of `x`. Of -2147483648 it is 2147483647 and a math error.",
    run: |arguments, _| {
        let x = integer(arguments, 0);
        let overflow = (
            EvalErrorKind::Math,
            "the absolute value does not fit 32 bits",
        );
        Ok(Outcome {
            value: Value::Integer(x.saturating_abs()),
            error: (x == i32::MIN).then_some(overflow),
        })
    },
};
