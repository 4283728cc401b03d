//! Paths of a transformer: like those of filters, with slices and wildcards.

use super::{
    error::ActionFault,
    value::{Object, Value},
};
use crate::{
    budget::{Budget, Exhausted},
    json::MAX_JSON_DEPTH,
};

mod parse;

/// A place, or places, in a value: `.name`, `['name']`, `["name"]`, `[1]`, `[-1]`, `[a:b:c]`, `[*]`
/// and `.*`, in any number and order. No step means the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    steps: Box<[Step]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A member of an object.
    Member(Box<str>),
    /// An item of an array, from its end if it is negative.
    Item(i64),
    /// Items of an array.
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: i64,
    },
    /// All members or items.
    All,
}

/// What is at a path.
#[derive(Debug)]
pub(super) enum Found<'v, 'a> {
    Nothing,
    One(&'v Value<'a>),
    /// Of a path with a slice or a wildcard; at least one.
    Many(Vec<&'v Value<'a>>),
}

impl Path {
    /// Whether it means the value itself.
    pub(super) fn is_whole(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether it may mean several values.
    pub(super) fn is_many(&self) -> bool {
        let many = |step: &Step| matches!(step, Step::Slice { .. } | Step::All);
        self.steps.iter().any(many)
    }

    /// The path without its last step, and the name if that is a member.
    pub(super) fn split_member(&self) -> Option<(Self, &str)> {
        match self.steps.split_last() {
            Some((Step::Member(name), before)) => Some((
                Self {
                    steps: before.into(),
                },
                name,
            )),
            _ => None,
        }
    }

    /// The name of the first step, if that is a member, and the path behind it.
    pub(super) fn split_first_member(&self) -> Option<(&str, Self)> {
        match self.steps.split_first() {
            Some((Step::Member(name), behind)) => Some((
                name,
                Self {
                    steps: behind.into(),
                },
            )),
            _ => None,
        }
    }

    /// Whether it counts items from the end of an array.
    pub(super) fn counts_from_the_end(&self) -> bool {
        let from_end = |step: &Step| matches!(step, Step::Item(..0));
        self.steps.iter().any(from_end)
    }

    /// This path with a member behind it.
    pub(super) fn with_member(&self, name: &str) -> Self {
        let steps = self.steps.iter().cloned();
        Self {
            steps: steps.chain([Step::Member(name.into())]).collect(),
        }
    }

    /// What is there.
    pub(super) fn find<'v, 'a>(
        &self,
        root: &'v Value<'a>,
        budget: &Budget,
    ) -> Result<Found<'v, 'a>, Exhausted> {
        let mut value = root;
        for (n, step) in self.steps.iter().enumerate() {
            let next = match step {
                Step::Member(name) => member(value, name, budget)?,
                Step::Item(number) => item(value, *number),
                Step::Slice { .. } | Step::All => {
                    return self.find_many(n, value, budget);
                }
            };
            match next {
                Some(next) => value = next,
                None => return Ok(Found::Nothing),
            }
        }
        Ok(Found::One(value))
    }

    fn find_many<'v, 'a>(
        &self,
        from: usize,
        value: &'v Value<'a>,
        budget: &Budget,
    ) -> Result<Found<'v, 'a>, Exhausted> {
        let mut values = vec![value];
        for step in self.steps.iter().skip(from) {
            let mut next = Vec::new();
            for value in values {
                match step {
                    Step::Member(name) => next.extend(member(value, name, budget)?),
                    Step::Item(number) => next.extend(item(value, *number)),
                    Step::Slice { start, end, step } => {
                        if let Value::Array(items) = value {
                            let picked = slice(items.len(), *start, *end, *step);
                            budget.pay(8 * picked.len())?;
                            next.extend(picked.into_iter().filter_map(|n| items.get(n)));
                        }
                    }
                    Step::All => match value {
                        Value::Array(items) => {
                            budget.pay(8 * items.len())?;
                            next.extend(items);
                        }
                        Value::Object(object) => {
                            budget.pay(8 * object.members.len())?;
                            next.extend(object.members.iter().map(|(_, value)| value));
                        }
                        _ => {}
                    },
                }
                budget.pay(4)?;
            }
            values = next;
        }
        Ok(match values.is_empty() {
            true => Found::Nothing,
            false => Found::Many(values),
        })
    }

    /// Whether this is `other`, or a place in it.
    pub(super) fn is_inside(&self, other: &Self) -> bool {
        self.steps.starts_with(&other.steps)
    }

    /// That a value at this path would not make the data nest too deep.
    pub(super) fn fits(&self, value: &Value<'_>) -> Result<(), ActionFault> {
        let most = MAX_JSON_DEPTH.saturating_sub(self.steps.len());
        match value.depth_within(most) {
            Some(_) => Ok(()),
            None => Err(ActionFault::value(format!(
                "the data would nest deeper than {MAX_JSON_DEPTH}"
            ))),
        }
    }

    /// Puts a value at this path, which means one place. Objects that are missing on the way are
    /// made; an item must be there, or be the next one of its array. Nothing is changed when this
    /// fails.
    pub(super) fn set<'a>(
        &self,
        root: &mut Value<'a>,
        value: Value<'a>,
        budget: &Budget,
    ) -> Result<(), ActionFault> {
        self.fits(&value)?;
        let mut place = root;
        let mut steps = self.steps.iter();
        while let Some(step) = steps.next() {
            match (step, &mut *place) {
                (Step::Member(name), Value::Object(object)) => {
                    budget.pay(object.members.len() / 4)?;
                    // Asked twice, as the borrow of what is found would outlive the other case.
                    if object
                        .get(name)
                        .is_none_or(|member| steps.len() > 0 && *member == Value::Null)
                        || steps.len() == 0
                    {
                        let value = build(steps.as_slice(), value)?;
                        object.set(String::from(&**name), value);
                        return Ok(());
                    }
                }
                (Step::Item(number), Value::Array(items)) => {
                    let at = position(items.len(), *number);
                    if at == Some(items.len()) {
                        let value = build(steps.as_slice(), value)?;
                        items.push(value);
                        return Ok(());
                    }
                    if at.is_none_or(|at| at > items.len()) {
                        return Err(ActionFault::value(format!(
                            "item {number} cannot be set in an array of {}",
                            items.len()
                        )));
                    }
                }
                (Step::Member(name), other) => {
                    let (name, kind) = (super::error::short(name), other.kind());
                    return Err(ActionFault::value(format!(
                        "\"{name}\" cannot be set in {kind}, only in an object"
                    )));
                }
                (_, other) => {
                    return Err(ActionFault::value(format!(
                        "an item cannot be set in {}, only in an array",
                        other.kind()
                    )));
                }
            }
            let next = match (step, place) {
                (Step::Member(name), Value::Object(object)) => object.get_mut(name),
                (Step::Item(number), Value::Array(items)) => {
                    position(items.len(), *number).and_then(|at| items.get_mut(at))
                }
                _ => None,
            };
            place = next.ok_or_else(|| ActionFault::value("the place to set is not there"))?;
        }
        *place = value;
        Ok(())
    }

    /// Takes out what is at this path, every place of it; answers whether anything was there.
    pub(super) fn delete(
        &self,
        root: &mut Value<'_>,
        budget: &Budget,
    ) -> Result<bool, ActionFault> {
        match self.steps.split_first() {
            None => {
                *root = Value::Object(Object::default());
                Ok(true)
            }
            Some((step, rest)) => Ok(delete(root, step, rest, budget)?),
        }
    }
}

/// The value inside the objects that the steps ask for.
fn build<'a>(steps: &[Step], value: Value<'a>) -> Result<Value<'a>, ActionFault> {
    steps
        .iter()
        .rev()
        .try_fold(value, |value, step| match step {
            Step::Member(name) => {
                let mut object = Object::default();
                object.set(String::from(&**name), value);
                Ok(Value::Object(object))
            }
            Step::Item(0) => Ok(Value::Array(vec![value])),
            _ => Err(ActionFault::value("an array on the way is missing")),
        })
}

/// Deletes `step` and what comes after it below `value`. As deep as a path has steps.
fn delete(
    value: &mut Value<'_>,
    step: &Step,
    rest: &[Step],
    budget: &Budget,
) -> Result<bool, Exhausted> {
    budget.pay(4)?;
    match (value, rest.split_first()) {
        (Value::Object(object), None) => {
            budget.pay(object.members.len() / 4)?;
            Ok(match step {
                Step::Member(name) => object.remove(name).is_some(),
                Step::All => !std::mem::take(&mut object.members).is_empty(),
                _ => false,
            })
        }
        (Value::Array(items), None) => delete_items(items, step, budget),
        (Value::Object(object), Some((next, rest))) => {
            budget.pay(object.members.len() / 4)?;
            let mut deleted = false;
            match step {
                Step::Member(name) => {
                    if let Some(member) = object.get_mut(name) {
                        deleted = delete(member, next, rest, budget)?;
                    }
                }
                Step::All => {
                    for (_, member) in &mut object.members {
                        deleted |= delete(member, next, rest, budget)?;
                    }
                }
                _ => {}
            }
            Ok(deleted)
        }
        (Value::Array(items), Some((next, rest))) => {
            let mut deleted = false;
            for at in places(items.len(), step) {
                if let Some(item) = items.get_mut(at) {
                    deleted |= delete(item, next, rest, budget)?;
                }
            }
            Ok(deleted)
        }
        _ => Ok(false),
    }
}

/// Deletes the items of an array that a step means.
fn delete_items(
    items: &mut Vec<Value<'_>>,
    step: &Step,
    budget: &Budget,
) -> Result<bool, Exhausted> {
    budget.pay(8 * items.len())?;
    let gone = places(items.len(), step);
    let mut kept = vec![true; items.len()];
    for at in &gone {
        if let Some(kept) = kept.get_mut(*at) {
            *kept = false;
        }
    }
    let mut kept = kept.into_iter();
    items.retain(|_| kept.next().unwrap_or(true));
    Ok(!gone.is_empty())
}

/// The items of an array of `len` that a step means.
fn places(len: usize, step: &Step) -> Vec<usize> {
    match step {
        Step::Item(number) => position(len, *number)
            .filter(|at| *at < len)
            .into_iter()
            .collect(),
        Step::Slice { start, end, step } => slice(len, *start, *end, *step),
        Step::All => (0..len).collect(),
        Step::Member(_) => Vec::new(),
    }
}

fn member<'v, 'a>(
    value: &'v Value<'a>,
    name: &str,
    budget: &Budget,
) -> Result<Option<&'v Value<'a>>, Exhausted> {
    let Value::Object(object) = value else {
        return Ok(None);
    };
    budget.pay(object.members.len() / 4)?;
    Ok(object.get(name))
}

fn item<'v, 'a>(value: &'v Value<'a>, number: i64) -> Option<&'v Value<'a>> {
    let Value::Array(items) = value else {
        return None;
    };
    items.get(position(items.len(), number)?)
}

/// A place counted from the beginning.
fn position(len: usize, number: i64) -> Option<usize> {
    match usize::try_from(number) {
        Ok(number) => Some(number),
        Err(_) => len.checked_sub(usize::try_from(number.unsigned_abs()).ok()?),
    }
}

/// The places of a slice, as Python has them.
fn slice(len: usize, start: Option<i64>, end: Option<i64>, step: i64) -> Vec<usize> {
    let length = i64::try_from(len).unwrap_or(i64::MAX);
    let clamp = |bound: i64, least: i64, most: i64| {
        let bound = if bound < 0 {
            bound.saturating_add(length)
        } else {
            bound
        };
        bound.clamp(least, most)
    };
    let mut places = Vec::new();
    if step > 0 {
        let mut at = start.map_or(0, |start| clamp(start, 0, length));
        let end = end.map_or(length, |end| clamp(end, 0, length));
        while at < end {
            places.extend(usize::try_from(at));
            at = at.saturating_add(step);
        }
    } else if step < 0 {
        let mut at = start.map_or(length - 1, |start| clamp(start, -1, length - 1));
        let end = end.map_or(-1, |end| clamp(end, -1, length - 1));
        while at > end {
            places.extend(usize::try_from(at));
            at = at.saturating_add(step);
        }
    }
    places
}

#[cfg(test)]
mod tests;
