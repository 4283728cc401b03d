//! Operators, assignments, and the order of values.

use std::{cmp::Ordering, rc::Rc};

use super::{
    eval::{At, Env, Eval},
    node::{Compare, Math, Node},
    paths::{self, PathTo},
    stop::{Flow, Stop},
    value::{J, put, told, whole},
};
use crate::budget::Budget;

pub(super) fn negate(value: &J) -> Result<J, Stop> {
    match value {
        J::Int(number) => Ok(number
            .checked_neg()
            .map_or(J::Float(-(*number as f64)), J::Int)),
        J::Float(number) => Ok(J::Float(-number)),
        other => Err(Stop::error(format!("{} cannot be negated", told(other)))),
    }
}

pub(super) fn compare(op: Compare, left: &J, right: &J, budget: &Budget) -> Result<bool, Stop> {
    let order = left.order(right, budget)?;
    Ok(match op {
        Compare::Less => order.is_lt(),
        Compare::LessOrEqual => order.is_le(),
        Compare::Greater => order.is_gt(),
        Compare::GreaterOrEqual => order.is_ge(),
        Compare::Equal => order.is_eq(),
        Compare::NotEqual => order.is_ne(),
    })
}

pub(super) fn math(op: Math, left: &J, right: &J, budget: &Budget) -> Result<J, Stop> {
    if let (Some(a), Some(b)) = (left.float(), right.float()) {
        return numbers(op, left, right, a, b);
    }
    match (op, left, right) {
        (Math::Add, J::Null, other) | (Math::Add, other, J::Null) => Ok(other.clone()),
        (Math::Add, J::Str(a), J::Str(b)) => {
            budget.pay(a.len() + b.len())?;
            Ok(J::str([&**a, &**b].concat()))
        }
        (Math::Add, J::Arr(a), J::Arr(b)) => {
            budget.pay(16 * (a.items.len() + b.items.len()))?;
            J::arr([a.items.as_slice(), &b.items].concat())
        }
        (Math::Add, J::Obj(a), J::Obj(b)) => {
            budget.pay(16 * (a.members.len() + b.members.len()))?;
            let mut members = a.members.clone();
            for (name, value) in &b.members {
                put(&mut members, Rc::clone(name), value.clone(), budget)?;
            }
            J::obj(members)
        }
        (Math::Sub, J::Arr(a), J::Arr(b)) => {
            let mut kept = Vec::new();
            for item in &a.items {
                let mut taken = false;
                for other in &b.items {
                    taken = taken || item.order(other, budget)?.is_eq();
                }
                if !taken {
                    budget.pay(16)?;
                    kept.push(item.clone());
                }
            }
            J::arr(kept)
        }
        (Math::Mul, J::Obj(a), J::Obj(_)) => merge(J::Obj(Rc::clone(a)), right, budget),
        (Math::Mul, J::Str(text), number) | (Math::Mul, number, J::Str(text)) => {
            let Some(times) = number.float() else {
                return Err(wrong(op, left, right));
            };
            if times <= 0.0 {
                return Ok(J::Null);
            }
            // What does not fit the budget is refused before it is made.
            let times = times.ceil() as usize;
            budget.pay(text.len().saturating_mul(times))?;
            Ok(J::str(text.repeat(times)))
        }
        (Math::Div, J::Str(text), J::Str(separator)) => {
            super::strings::split(text, separator, budget)
        }
        _ => Err(wrong(op, left, right)),
    }
}

fn numbers(op: Math, left: &J, right: &J, a: f64, b: f64) -> Result<J, Stop> {
    if let (J::Int(a), J::Int(b)) = (left, right) {
        let exact = match op {
            Math::Add => a.checked_add(*b),
            Math::Sub => a.checked_sub(*b),
            Math::Mul => a.checked_mul(*b),
            Math::Div if *b != 0 && a.checked_rem(*b) == Some(0) => a.checked_div(*b),
            Math::Div | Math::Rem => None,
        };
        if let Some(exact) = exact {
            return Ok(J::Int(exact));
        }
    }
    Ok(match op {
        Math::Add => J::Float(a + b),
        Math::Sub => J::Float(a - b),
        Math::Mul => J::Float(a * b),
        Math::Div if b == 0.0 => return Err(Stop::error("a division by zero")),
        Math::Div => whole(a / b),
        Math::Rem => {
            let (a, b) = (a as i64, b as i64);
            if b == 0 {
                return Err(Stop::error("a division by zero"));
            }
            J::Int(a.checked_rem(b.wrapping_abs().max(1)).unwrap_or(0))
        }
    })
}

/// Objects one in the other, as `*` does. As deep as values nest.
fn merge(left: J, right: &J, budget: &Budget) -> Result<J, Stop> {
    budget.pay(8)?;
    match (left, right) {
        (J::Obj(a), J::Obj(b)) => {
            budget.pay(16 * (a.members.len() + b.members.len()))?;
            let mut members = a.members.clone();
            for (name, value) in &b.members {
                let old = members.iter().find(|(taken, _)| taken == name);
                let merged = match old {
                    Some((_, old)) => merge(old.clone(), value, budget)?,
                    None => value.clone(),
                };
                put(&mut members, Rc::clone(name), merged, budget)?;
            }
            J::obj(members)
        }
        (_, right) => Ok(right.clone()),
    }
}

fn wrong(op: Math, left: &J, right: &J) -> Stop {
    let what = match op {
        Math::Add => "added",
        Math::Sub => "subtracted",
        Math::Mul => "multiplied",
        Math::Div | Math::Rem => "divided",
    };
    Stop::error(format!(
        "{} and {} cannot be {what}",
        told(left),
        told(right)
    ))
}

impl<'p> Eval<'p> {
    /// Assignments: what the left side says where, changed.
    pub(super) fn assign(
        &self,
        node: &'p Node,
        env: &Env<'p>,
        input: &J,
        out: &mut dyn FnMut(J) -> Flow,
    ) -> Flow {
        match node {
            Node::Assign(sides) => {
                let [left, right] = &**sides;
                self.each(right, env, input, &mut |new| {
                    out(self.change(left, env, input, &mut |_| Ok(Some(new.clone())))?)
                })
            }
            Node::Update(sides) => {
                let [left, right] = &**sides;
                out(self.change(left, env, input, &mut |old| self.first(right, env, &old))?)
            }
            Node::UpdateMath(op, sides) => {
                let [left, right] = &**sides;
                self.each(right, env, input, &mut |by| {
                    out(self.change(left, env, input, &mut |old| {
                        math(*op, &old, &by, self.budget).map(Some)
                    })?)
                })
            }
            Node::UpdateAlternative(sides) => {
                let [left, right] = &**sides;
                self.each(right, env, input, &mut |by| {
                    out(self.change(left, env, input, &mut |old| {
                        Ok(Some(if old.is_true() { old } else { by.clone() }))
                    })?)
                })
            }
            _ => Ok(()),
        }
    }

    /// Changes every place that `left` says.
    fn change(
        &self,
        left: &'p Node,
        env: &Env<'p>,
        input: &J,
        change: &mut dyn FnMut(J) -> Result<Option<J>, Stop>,
    ) -> Result<J, Stop> {
        let mut value = input.clone();
        let mut gone = Vec::new();
        for keys in self.paths(left, env, input)? {
            let mut deleted = false;
            let changed = paths::update(value, &keys, self.budget, &mut |old| {
                let new = change(old.clone())?;
                deleted = new.is_none();
                // Deleted later, so that the other paths stay right.
                Ok(Some(new.unwrap_or(old)))
            })?;
            value = changed.unwrap_or(J::Null);
            if deleted {
                gone.push(J::arr(keys)?);
            }
        }
        paths::delete(value, &gone, self.budget)
    }

    /// The paths that a node says.
    pub(super) fn paths(
        &self,
        node: &'p Node,
        env: &Env<'p>,
        input: &J,
    ) -> Result<Vec<Vec<J>>, Stop> {
        let mut found = Vec::new();
        let at = At {
            path: Some(PathTo::root()),
            value: input.clone(),
        };
        self.eval(node, env, at, &mut |at| {
            let keys = at.path.map(|path| path.keys()).unwrap_or_default();
            self.budget.pay(32 + 16 * keys.len())?;
            found.push(keys);
            Ok(())
        })?;
        Ok(found)
    }
}

/// Sorts, equal items in the order they have. The order can fail, which a sort of the standard
/// library cannot be told.
pub(super) fn sort<T: Clone, E>(
    mut items: Vec<T>,
    order: &dyn Fn(&T, &T) -> Result<Ordering, E>,
) -> Result<Vec<T>, E> {
    let mut width = 1;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for pair in items.chunks(2 * width) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
            while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
                let next = match order(a, b)?.is_le() {
                    true => left.next(),
                    false => right.next(),
                };
                merged.extend(next.cloned());
            }
            merged.extend(left.cloned());
            merged.extend(right.cloned());
        }
        items = merged;
        width *= 2;
    }
    Ok(items)
}
