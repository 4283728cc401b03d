//! Arithmetic, in double precision.

use super::super::{action::Action, cast, error::ActionFault, run::Run, value::Value};

fn put<'a>(run: &mut Run<'a>, action: &'a Action, number: f64) -> Result<(), ActionFault> {
    let value = Value::float(number);
    let value = value.ok_or_else(|| ActionFault::value("the result is too large"))?;
    run.set(action, 0, value)
}

/// The numbers of all arguments but the first. An array stands for its items.
fn numbers(run: &Run<'_>, action: &Action) -> Result<Vec<f64>, ActionFault> {
    let mut numbers = Vec::new();
    for argument in action.arguments.iter().skip(1) {
        let written = &argument.written;
        let found = run.document.look(&argument.source, &run.budget)?;
        let found = found.ok_or_else(|| ActionFault::Missing(written.to_string()))?;
        match found.value() {
            Value::Array(items) => {
                run.budget.pay(8 * items.len())?;
                for item in items {
                    numbers.push(cast::float(item, written)?);
                }
            }
            value => numbers.push(cast::float(value, written)?),
        }
    }
    Ok(numbers)
}

pub(super) fn add<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let sum = numbers(run, action)?.iter().sum();
    put(run, action, sum)
}

pub(super) fn multiply<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let product = numbers(run, action)?.iter().product();
    put(run, action, product)
}

pub(super) fn subtract<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let difference = run.float(action, 1)? - run.float(action, 2)?;
    put(run, action, difference)
}

pub(super) fn divide<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let (number, by) = (run.float(action, 1)?, run.float(action, 2)?);
    if by == 0.0 {
        return Err(ActionFault::value("a division by zero"));
    }
    put(run, action, number / by)
}

pub(super) fn format<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    const MOST_DECIMALS: usize = 20;
    let number = run.float(action, 1)?;
    let decimals = run.position(action, 2)?;
    if decimals > MOST_DECIMALS {
        return Err(ActionFault::value(format!(
            "a number has at most {MOST_DECIMALS} decimals"
        )));
    }
    let optional = |n: usize, default: &str| match action.arguments.get(n) {
        None => Ok(default.to_owned()),
        Some(_) => run.text(action, n).map(std::borrow::Cow::into_owned),
    };
    let (group, point) = (optional(3, "")?, optional(4, ".")?);
    let plain = format!("{:.decimals$}", number.abs());
    run.budget
        .pay(plain.len() * (1 + group.len()) + point.len())?;
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut text = String::new();
    // What is rounded to zero has no sign.
    if number < 0.0 && plain.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        text.push('-');
    }
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 {
            text.push_str(&group);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push_str(&point);
        text.push_str(fraction);
    }
    run.set_text(action, 0, text)
}
