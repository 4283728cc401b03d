//! Sums, differences, products, quotients and remainders.

use std::borrow::Cow;

use super::{
    ast::BinaryOp,
    compare::{items, size},
    convert::{checked_duration, checked_timestamp},
    error::Fault,
    value::{Kind, Value},
};
use crate::budget::Budget;

/// The result of an operator. Both sides have the same type, except with timestamps.
pub(super) fn arithmetic<'a>(
    op: BinaryOp,
    left: Value<'a>,
    right: Value<'a>,
    budget: &Budget,
) -> Result<Value<'a>, Fault> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => {
            let result = match op {
                BinaryOp::Add => a.checked_add(b),
                BinaryOp::Subtract => a.checked_sub(b),
                BinaryOp::Multiply => a.checked_mul(b),
                BinaryOp::Divide => a.checked_div(b),
                _ => a.checked_rem(b),
            };
            result.map(Value::Int).ok_or(Fault::Math)
        }
        (Value::Uint(a), Value::Uint(b)) => {
            let result = match op {
                BinaryOp::Add => a.checked_add(b),
                BinaryOp::Subtract => a.checked_sub(b),
                BinaryOp::Multiply => a.checked_mul(b),
                BinaryOp::Divide => a.checked_div(b),
                _ => a.checked_rem(b),
            };
            result.map(Value::Uint).ok_or(Fault::Math)
        }
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(match op {
            BinaryOp::Add => a + b,
            BinaryOp::Subtract => a - b,
            BinaryOp::Multiply => a * b,
            BinaryOp::Divide => a / b,
            _ => return Err(Fault::Types),
        })),
        (left, right) => match op {
            BinaryOp::Add => add(left, right, budget),
            BinaryOp::Subtract => match (left, right) {
                (Value::Timestamp(a), Value::Timestamp(b))
                | (Value::Duration(a), Value::Duration(b)) => checked_duration(a - b),
                (Value::Timestamp(a), Value::Duration(b)) => checked_timestamp(a - b),
                _ => Err(Fault::Types),
            },
            _ => Err(Fault::Types),
        },
    }
}

fn add<'a>(left: Value<'a>, right: Value<'a>, budget: &Budget) -> Result<Value<'a>, Fault> {
    budget.pay(left.len() + right.len())?;
    match (left, right) {
        (Value::Text(a), Value::Text(b)) => {
            let mut text = a.into_owned();
            text.push_str(&b);
            Ok(Value::Text(Cow::Owned(text)))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            let mut bytes = a.into_owned();
            bytes.extend_from_slice(&b);
            Ok(Value::Bytes(Cow::Owned(bytes)))
        }
        (Value::Duration(a), Value::Duration(b)) => checked_duration(a + b),
        (Value::Timestamp(a), Value::Duration(b)) | (Value::Duration(b), Value::Timestamp(a)) => {
            checked_timestamp(a + b)
        }
        (a, b) if a.kind() == Kind::List && b.kind() == Kind::List => {
            let length = size(&a, budget)?.saturating_add(size(&b, budget)?);
            budget.pay(length.saturating_mul(size_of::<Value<'static>>()))?;
            let mut list = Vec::with_capacity(length);
            for item in items(&a, budget).chain(items(&b, budget)) {
                list.push(item?);
            }
            Value::list(list)
        }
        _ => Err(Fault::Types),
    }
}
