//! Equality and order of values.
//!
//! Numbers compare by what they are, whatever their types. Values of different types are not
//! equal, and have no order.

use std::cmp::Ordering;

use super::{
    error::Fault,
    value::{Kind, Value},
};
use crate::{
    budget::Budget,
    json::{JsonKind, JsonNode},
};

/// Whether both are equal.
pub(super) fn equal<'a>(a: &Value<'a>, b: &Value<'a>, budget: &Budget) -> Result<bool, Fault> {
    budget.pay(a.len().min(b.len()))?;
    Ok(match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Timestamp(a), Value::Timestamp(b)) | (Value::Duration(a), Value::Duration(b)) => {
            a == b
        }
        (Value::Type(a), Value::Type(b)) => a == b,
        _ if a.kind() == Kind::List && b.kind() == Kind::List => lists(a, b, budget)?,
        _ if a.kind() == Kind::Map && b.kind() == Kind::Map => maps(a, b, budget)?,
        _ => numbers(a, b) == Some(Ordering::Equal),
    })
}

/// Which comes first; nothing for values without an order, such as a number and NaN.
pub(super) fn order<'a>(
    a: &Value<'a>,
    b: &Value<'a>,
    budget: &Budget,
) -> Result<Option<Ordering>, Fault> {
    budget.pay(a.len().min(b.len()))?;
    Ok(match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Timestamp(a), Value::Timestamp(b)) | (Value::Duration(a), Value::Duration(b)) => {
            Some(a.cmp(b))
        }
        _ if a.kind().is_number() && b.kind().is_number() => numbers(a, b),
        _ => return Err(Fault::Types),
    })
}

fn numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (Some(a), None) => double_with_whole(double(b)?, a).map(Ordering::reverse),
        (None, Some(b)) => double_with_whole(double(a)?, b),
        (None, None) => double(a)?.partial_cmp(&double(b)?),
    }
}

fn whole(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Int(value) => Some((*value).into()),
        Value::Uint(value) => Some((*value).into()),
        _ => None,
    }
}

fn double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

/// Compares without rounding: a whole number of 64 bits may be no double.
fn double_with_whole(double: f64, whole: i128) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // It saturates, and what it saturates to is larger than any of 64 bits.
    let floor = double.floor();
    let order = (floor as i128).cmp(&whole);
    Some(order.then(if double > floor {
        Ordering::Greater
    } else {
        Ordering::Equal
    }))
}

fn lists<'a>(a: &Value<'a>, b: &Value<'a>, budget: &Budget) -> Result<bool, Fault> {
    let (mut a, mut b) = (items(a, budget), items(b, budget));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ok(true),
            (Some(a), Some(b)) => {
                if !equal(&a?, &b?, budget)? {
                    return Ok(false);
                }
            }
            _ => return Ok(false),
        }
    }
}

fn maps<'a>(a: &Value<'a>, b: &Value<'a>, budget: &Budget) -> Result<bool, Fault> {
    if size(a, budget)? != size(b, budget)? {
        return Ok(false);
    }
    for entry in entries(a, budget) {
        let (key, value) = entry?;
        match lookup(b, &key, budget)? {
            Some(other) if equal(&value, &other, budget)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// The number of items, entries, characters or bytes.
pub(super) fn size(value: &Value<'_>, budget: &Budget) -> Result<usize, Fault> {
    budget.pay(value.len())?;
    Ok(match value {
        Value::Text(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Json(node) => {
            let children = node.children().count();
            budget.pay(children)?;
            match node.value().kind() {
                JsonKind::Array => children,
                _ => children / 2,
            }
        }
        _ => return Err(Fault::Types),
    })
}

/// The items of a list, or the keys of a map.
pub(super) fn items<'v, 'a: 'v>(
    value: &'v Value<'a>,
    budget: &'v Budget,
) -> Box<dyn Iterator<Item = Result<Value<'a>, Fault>> + 'v> {
    match value {
        Value::List(list) => Box::new(list.iter().map(|item| copy(item, budget))),
        Value::Map(map) => Box::new(map.iter().map(|(key, _)| copy(key, budget))),
        Value::Json(node) => {
            let step = match node.value().kind() {
                JsonKind::Array => 1,
                _ => 2,
            };
            let children = node.children().step_by(step);
            Box::new(children.map(|child| json(child, budget)))
        }
        _ => Box::new(std::iter::empty()),
    }
}

fn entries<'v, 'a: 'v>(
    value: &'v Value<'a>,
    budget: &'v Budget,
) -> Box<dyn Iterator<Item = Result<(Value<'a>, Value<'a>), Fault>> + 'v> {
    match value {
        Value::Map(map) => Box::new(
            map.iter()
                .map(|(key, value)| Ok((copy(key, budget)?, copy(value, budget)?))),
        ),
        Value::Json(node) => {
            let mut children = node.children();
            Box::new(std::iter::from_fn(move || {
                let (key, value) = (children.next()?, children.next()?);
                let pair = |key| Ok((key, json(value, budget)?));
                Some(json(key, budget).and_then(pair))
            }))
        }
        _ => Box::new(std::iter::empty()),
    }
}

/// The value of a key of a map.
pub(super) fn lookup<'a>(
    map: &Value<'a>,
    key: &Value<'a>,
    budget: &Budget,
) -> Result<Option<Value<'a>>, Fault> {
    match (map, key) {
        (Value::Map(entries), _) => {
            for (known, value) in entries.iter() {
                if equal(known, key, budget)? {
                    return copy(value, budget).map(Some);
                }
            }
            Ok(None)
        }
        (Value::Json(node), Value::Text(name)) if node.value().kind() == JsonKind::Object => {
            member(node, name, budget)
        }
        (Value::Json(node), _) if node.value().kind() == JsonKind::Object => Ok(None),
        _ => Err(Fault::Types),
    }
}

/// A member of JSON data. Each name of the object is looked at, and paid for.
pub(super) fn member<'a>(
    node: &JsonNode<'a>,
    name: &str,
    budget: &Budget,
) -> Result<Option<Value<'a>>, Fault> {
    let mut work = 0;
    let found = node.member_counting(name, &mut work);
    budget.pay(work)?;
    found.map(|found| json(found, budget)).transpose()
}

/// A copy of a value, paid for.
pub(super) fn copy<'a>(value: &Value<'a>, budget: &Budget) -> Result<Value<'a>, Fault> {
    budget.pay(value.copied_len())?;
    Ok(value.clone())
}

/// A value of JSON data, paid for.
pub(super) fn json<'a>(node: JsonNode<'a>, budget: &Budget) -> Result<Value<'a>, Fault> {
    if !matches!(node.value().kind(), JsonKind::Array | JsonKind::Object) {
        budget.pay(node.value().written().len())?;
    }
    Value::of_json(node)
}
