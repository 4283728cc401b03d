//! Values of jq: shared, so that a copy costs nothing.

use std::{cmp::Ordering, rc::Rc};

use super::{
    super::value::{Number, Object, VALUE_WORK, Value, float_text},
    stop::Stop,
};
use crate::{
    budget::{Budget, Exhausted},
    json::MAX_JSON_DEPTH,
};

/// A JSON value.
#[derive(Debug, Clone)]
pub(super) enum J {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Rc<str>),
    Arr(Rc<List>),
    Obj(Rc<Map>),
}

/// An array.
#[derive(Debug, Clone, Default)]
pub(super) struct List {
    pub(super) items: Vec<J>,
    /// At least how deep arrays and objects nest in it, itself included.
    depth: usize,
}

/// An object.
#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    pub(super) members: Vec<(Rc<str>, J)>,
    depth: usize,
}

impl J {
    pub(super) fn str(text: impl AsRef<str>) -> Self {
        Self::Str(text.as_ref().into())
    }

    /// An array of items, which must not nest too deep.
    pub(super) fn arr(items: Vec<Self>) -> Result<Self, Stop> {
        let depth = 1 + items.iter().map(Self::depth).max().unwrap_or(0);
        check_depth(depth)?;
        Ok(Self::Arr(Rc::new(List { items, depth })))
    }

    /// An object of members with different names.
    pub(super) fn obj(members: Vec<(Rc<str>, Self)>) -> Result<Self, Stop> {
        let deepest = members.iter().map(|(_, value)| value.depth()).max();
        let depth = 1 + deepest.unwrap_or(0);
        check_depth(depth)?;
        Ok(Self::Obj(Rc::new(Map { members, depth })))
    }

    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Arr(list) => list.depth,
            Self::Obj(map) => map.depth,
            _ => 0,
        }
    }

    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether it counts as true.
    pub(super) const fn is_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) | Self::Float(_) => "number",
            Self::Str(_) => "string",
            Self::Arr(_) => "array",
            Self::Obj(_) => "object",
        }
    }

    /// What a value of the event is here.
    pub(super) fn from_value(value: &Value<'_>, budget: &Budget) -> Result<Self, Stop> {
        budget.pay(VALUE_WORK)?;
        Ok(match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Bool(*value),
            Value::Number(number) => number_of(number),
            Value::String(text) => {
                budget.pay(text.len())?;
                Self::str(text)
            }
            Value::Array(items) => {
                let items = items.iter().map(|item| Self::from_value(item, budget));
                Self::arr(items.collect::<Result<_, _>>()?)?
            }
            Value::Object(object) => {
                let mut members: Vec<(Rc<str>, Self)> = Vec::with_capacity(object.members.len());
                for (name, value) in &object.members {
                    budget.pay(name.len())?;
                    let value = Self::from_value(value, budget)?;
                    put(&mut members, name.as_ref().into(), value, budget)?;
                }
                Self::obj(members)?
            }
        })
    }

    /// What it is in the event; a number that is infinite or none is null.
    pub(super) fn to_value<'a>(&self, budget: &Budget) -> Result<Value<'a>, Exhausted> {
        budget.pay(VALUE_WORK)?;
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Boolean(*value),
            Self::Int(number) => Value::integer(*number),
            Self::Float(number) => Value::float(*number).unwrap_or(Value::Null),
            Self::Str(text) => {
                budget.pay(text.len())?;
                Value::text(text.to_string())
            }
            Self::Arr(list) => {
                let items = list.items.iter().map(|item| item.to_value(budget));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Obj(map) => {
                let members = map.members.iter().map(|(name, value)| {
                    budget.pay(name.len())?;
                    Ok((name.to_string().into(), value.to_value(budget)?))
                });
                Value::Object(Object {
                    members: members.collect::<Result<_, _>>()?,
                })
            }
        })
    }

    /// Its JSON text.
    pub(super) fn json(&self, budget: &Budget) -> Result<String, Exhausted> {
        let mut out = String::new();
        super::super::write::value(&self.to_value(budget)?, &mut out, budget)?;
        Ok(out)
    }

    /// Its text: a string as it is, anything else as JSON.
    pub(super) fn text(&self, budget: &Budget) -> Result<Rc<str>, Exhausted> {
        match self {
            Self::Str(text) => Ok(Rc::clone(text)),
            other => Ok(other.json(budget)?.into()),
        }
    }

    /// The order of jq: null, false, true, numbers, strings, arrays, objects.
    pub(super) fn order(&self, other: &Self, budget: &Budget) -> Result<Ordering, Exhausted> {
        budget.pay(4)?;
        Ok(match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Str(a), Self::Str(b)) => {
                budget.pay(a.len().min(b.len()))?;
                a.cmp(b)
            }
            (Self::Arr(a), Self::Arr(b)) => {
                for (a, b) in a.items.iter().zip(&b.items) {
                    let order = a.order(b, budget)?;
                    if order.is_ne() {
                        return Ok(order);
                    }
                }
                a.items.len().cmp(&b.items.len())
            }
            (Self::Obj(a), Self::Obj(b)) => order_maps(a, b, budget)?,
            (Self::Int(a), Self::Float(b)) => order_mixed(*a, *b),
            (Self::Float(a), Self::Int(b)) => order_mixed(*b, *a).reverse(),
            (Self::Float(a), Self::Float(b)) => match (a.is_nan(), b.is_nan()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                _ => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            },
            (a, b) => a.rank().cmp(&b.rank()),
        })
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(false) => 1,
            Self::Bool(true) => 2,
            Self::Int(_) | Self::Float(_) => 3,
            Self::Str(_) => 4,
            Self::Arr(_) => 5,
            Self::Obj(_) => 6,
        }
    }
}

/// Names first, in their order, then values.
fn order_maps(a: &Map, b: &Map, budget: &Budget) -> Result<Ordering, Exhausted> {
    let sorted = |map: &Map| {
        let mut members: Vec<_> = map
            .members
            .iter()
            .map(|(n, v)| (Rc::clone(n), v.clone()))
            .collect();
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        members
    };
    budget.pay(32 * (a.members.len() + b.members.len()))?;
    let (a, b) = (sorted(a), sorted(b));
    let names = a
        .iter()
        .map(|(name, _)| name)
        .cmp(b.iter().map(|(name, _)| name));
    if names.is_ne() {
        return Ok(names);
    }
    for ((_, a), (_, b)) in a.iter().zip(&b) {
        let order = a.order(b, budget)?;
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(Ordering::Equal)
}

/// The exact order of a whole number and a double.
fn order_mixed(whole: i64, double: f64) -> Ordering {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() || double < -LIMIT {
        return Ordering::Greater;
    }
    if double >= LIMIT {
        return Ordering::Less;
    }
    let cut = double.trunc();
    let fraction = 0.0_f64.partial_cmp(&(double - cut));
    whole
        .cmp(&(cut as i64))
        .then(fraction.unwrap_or(Ordering::Equal))
}

fn check_depth(depth: usize) -> Result<(), Stop> {
    if depth > MAX_JSON_DEPTH {
        return Err(Stop::Error(J::str("a value nests too deep")));
    }
    Ok(())
}

fn number_of(number: &Number<'_>) -> J {
    let whole = match number {
        Number::Integer(number) => Some(*number),
        Number::Written(text) => text.parse().ok(),
        Number::Float(_) => None,
    };
    match whole {
        Some(number) => J::Int(number),
        None => J::Float(number.float().unwrap_or(f64::INFINITY)),
    }
}

/// Reads a number as it is written in an expression, or a text.
pub(super) fn number(text: &str) -> Option<J> {
    if let Ok(number) = text.parse() {
        return Some(J::Int(number));
    }
    let digits = |b: u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let number: f64 = text.bytes().all(digits).then(|| text.parse().ok())??;
    Some(J::Float(number))
}

/// Puts a member in its place, or at the end.
pub(super) fn put(
    members: &mut Vec<(Rc<str>, J)>,
    name: Rc<str>,
    value: J,
    budget: &Budget,
) -> Result<(), Exhausted> {
    budget.pay(8 + members.len() / 4)?;
    match members.iter_mut().find(|(taken, _)| *taken == name) {
        Some(slot) => slot.1 = value,
        None => members.push((name, value)),
    }
    Ok(())
}

/// A double that has no fraction as a whole number.
pub(super) fn whole(number: f64) -> J {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        J::Int(number as i64)
    } else {
        J::Float(number)
    }
}

/// A short form of a value for messages.
pub(super) fn told(value: &J) -> String {
    match value {
        J::Int(number) => format!("number ({number})"),
        J::Float(number) => format!("number ({})", float_text(*number)),
        J::Str(text) => format!("string (\"{}\")", super::super::error::short(text)),
        other => other.kind().to_owned(),
    }
}
