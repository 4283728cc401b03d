//! Places in a value: read, set, deleted.

use std::rc::Rc;

use super::{
    operators::sort,
    stop::Stop,
    value::{J, put, told},
};
use crate::budget::Budget;

/// The way to a value, from its root.
#[derive(Debug, Clone)]
pub(super) struct PathTo(Option<Rc<Step>>);

#[derive(Debug)]
struct Step {
    before: PathTo,
    key: J,
}

impl PathTo {
    pub(super) const fn root() -> Self {
        Self(None)
    }

    pub(super) fn with(&self, key: J) -> Self {
        Self(Some(Rc::new(Step {
            before: self.clone(),
            key,
        })))
    }

    pub(super) fn keys(&self) -> Vec<J> {
        let (mut keys, mut path) = (Vec::new(), self);
        while let Some(step) = &path.0 {
            keys.push(step.key.clone());
            path = &step.before;
        }
        keys.reverse();
        keys
    }
}

/// Most keys of a path that is made, which bounds how deep they are followed.
const MAX_KEYS: usize = 127;

/// The keys of a path that is a value.
pub(super) fn keys(path: &J) -> Result<&[J], Stop> {
    match path {
        J::Arr(list) if list.items.len() <= MAX_KEYS => Ok(&list.items),
        J::Arr(_) => Err(Stop::error("a path is too long")),
        other => Err(Stop::error(format!(
            "a path is an array, not {}",
            told(other)
        ))),
    }
}

/// The key of a slice.
pub(super) fn slice_key(from: &J, to: &J) -> Result<J, Stop> {
    J::obj(vec![
        ("start".into(), from.clone()),
        ("end".into(), to.clone()),
    ])
}

/// The value at a key; null where nothing is.
pub(super) fn index(value: &J, key: &J, budget: &Budget) -> Result<J, Stop> {
    Ok(match (value, key) {
        (J::Null, J::Str(_) | J::Int(_) | J::Float(_) | J::Null) => J::Null,
        (J::Null, J::Obj(_)) => J::Null,
        (J::Obj(map), J::Str(name)) => {
            budget.pay(map.members.len() / 4)?;
            let found = map.members.iter().find(|(taken, _)| taken == name);
            found.map_or(J::Null, |(_, value)| value.clone())
        }
        (J::Arr(list), J::Int(_) | J::Float(_)) => {
            let at = position(list.items.len(), key);
            at.and_then(|at| list.items.get(at))
                .cloned()
                .unwrap_or(J::Null)
        }
        (J::Arr(list), J::Obj(_)) => {
            let (start, end) = bounds(list.items.len(), key, budget)?;
            budget.pay(16 * (end - start))?;
            J::arr(list.items.get(start..end).unwrap_or_default().to_vec())?
        }
        (J::Str(text), J::Obj(_)) => {
            budget.pay(2 * text.len())?;
            let (start, end) = bounds(text.chars().count(), key, budget)?;
            let part: String = text.chars().skip(start).take(end - start).collect();
            J::str(part)
        }
        (value, key) => {
            return Err(Stop::error(format!(
                "cannot index {} with {}",
                value.kind(),
                told(key)
            )));
        }
    })
}

/// A place counted from the beginning; it may be behind the end.
fn position(len: usize, key: &J) -> Option<usize> {
    let number = match key {
        J::Int(number) => *number,
        J::Float(number) if number.is_finite() => number.floor() as i64,
        _ => return None,
    };
    match usize::try_from(number) {
        Ok(number) => Some(number),
        Err(_) => len.checked_sub(usize::try_from(number.unsigned_abs()).ok()?),
    }
}

/// Where a slice begins and ends.
fn bounds(len: usize, key: &J, budget: &Budget) -> Result<(usize, usize), Stop> {
    let bound = |name: &str, default: usize, up: bool| {
        let bound = index(key, &J::str(name), budget)?;
        let number = match bound {
            J::Null => return Ok(default),
            J::Int(number) => number,
            J::Float(number) if up => number.ceil() as i64,
            J::Float(number) => number.floor() as i64,
            other => {
                return Err(Stop::error(format!("cannot slice with {}", told(&other))));
            }
        };
        Ok(match usize::try_from(number) {
            Ok(number) => number.min(len),
            Err(_) => {
                len.saturating_sub(usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX))
            }
        })
    };
    let (start, end) = (bound("start", 0, false)?, bound("end", len, true)?);
    Ok((start, end.max(start)))
}

/// The value at a path.
pub(super) fn get(value: &J, keys: &[J], budget: &Budget) -> Result<J, Stop> {
    keys.iter()
        .try_fold(value.clone(), |value, key| index(&value, key, budget))
}

/// What `update` makes of the value at a path; nothing deletes it. The value is changed where it is,
/// if nobody else holds it.
pub(super) fn update(
    value: J,
    keys: &[J],
    budget: &Budget,
    update_at: &mut dyn FnMut(J) -> Result<Option<J>, Stop>,
) -> Result<Option<J>, Stop> {
    budget.pay(16)?;
    let Some((key, rest)) = keys.split_first() else {
        return update_at(value);
    };
    let old = index(&value, key, budget)?;
    // The place is emptied first, so that what is in it is held only here.
    let (value, old) = match (&key, value) {
        (J::Str(_), J::Obj(map)) => {
            let mut map = own(map, budget)?;
            if let Some(slot) = slot(&mut map.members, key) {
                slot.1 = J::Null;
            }
            (J::Obj(Rc::new(map)), old)
        }
        (_, value) => (value, old),
    };
    match update(old, rest, budget, update_at)? {
        Some(new) => set(value, key, new, budget).map(Some),
        None => delete_key(value, key, budget).map(Some),
    }
}

fn slot<'m>(members: &'m mut [(Rc<str>, J)], key: &J) -> Option<&'m mut (Rc<str>, J)> {
    let J::Str(name) = key else { return None };
    members.iter_mut().find(|(taken, _)| taken == name)
}

/// What is in a shared value, copied and paid for if others hold it too.
fn own(map: Rc<super::value::Map>, budget: &Budget) -> Result<super::value::Map, Stop> {
    if Rc::strong_count(&map) > 1 {
        budget.pay(16 * map.members.len())?;
    }
    Ok(Rc::unwrap_or_clone(map))
}

fn own_items(list: Rc<super::value::List>, budget: &Budget) -> Result<Vec<J>, Stop> {
    if Rc::strong_count(&list) > 1 {
        budget.pay(16 * list.items.len())?;
    }
    // The depth is worked out again.
    budget.pay(list.items.len())?;
    Ok(Rc::unwrap_or_clone(list).items)
}

/// A value with another one at a key.
fn set(value: J, key: &J, new: J, budget: &Budget) -> Result<J, Stop> {
    match (value, key) {
        (J::Null, J::Str(name)) => J::obj(vec![(Rc::clone(name), new)]),
        (J::Obj(map), J::Str(name)) => {
            let mut members = own(map, budget)?.members;
            budget.pay(members.len())?;
            put(&mut members, Rc::clone(name), new, budget)?;
            J::obj(members)
        }
        (value @ (J::Null | J::Arr(_)), J::Int(_) | J::Float(_)) => {
            let mut items = match value {
                J::Arr(list) => own_items(list, budget)?,
                _ => Vec::new(),
            };
            let at = position(items.len(), key)
                .ok_or_else(|| Stop::error("an index is before the beginning of the array"))?;
            if at >= items.len() {
                budget.pay(16 * (at - items.len() + 1))?;
                items.resize(at + 1, J::Null);
            }
            if let Some(slot) = items.get_mut(at) {
                *slot = new;
            }
            J::arr(items)
        }
        (value @ (J::Null | J::Arr(_)), J::Obj(_)) => {
            let mut items = match value {
                J::Arr(list) => own_items(list, budget)?,
                _ => Vec::new(),
            };
            let J::Arr(new) = new else {
                return Err(Stop::error("a slice can only be set to an array"));
            };
            let (start, end) = bounds(items.len(), key, budget)?;
            budget.pay(16 * (items.len() + new.items.len()))?;
            items.splice(start..end, new.items.iter().cloned());
            J::arr(items)
        }
        (value, key) => Err(Stop::error(format!(
            "cannot set {} in {}",
            told(key),
            value.kind()
        ))),
    }
}

/// A value without what is at a key.
fn delete_key(value: J, key: &J, budget: &Budget) -> Result<J, Stop> {
    match (value, key) {
        (J::Null, _) => Ok(J::Null),
        (J::Obj(map), J::Str(name)) => {
            let mut members = own(map, budget)?.members;
            budget.pay(members.len())?;
            members.retain(|(taken, _)| taken != name);
            J::obj(members)
        }
        (J::Arr(list), J::Int(_) | J::Float(_)) => {
            let mut items = own_items(list, budget)?;
            budget.pay(items.len())?;
            if let Some(at) = position(items.len(), key).filter(|at| *at < items.len()) {
                items.remove(at);
            }
            J::arr(items)
        }
        (J::Arr(list), J::Obj(_)) => {
            let mut items = own_items(list, budget)?;
            let (start, end) = bounds(items.len(), key, budget)?;
            budget.pay(items.len())?;
            items.drain(start..end);
            J::arr(items)
        }
        (value, key) => Err(Stop::error(format!(
            "cannot delete {} from {}",
            told(key),
            value.kind()
        ))),
    }
}

/// A value without what is at these paths.
pub(super) fn delete(value: J, paths: &[J], budget: &Budget) -> Result<J, Stop> {
    // From the end, so that what is deleted moves nothing that is deleted later.
    let sorted = sort(paths.to_vec(), &|a: &J, b: &J| b.order(a, budget))?;
    let mut value = value;
    for path in sorted {
        let keys = keys(&path)?;
        value = match keys.split_last() {
            None => return Ok(J::Null),
            Some((last, before)) => {
                let inner = get(&value, before, budget)?;
                if matches!(inner, J::Null) {
                    continue;
                }
                drop(inner);
                let changed = update(value, before, budget, &mut |inner| {
                    delete_key(inner, last, budget).map(Some)
                })?;
                changed.unwrap_or(J::Null)
            }
        };
    }
    Ok(value)
}
