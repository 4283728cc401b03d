//! Functions that cast, and that ask whether a cast would work.

use super::{Function, Outcome, take};
use crate::cesql::{
    error::EvalErrorKind,
    value::{Type, Value},
};

const fn cast_to(name: &'static str, returns: Type, summary: &'static str) -> Function {
    Function {
        name,
        arguments: &[("x", Type::Any)],
        more: None,
        returns,
        summary,
        run: match returns {
            Type::Integer => |arguments, _| Ok(cast(take(arguments, 0), Type::Integer)),
            Type::String => |arguments, _| Ok(cast(take(arguments, 0), Type::String)),
            Type::Boolean | Type::Any => |arguments, _| Ok(cast(take(arguments, 0), Type::Boolean)),
        },
    }
}

pub(super) const BOOL: Function = cast_to(
    "BOOL",
    Type::Boolean,
    "`x` as a boolean: an integer is true unless it is 0, a string must be `true` or `false` in \
     any case of letters.",
);

pub(super) const INT: Function = cast_to(
    "INT",
    Type::Integer,
    "`x` as an integer: true is 1, false is 0, a string must be digits with or without a sign.",
);

pub(super) const STRING: Function = cast_to(
    "STRING",
    Type::String,
    "`x` as a string: `true`, `false`, or the digits of an integer.",
);

pub(super) const IS_BOOL: Function = Function {
    name: "IS_BOOL",
    arguments: &[("x", Type::Any)],
    more: None,
    returns: Type::Boolean,
    summary: "Whether `BOOL(x)` works.",
    run: |arguments, _| {
        let value = take(arguments, 0).to_boolean();
        Ok(Outcome::of(Value::Boolean(value.is_some())))
    },
};

pub(super) const IS_INT: Function = Function {
    name: "IS_INT",
    arguments: &[("x", Type::Any)],
    more: None,
    returns: Type::Boolean,
    summary: "Whether `INT(x)` works.",
    run: |arguments, _| {
        let value = take(arguments, 0).to_integer();
        Ok(Outcome::of(Value::Boolean(value.is_some())))
    },
};

fn cast(value: Value<'_>, wanted: Type) -> Outcome<'_> {
    match value.cast(wanted) {
        Some(value) => Outcome::of(value),
        None => Outcome {
            value: wanted.zero(),
            error: Some((EvalErrorKind::Cast, "the text cannot be cast so")),
        },
    }
}
