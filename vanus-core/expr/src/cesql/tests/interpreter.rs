//! The rules of the specification, written down without a thought for speed or limits.

use vanus_types::Event;

use super::{BinaryOp as Op, Expr, ExprKind, Value};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plain {
    Bool(bool),
    Int(i64),
    Str(String),
}

type Errors = Vec<&'static str>;

impl Plain {
    pub(super) fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Boolean(value) => Self::Bool(*value),
            Value::Integer(value) => Self::Int((*value).into()),
            Value::String(value) => Self::Str(value.to_string()),
        }
    }

    fn int(&self) -> Option<i64> {
        match self {
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Int(value) => Some(*value),
            Self::Str(text) => {
                let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
                let all = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
                let number = all.then(|| digits.parse::<i64>().ok()).flatten()?;
                let number = if text.starts_with('-') {
                    -number
                } else {
                    number
                };
                fits(number).then_some(number)
            }
        }
    }

    fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Int(value) => Some(*value != 0),
            Self::Str(text) => match text.to_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
        }
    }

    fn str(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Str(text) => text.clone(),
        }
    }

    /// Cast to the type of `other`.
    fn like(&self, other: &Self) -> Option<Self> {
        match other {
            Self::Bool(_) => self.bool().map(Self::Bool),
            Self::Int(_) => self.int().map(Self::Int),
            Self::Str(_) => Some(Self::Str(self.str())),
        }
    }
}

fn fits(number: i64) -> bool {
    i32::try_from(number).is_ok()
}

/// The value of an expression and the names of the errors.
pub(super) fn interpret(expr: &Expr, event: &Event) -> (Plain, Errors) {
    let mut errors = Errors::new();
    let value = value(expr, event, &mut errors).unwrap_or(Plain::Bool(false));
    (value, errors)
}

/// A value, or nothing for a missing attribute.
fn value(expr: &Expr, event: &Event, errors: &mut Errors) -> Option<Plain> {
    Some(match &expr.kind {
        ExprKind::Boolean(value) => Plain::Bool(*value),
        ExprKind::Integer(value) => Plain::Int((*value).into()),
        ExprKind::Text(text) => Plain::Str(text.to_string()),
        ExprKind::Exists(name) => Plain::Bool(event.attribute(name).is_some()),
        ExprKind::Attribute(name) => match event.attribute(name) {
            None => {
                errors.push("missingAttribute");
                return None;
            }
            Some(vanus_types::AttributeRef::Boolean(value)) => Plain::Bool(value),
            Some(vanus_types::AttributeRef::Integer(value)) => Plain::Int(value.into()),
            Some(other) => Plain::Str(other.canonical().into_owned()),
        },
        ExprKind::Not(inner) => Plain::Bool(bool(inner, event, errors).is_some_and(|value| !value)),
        ExprKind::Negate(inner) => {
            let number = int(inner, event, errors);
            arithmetic(number.map(|number| Some(-number)), errors)
        }
        ExprKind::Binary(op, sides) => binary(*op, &sides[0], &sides[1], event, errors),
        ExprKind::Like {
            subject,
            pattern,
            negated,
        } => {
            let text = value(subject, event, errors).map(|value| value.str());
            let pattern: Vec<char> = pattern.chars().collect();
            let matches = text.map(|text| like(&text.chars().collect::<Vec<_>>(), &pattern));
            Plain::Bool(matches.is_some_and(|matches| matches != *negated))
        }
        ExprKind::In {
            subject,
            set,
            negated,
        } => {
            let found = is_in(subject, set, event, errors);
            Plain::Bool(found.is_some_and(|found| found != *negated))
        }
        ExprKind::Call { name, arguments } => call(name, arguments, event, errors),
    })
}

fn cast<T>(cast: Option<T>, errors: &mut Errors) -> Option<T> {
    if cast.is_none() {
        errors.push("cast");
    }
    cast
}

fn bool(expr: &Expr, event: &Event, errors: &mut Errors) -> Option<bool> {
    let value = value(expr, event, errors)?;
    cast(value.bool(), errors)
}

fn int(expr: &Expr, event: &Event, errors: &mut Errors) -> Option<i64> {
    let value = value(expr, event, errors)?;
    cast(value.int(), errors)
}

fn arithmetic(result: Option<Option<i64>>, errors: &mut Errors) -> Plain {
    match result {
        None => Plain::Int(0),
        Some(Some(number)) if fits(number) => Plain::Int(number),
        Some(_) => {
            errors.push("math");
            Plain::Int(0)
        }
    }
}

fn binary(op: Op, left: &Expr, right: &Expr, event: &Event, errors: &mut Errors) -> Plain {
    match op {
        Op::And | Op::Or | Op::Xor => {
            let first = bool(left, event, errors);
            if op == Op::And && first != Some(true) || op == Op::Or && first == Some(true) {
                return Plain::Bool(op == Op::Or);
            }
            let second = bool(right, event, errors);
            Plain::Bool(match (first, second) {
                (Some(a), Some(b)) => match op {
                    Op::And => a & b,
                    Op::Or => a | b,
                    _ => a ^ b,
                },
                _ => false,
            })
        }
        Op::Equal | Op::NotEqual => {
            let (a, b) = (value(left, event, errors), value(right, event, errors));
            let (Some(a), Some(b)) = (a, b) else {
                return Plain::Bool(false);
            };
            let Some(a) = cast(a.like(&b), errors) else {
                return Plain::Bool(false);
            };
            Plain::Bool((a == b) == (op == Op::Equal))
        }
        _ => {
            let pair = (int(left, event, errors), int(right, event, errors));
            let numbers = pair.0.zip(pair.1);
            let compare = |test: fn(&i64, &i64) -> bool| {
                Plain::Bool(numbers.is_some_and(|(a, b)| test(&a, &b)))
            };
            let compute = |a: i64, b: i64| match op {
                Op::Add => Some(a + b),
                Op::Subtract => Some(a - b),
                Op::Multiply => Some(a * b),
                Op::Divide => a.checked_div(b),
                _ => a.checked_rem(b),
            };
            match op {
                Op::Less => compare(i64::lt),
                Op::LessOrEqual => compare(i64::le),
                Op::Greater => compare(i64::gt),
                Op::GreaterOrEqual => compare(i64::ge),
                _ => arithmetic(numbers.map(|(a, b)| compute(a, b)), errors),
            }
        }
    }
}

fn is_in(subject: &Expr, set: &[Expr], event: &Event, errors: &mut Errors) -> Option<bool> {
    let wanted = value(subject, event, errors)?;
    for item in set {
        let item = value(item, event, errors)?;
        if cast(item.like(&wanted), errors)? == wanted {
            return Some(true);
        }
    }
    Some(false)
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|n| like(&text[n..], rest)),
        ['\\', wanted @ ('%' | '_'), rest @ ..] => {
            text.first() == Some(wanted) && like(&text[1..], rest)
        }
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        [wanted, rest @ ..] => text.first() == Some(wanted) && like(&text[1..], rest),
    }
}

#[expect(clippy::too_many_lines, reason = "a list of functions")]
fn call(name: &str, arguments: &[Expr], event: &Event, errors: &mut Errors) -> Plain {
    // Which types the arguments have and what it gives: s, i, b, or ? for any.
    let (takes, gives) = match (name, arguments.len()) {
        ("LENGTH", 1) => ("s", 'i'),
        ("CONCAT", n) => (&"ssss"[..n], 's'),
        ("CONCAT_WS", n @ 1..) => (&"ssss"[..n], 's'),
        ("LOWER" | "UPPER" | "TRIM", 1) => ("s", 's'),
        ("LEFT" | "RIGHT" | "SUBSTRING", 2) => ("si", 's'),
        ("SUBSTRING", 3) => ("sii", 's'),
        ("ABS", 1) => ("i", 'i'),
        ("BOOL" | "IS_BOOL" | "IS_INT", 1) => ("?", 'b'),
        ("INT", 1) => ("?", 'i'),
        ("STRING", 1) => ("?", 's'),
        _ => {
            errors.push("missingFunction");
            return Plain::Bool(false);
        }
    };
    let mut values = Vec::new();
    for (argument, kind) in arguments.iter().zip(takes.chars()) {
        let Some(argument) = value(argument, event, errors) else {
            continue;
        };
        let argument = match kind {
            's' => Some(Plain::Str(argument.str())),
            'i' => cast(argument.int(), errors).map(Plain::Int),
            _ => Some(argument),
        };
        values.extend(argument);
    }
    let zero = match gives {
        's' => Plain::Str(String::new()),
        'i' => Plain::Int(0),
        _ => Plain::Bool(false),
    };
    if values.len() < arguments.len() {
        return zero;
    }
    let texts: Vec<String> = values.iter().map(Plain::str).collect();
    let numbers: Vec<i64> = values.iter().map(|v| v.int().unwrap_or(0)).collect();
    let chars: Vec<char> = texts
        .first()
        .map_or_else(Vec::new, |text| text.chars().collect());
    let length = chars.len() as i64;
    let mut part = |from: i64, to: i64, error: bool| {
        if error {
            errors.push("functionEvaluation");
        }
        let to = to.clamp(from, length);
        Plain::Str(chars[from as usize..to as usize].iter().collect())
    };
    match name {
        "LENGTH" => Plain::Int(length),
        "CONCAT" => Plain::Str(texts.concat()),
        "CONCAT_WS" => Plain::Str(texts[1..].join(&texts[0])),
        "LOWER" => Plain::Str(texts[0].to_lowercase()),
        "UPPER" => Plain::Str(texts[0].to_uppercase()),
        "TRIM" => Plain::Str(texts[0].trim().to_owned()),
        "LEFT" | "RIGHT" if numbers[1] < 0 => part(0, length, true),
        "LEFT" => part(0, numbers[1], false),
        "RIGHT" => part((length - numbers[1]).max(0), length, false),
        "SUBSTRING" => {
            let (pos, len) = (numbers[1], numbers.get(2).copied().unwrap_or(length));
            if len < 0 || pos.abs() > length {
                part(0, 0, true)
            } else if pos == 0 {
                part(0, 0, false)
            } else {
                let from = if pos > 0 { pos - 1 } else { length + pos };
                part(from, from + len, false)
            }
        }
        "ABS" if numbers[0] == i64::from(i32::MIN) => {
            errors.push("math");
            Plain::Int(i32::MAX.into())
        }
        "ABS" => Plain::Int(numbers[0].abs()),
        "IS_BOOL" => Plain::Bool(values[0].bool().is_some()),
        "IS_INT" => Plain::Bool(values[0].int().is_some()),
        "BOOL" => cast(values[0].bool(), errors).map_or(zero, Plain::Bool),
        "INT" => cast(values[0].int(), errors).map_or(zero, Plain::Int),
        _ => Plain::Str(texts[0].clone()),
    }
}
