//! Functions of strings. Lengths and positions count characters.

use std::borrow::Cow;

use super::{Function, Outcome, integer, take};
use crate::{
    budget::{Budget, Exhausted},
    cesql::{
        error::EvalErrorKind,
        value::{Type, Value},
    },
};

pub(super) const LENGTH: Function = Function {
    name: "LENGTH",
    arguments: &[("x", Type::String)],
    more: None,
    returns: Type::Integer,
    summary: "The number of characters of `x`.",
    run: |arguments, _| {
        let length = text(arguments, 0).chars().count();
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        Ok(Outcome::of(Value::Integer(length)))
    },
};

pub(super) const CONCAT: Function = Function {
    name: "CONCAT",
    arguments: &[],
    more: Some(Type::String),
    returns: Type::String,
    summary: "Its arguments, one behind the other.",
    run: |arguments, budget| join(arguments, "", budget),
};

pub(super) const CONCAT_WS: Function = Function {
    name: "CONCAT_WS",
    arguments: &[("delimiter", Type::String)],
    more: Some(Type::String),
    returns: Type::String,
    summary: "The arguments behind `delimiter`, with it between them.",
    run: |arguments, budget| {
        let delimiter = text(arguments, 0);
        let rest = arguments.get_mut(1..).unwrap_or_default();
        join(rest, &delimiter, budget)
    },
};

pub(super) const LOWER: Function = Function {
    name: "LOWER",
    arguments: &[("x", Type::String)],
    more: None,
    returns: Type::String,
    summary: "`x` in lower case.",
    run: |arguments, _| {
        let x = text(arguments, 0);
        let same = x.is_ascii() && !x.bytes().any(|byte| byte.is_ascii_uppercase());
        let lower = if same { x } else { x.to_lowercase().into() };
        Ok(Outcome::of(Value::String(lower)))
    },
};

pub(super) const UPPER: Function = Function {
    name: "UPPER",
    arguments: &[("x", Type::String)],
    more: None,
    returns: Type::String,
    summary: "`x` in upper case.",
    run: |arguments, _| {
        let x = text(arguments, 0);
        let same = x.is_ascii() && !x.bytes().any(|byte| byte.is_ascii_lowercase());
        let upper = if same { x } else { x.to_uppercase().into() };
        Ok(Outcome::of(Value::String(upper)))
    },
};

pub(super) const TRIM: Function = Function {
    name: "TRIM",
    arguments: &[("x", Type::String)],
    more: None,
    returns: Type::String,
    summary: "`x` without the white space (as Unicode has it) at its ends.",
    run: |arguments, _| {
        let x = text(arguments, 0);
        let start = x.len() - x.trim_start().len();
        let length = x.trim().len();
        Ok(Outcome::of(part(x, start, start + length)))
    },
};

pub(super) const LEFT: Function = Function {
    name: "LEFT",
    arguments: &[("x", Type::String), ("y", Type::Integer)],
    more: None,
    returns: Type::String,
    summary: "The first `y` characters of `x`, or all if it has fewer. With a negative `y` it is \
              `x` and an error.",
    run: |arguments, _| {
        let (x, y) = (text(arguments, 0), integer(arguments, 1));
        let Ok(y) = usize::try_from(y) else {
            return Ok(negative_length(x));
        };
        let end = byte_of(&x, y);
        Ok(Outcome::of(part(x, 0, end)))
    },
};

pub(super) const RIGHT: Function = Function {
    name: "RIGHT",
    arguments: &[("x", Type::String), ("y", Type::Integer)],
    more: None,
    returns: Type::String,
    summary: "The last `y` characters of `x`, or all if it has fewer. With a negative `y` it is \
              `x` and an error.",
    run: |arguments, _| {
        let (x, y) = (text(arguments, 0), integer(arguments, 1));
        let Ok(y) = usize::try_from(y) else {
            return Ok(negative_length(x));
        };
        let skipped = x.chars().count().saturating_sub(y);
        let (start, end) = (byte_of(&x, skipped), x.len());
        Ok(Outcome::of(part(x, start, end)))
    },
};

pub(super) const SUBSTRING: Function = Function {
    name: "SUBSTRING",
    arguments: &[("x", Type::String), ("pos", Type::Integer)],
    more: None,
    returns: Type::String,
    summary: "`x` from character `pos`, counted from 1, or from the end if it is negative. At 0 \
              it is empty; beyond either end it is empty and an error.",
    run: |arguments, _| {
        let (x, pos) = (text(arguments, 0), integer(arguments, 1));
        Ok(substring(x, pos, usize::MAX))
    },
};

pub(super) const SUBSTRING_OF_LENGTH: Function = Function {
    name: "SUBSTRING",
    arguments: &[
        ("x", Type::String),
        ("pos", Type::Integer),
        ("len", Type::Integer),
    ],
    more: None,
    returns: Type::String,
    summary: "The same, at most `len` characters of it. With a negative `len` it is empty and an \
              error.",
    run: |arguments, _| {
        let (x, pos) = (text(arguments, 0), integer(arguments, 1));
        Ok(match usize::try_from(integer(arguments, 2)) {
            Ok(length) => substring(x, pos, length),
            Err(_) => Outcome {
                value: Value::String("".into()),
                error: Some((EvalErrorKind::FunctionEvaluation, "the length is negative")),
            },
        })
    },
};

fn text<'a>(arguments: &mut [Value<'a>], number: usize) -> Cow<'a, str> {
    take(arguments, number).into_text()
}

fn join<'a>(
    texts: &mut [Value<'a>],
    delimiter: &str,
    budget: &Budget,
) -> Result<Outcome<'a>, Exhausted> {
    let delimiters = delimiter
        .len()
        .saturating_mul(texts.len().saturating_sub(1));
    let length = texts.iter().map(Value::text_len).sum::<usize>();
    let length = length.saturating_add(delimiters);
    budget.pay(length)?;
    let mut joined = String::with_capacity(length);
    for (number, value) in texts.iter().enumerate() {
        if number > 0 {
            joined.push_str(delimiter);
        }
        if let Value::String(text) = value {
            joined.push_str(text);
        }
    }
    Ok(Outcome::of(Value::String(joined.into())))
}

fn substring(x: Cow<'_, str>, pos: i32, length: usize) -> Outcome<'_> {
    let empty = Value::String(Cow::Borrowed(""));
    if pos == 0 {
        return Outcome::of(empty);
    }
    let characters = x.chars().count();
    let distance = pos.unsigned_abs() as usize;
    if distance > characters {
        return Outcome {
            value: empty,
            error: Some((
                EvalErrorKind::FunctionEvaluation,
                "the position lies outside of the text",
            )),
        };
    }
    let first = if pos > 0 {
        distance - 1
    } else {
        characters - distance
    };
    let start = byte_of(&x, first);
    let behind = x.get(start..).unwrap_or_default();
    let end = start + byte_of(behind, length);
    Outcome::of(part(x, start, end))
}

/// Where character `number`, counted from 0, begins, or the end.
fn byte_of(text: &str, number: usize) -> usize {
    let mut places = text.char_indices();
    places.nth(number).map_or(text.len(), |(at, _)| at)
}

/// A part of `text`, borrowed if that is.
fn part(text: Cow<'_, str>, start: usize, end: usize) -> Value<'_> {
    Value::String(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(start..end).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(start..end).unwrap_or_default().to_owned()),
    })
}

fn negative_length(x: Cow<'_, str>) -> Outcome<'_> {
    Outcome {
        value: Value::String(x),
        error: Some((
            EvalErrorKind::FunctionEvaluation,
            "the number of characters is negative",
        )),
    }
}
