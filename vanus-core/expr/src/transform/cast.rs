//! Values taken as another type, as the functions ask for it.

use std::borrow::Cow;

use super::{error::ActionFault, value::Value, write};
use crate::budget::{Budget, Exhausted};

/// A value as text: a string as it is, an array or object as JSON.
pub(super) fn text<'v>(value: &'v Value<'_>, budget: &Budget) -> Result<Cow<'v, str>, Exhausted> {
    Ok(match value {
        Value::Null => Cow::Borrowed("null"),
        Value::Boolean(true) => Cow::Borrowed("true"),
        Value::Boolean(false) => Cow::Borrowed("false"),
        Value::Number(number) => number.text(),
        Value::String(text) => {
            budget.pay(text.len())?;
            Cow::Borrowed(text)
        }
        Value::Array(_) | Value::Object(_) => {
            let mut out = String::new();
            write::value(value, &mut out, budget)?;
            Cow::Owned(out)
        }
    })
}

/// A value as a number: a number, or a string that is one.
pub(super) fn float(value: &Value<'_>, what: &str) -> Result<f64, ActionFault> {
    let number = match value {
        Value::Number(number) => number.float(),
        Value::String(text) => decimal(text.trim()),
        _ => None,
    };
    number.ok_or_else(|| wrong(value, what, "a number"))
}

/// A value as a whole number, cut towards zero.
pub(super) fn integer(value: &Value<'_>, what: &str) -> Result<i64, ActionFault> {
    let number = match value {
        Value::Number(number) => number.integer(),
        Value::String(text) => match text.trim().parse() {
            Ok(number) => Some(number),
            Err(_) => decimal(text.trim())
                .and_then(|number| super::value::Number::Float(number).integer()),
        },
        _ => None,
    };
    number.ok_or_else(|| wrong(value, what, "a whole number"))
}

/// A finite number written in decimal digits; `inf` and `nan` are none.
fn decimal(text: &str) -> Option<f64> {
    let digits = |b: u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let number: f64 = text.bytes().all(digits).then(|| text.parse().ok())??;
    number.is_finite().then_some(number)
}

/// That a value is not of a type.
pub(super) fn wrong(value: &Value<'_>, what: &str, wanted: &str) -> ActionFault {
    let found = match value {
        Value::String(text) => format!("\"{}\"", super::error::short(text)),
        other => other.kind().to_owned(),
    };
    ActionFault::value(format!("{what} must be {wanted}, not {found}"))
}
