//! Functions that choose between values.

use std::borrow::Cow;

use super::{
    super::{
        action::Action,
        argument::{Argument, Source},
        cast,
        error::{ActionFault, TransformerError},
        run::Run,
        value::Value,
    },
    Extra,
};

/// Sets argument `target` to argument `yes` or the one behind it.
fn choose<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
    target: usize,
    yes: usize,
    choice: bool,
) -> Result<(), ActionFault> {
    let value = run.copy(action, if choice { yes } else { yes + 1 })?;
    run.set(action, target, value)
}

pub(super) fn check_custom_values<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    let contains = run.text(action, 0)?.contains(&*run.text(action, 1)?);
    choose(run, action, 2, 3, contains)
}

pub(super) fn extract_missing_action<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    let missing = !run.is_there(action, 0)? || run.text(action, 0)?.is_empty();
    choose(run, action, 1, 2, missing)
}

pub(super) fn condition_if<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let operator = run.text(action, 2)?.into_owned();
    let holds = if operator.trim() == "==" {
        let (value, other) = (run.look(action, 1)?, run.look(action, 3)?);
        normal(value.value(), run)? == normal(other.value(), run)?
    } else {
        let compare: fn(&f64, &f64) -> bool = match operator.trim() {
            ">=" => f64::ge,
            ">" => f64::gt,
            "<=" => f64::le,
            "<" => f64::lt,
            other => return Err(ActionFault::value(no_operator(other))),
        };
        compare(&run.float(action, 1)?, &run.float(action, 3)?)
    };
    choose(run, action, 0, 4, holds)
}

/// A value as text that is the same for equal numbers.
fn normal<'v>(value: &'v Value<'_>, run: &Run<'_>) -> Result<Cow<'v, str>, ActionFault> {
    Ok(match value {
        Value::Number(number) => number.normal(),
        value => cast::text(value, &run.budget)?,
    })
}

/// Checks an operator that is a constant.
pub(super) fn operator(arguments: &[Argument], at: &str) -> Result<Extra, TransformerError> {
    match arguments.get(2).map(|argument| &argument.source) {
        Some(Source::Constant(value)) => match value {
            Value::String(text) if ["==", ">=", ">", "<=", "<"].contains(&text.trim()) => {
                Ok(Extra::Nothing)
            }
            other => Err(TransformerError::Argument {
                at: format!("{at}[3]"),
                what: match other {
                    Value::String(text) => no_operator(text),
                    other => no_operator(other.kind()),
                },
            }),
        },
        _ => Ok(Extra::Nothing),
    }
}

fn no_operator(found: &str) -> String {
    let found = super::super::error::short(found);
    format!("the operator must be ==, >=, >, <= or <, not {found}")
}

pub(super) fn coalesce<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    for n in 1..action.arguments.len() {
        if run.is_there(action, n)? {
            let value = run.copy(action, n)?;
            return run.set(action, 0, value);
        }
    }
    Err(ActionFault::Missing("every value".to_owned()))
}
