//! Evaluation of a program over an event.
//!
//! An error ends the evaluation, unless `&&`, `||`, `all` or `exists` have another term that
//! decides. A budget that is used up ends everything.

use std::borrow::Cow;

use super::{
    arithmetic::arithmetic,
    ast::{BinaryOp, Literal},
    compare::{copy, equal, items, json, lookup, member, order},
    convert,
    error::Fault,
    functions::CelFunction,
    program::{Comprehension, Macro, Node, NodeKind},
    value::{Kind, Value},
};
use crate::{
    EventView,
    budget::Budget,
    json::{JsonKind, JsonPath},
};

/// Work that an item of a new list or map costs, for the memory it takes.
const ITEM_COST: usize = size_of::<Value<'static>>();

/// One evaluation.
pub(super) struct Run<'a, 'e> {
    view: &'a EventView<'e>,
    budget: &'a Budget,
    variables: Vec<Value<'a>>,
    /// Where the last error came from.
    pub(super) at: usize,
}

type Outcome<'a> = Result<Value<'a>, Fault>;

impl<'a, 'e: 'a> Run<'a, 'e> {
    pub(super) fn new(view: &'a EventView<'e>, budget: &'a Budget) -> Self {
        Self {
            view,
            budget,
            variables: Vec::new(),
            at: 0,
        }
    }

    /// Whether a condition holds.
    pub(super) fn holds(&mut self, node: &'a Node) -> Result<bool, Fault> {
        match self.value(node)? {
            Value::Bool(value) => Ok(value),
            _ => Err(self.fault(node, Fault::Types)),
        }
    }

    fn value(&mut self, node: &'a Node) -> Outcome<'a> {
        let value = self.budget.pay(0).map_err(Fault::from);
        value
            .and_then(|()| self.step(node))
            .map_err(|fault| self.fault(node, fault))
    }

    /// Remembers the innermost node that erred.
    fn fault(&mut self, node: &'a Node, fault: Fault) -> Fault {
        if self.at == 0 {
            self.at = node.at + 1;
        }
        fault
    }

    fn step(&mut self, node: &'a Node) -> Outcome<'a> {
        match &node.kind {
            NodeKind::Member(operand, name) => {
                let operand = self.value(operand)?;
                self.member(&operand, name)?.ok_or(Fault::Missing)
            }
            NodeKind::HasMember(operand, name) => {
                let operand = self.value(operand)?;
                Ok(Value::Bool(self.member(&operand, name)?.is_some()))
            }
            NodeKind::Index(pair) => {
                let [operand, key] = &**pair;
                let (operand, key) = (self.value(operand)?, self.value(key)?);
                self.index(&operand, &key)
            }
            NodeKind::Call(function, arguments) => self.call(function, arguments),
            NodeKind::Matches(text, pattern, cost) => {
                let Value::Text(text) = self.value(text)? else {
                    return Err(Fault::Types);
                };
                self.budget.pay(text.len().saturating_mul(*cost))?;
                Ok(Value::Bool(pattern.is_match(&text)))
            }
            NodeKind::List(nodes) => self.list(nodes),
            NodeKind::Map(entries) => self.map(entries),
            NodeKind::Not(inner) => Ok(Value::Bool(!self.holds(inner)?)),
            NodeKind::Negate(inner) => match self.value(inner)? {
                Value::Int(number) => number.checked_neg().map(Value::Int).ok_or(Fault::Math),
                Value::Double(number) => Ok(Value::Double(-number)),
                _ => Err(Fault::Types),
            },
            NodeKind::Or(terms) => self.decide(terms, true),
            NodeKind::And(terms) => self.decide(terms, false),
            NodeKind::Binary(op, sides) => {
                let [left, right] = &**sides;
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.binary(*op, left, right)
            }
            NodeKind::Conditional(parts) => {
                let [condition, then, otherwise] = &**parts;
                let chosen = if self.holds(condition)? {
                    then
                } else {
                    otherwise
                };
                self.value(chosen)
            }
            NodeKind::Comprehension(comprehension) => self.comprehension(comprehension),
            _ => self.leaf(node),
        }
    }

    /// What has nothing inside it.
    fn leaf(&mut self, node: &'a Node) -> Outcome<'a> {
        match &node.kind {
            NodeKind::Literal(literal) => Ok(of_literal(literal)),
            NodeKind::Type(kind) => Ok(Value::Type(*kind)),
            NodeKind::Attribute(name) => {
                let attribute = self.view.event().attribute(name).ok_or(Fault::Missing)?;
                Ok(Value::of_attribute(attribute))
            }
            NodeKind::HasAttribute(name) => {
                Ok(Value::Bool(self.view.event().attribute(name).is_some()))
            }
            NodeKind::Data => json(self.view.json_root().ok_or(Fault::NoJson)?, self.budget),
            NodeKind::HasData => Ok(Value::Bool(self.view.json_root().is_some())),
            NodeKind::Reference(path, kind) => self.reference(path, *kind),
            NodeKind::Variable(number) => {
                let value = self.variables.get(*number).ok_or(Fault::Missing)?;
                copy(value, self.budget)
            }
            // Everything else has been taken before.
            _ => Err(Fault::Types),
        }
    }

    fn list(&mut self, nodes: &'a [Node]) -> Outcome<'a> {
        let mut list = Vec::new();
        for node in nodes {
            self.budget.pay(ITEM_COST)?;
            list.push(self.value(node)?);
        }
        Value::list(list)
    }

    /// `decisive` if a term is that, whatever the others are; else the first error, if any.
    fn decide(&mut self, terms: &'a [Node], decisive: bool) -> Outcome<'a> {
        let mut error = None;
        for term in terms {
            match self.holds(term) {
                Ok(value) if value == decisive => {
                    self.at = 0;
                    return Ok(Value::Bool(decisive));
                }
                Ok(_) => {}
                Err(Fault::Budget) => return Err(Fault::Budget),
                Err(fault) => error = error.or(Some(fault)),
            }
        }
        error.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    /// A value of the data as the type that is asked for, as far as that can be made of it.
    fn reference(&mut self, path: &JsonPath, kind: Kind) -> Outcome<'a> {
        // Steps through arrays and objects look at what they pass, whether or not there is a value.
        let mut work = 0;
        let found = self.view.json_counting(path, &mut work);
        self.budget.pay(work)?;
        let found = found.ok_or(match self.view.json_root() {
            Some(_) => Fault::Missing,
            None => Fault::NoJson,
        })?;
        let written = found.written();
        self.budget.pay(written.len())?;
        let text = match found.kind() {
            JsonKind::Null => return Err(Fault::Missing),
            JsonKind::Array | JsonKind::Object => return Err(Fault::Types),
            JsonKind::Boolean | JsonKind::Number | JsonKind::String => found.text(),
        };
        let is_number = found.kind() == JsonKind::Number;
        let text = text.ok_or(Fault::Missing)?;
        let value = match kind {
            Kind::Text => return Ok(Value::Text(text)),
            Kind::Int | Kind::Uint if is_number => match (text.parse(), text.parse()) {
                (Ok(number), _) => Value::Int(number),
                (_, Ok(number)) => Value::Uint(number),
                _ => Value::Double(text.parse().map_err(|_| Fault::Convert)?),
            },
            Kind::Bool if is_number => return Err(Fault::Types),
            _ if found.kind() == JsonKind::Boolean && kind != Kind::Bool => {
                return Err(Fault::Types);
            }
            _ => Value::Text(text),
        };
        match kind {
            Kind::Int => convert::int(&value, self.budget),
            Kind::Uint => convert::uint(&value, self.budget),
            Kind::Double => convert::double(&value, self.budget),
            _ => convert::bool(&value),
        }
    }

    fn member(&mut self, operand: &Value<'a>, name: &str) -> Result<Option<Value<'a>>, Fault> {
        match operand {
            Value::Json(node) if node.value().kind() == JsonKind::Object => {
                member(node, name, self.budget)
            }
            Value::Map(entries) => {
                let wanted = |(key, _): &&(Value<'a>, Value<'a>)| matches!(key, Value::Text(key) if key == name);
                self.budget.pay(entries.len())?;
                let found = entries.iter().find(wanted);
                found.map(|(_, value)| copy(value, self.budget)).transpose()
            }
            _ => Err(Fault::Types),
        }
    }

    fn index(&mut self, operand: &Value<'a>, key: &Value<'a>) -> Outcome<'a> {
        if operand.kind() == Kind::Map {
            return lookup(operand, key, self.budget)?.ok_or(Fault::Missing);
        }
        let number = match key {
            Value::Int(number) => u32::try_from(*number).ok(),
            Value::Uint(number) => u32::try_from(*number).ok(),
            _ => return Err(Fault::Types),
        };
        let number = number.ok_or(Fault::Missing)?;
        match operand {
            Value::List(list) => {
                let item = list.get(number as usize).ok_or(Fault::Missing)?;
                copy(item, self.budget)
            }
            Value::Json(node) => {
                // An item takes two bytes at least.
                let steps = (number as usize).min(node.value().written().len() / 2);
                self.budget.pay(steps)?;
                json(node.item(number).ok_or(Fault::Missing)?, self.budget)
            }
            _ => Err(Fault::Types),
        }
    }

    fn call(&mut self, function: &'static CelFunction, arguments: &'a [Node]) -> Outcome<'a> {
        // No function takes more than two.
        match arguments {
            [only] => (function.run)(&[self.value(only)?], self.budget),
            [first, second] => {
                let values = [self.value(first)?, self.value(second)?];
                (function.run)(&values, self.budget)
            }
            _ => Err(Fault::Types),
        }
    }

    fn map(&mut self, entries: &'a [(Node, Node)]) -> Outcome<'a> {
        let mut map: Vec<(Value<'a>, Value<'a>)> = Vec::new();
        for (key, value) in entries {
            self.budget.pay(2 * ITEM_COST)?;
            let (key, value) = (self.value(key)?, self.value(value)?);
            if !matches!(key.kind(), Kind::Bool | Kind::Int | Kind::Uint | Kind::Text) {
                return Err(Fault::Types);
            }
            for (known, _) in &map {
                // The same key twice is an error of CEL.
                if equal(known, &key, self.budget)? {
                    return Err(Fault::Types);
                }
            }
            map.push((key, value));
        }
        Value::map(map)
    }

    fn binary(&mut self, op: BinaryOp, left: Value<'a>, right: Value<'a>) -> Outcome<'a> {
        let ordered = |wanted: fn(std::cmp::Ordering) -> bool| {
            let order = order(&left, &right, self.budget)?;
            Ok(Value::Bool(order.is_some_and(wanted)))
        };
        match op {
            BinaryOp::Equal => Ok(Value::Bool(equal(&left, &right, self.budget)?)),
            BinaryOp::NotEqual => Ok(Value::Bool(!equal(&left, &right, self.budget)?)),
            BinaryOp::Less => ordered(std::cmp::Ordering::is_lt),
            BinaryOp::LessOrEqual => ordered(std::cmp::Ordering::is_le),
            BinaryOp::Greater => ordered(std::cmp::Ordering::is_gt),
            BinaryOp::GreaterOrEqual => ordered(std::cmp::Ordering::is_ge),
            BinaryOp::In if right.kind() == Kind::Map => {
                Ok(Value::Bool(lookup(&right, &left, self.budget)?.is_some()))
            }
            BinaryOp::In if right.kind() == Kind::List => {
                for item in items(&right, self.budget) {
                    if equal(&item?, &left, self.budget)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            BinaryOp::In => Err(Fault::Types),
            _ => arithmetic(op, left, right, self.budget),
        }
    }

    fn comprehension(&mut self, comprehension: &'a Comprehension) -> Outcome<'a> {
        let over = self.value(&comprehension.over)?;
        if !matches!(over.kind(), Kind::List | Kind::Map) {
            return Err(Fault::Types);
        }
        let mut gathered = Gathered::default();
        let budget = self.budget;
        for item in items(&over, budget) {
            let item = item?;
            let kept = match comprehension.what {
                Macro::Filter => Some(copy(&item, budget)?),
                _ => None,
            };
            self.variables.truncate(comprehension.variable);
            self.variables.push(item);
            let decided = self.item(comprehension, kept, &mut gathered);
            self.variables.truncate(comprehension.variable);
            if let Some(decided) = decided? {
                self.at = 0;
                return Ok(Value::Bool(decided));
            }
        }
        match (comprehension.what, gathered.error) {
            (_, Some(fault)) => Err(fault),
            (Macro::All, _) => Ok(Value::Bool(true)),
            (Macro::Exists, _) => Ok(Value::Bool(false)),
            (Macro::ExistsOne, _) => Ok(Value::Bool(gathered.count == 1)),
            (Macro::Filter | Macro::Map, _) => Value::list(gathered.list),
        }
    }

    /// Takes in one item; answers the value of the whole if that is decided.
    fn item(
        &mut self,
        comprehension: &'a Comprehension,
        kept: Option<Value<'a>>,
        gathered: &mut Gathered<'a>,
    ) -> Result<Option<bool>, Fault> {
        let body = &comprehension.body;
        match comprehension.what {
            Macro::All | Macro::Exists => {
                let decisive = comprehension.what == Macro::Exists;
                match self.holds(body) {
                    Ok(value) if value == decisive => return Ok(Some(decisive)),
                    Ok(_) => {}
                    Err(Fault::Budget) => return Err(Fault::Budget),
                    Err(fault) => gathered.error = gathered.error.or(Some(fault)),
                }
            }
            Macro::ExistsOne => gathered.count += u64::from(self.holds(body)?),
            Macro::Filter => {
                if self.holds(body)? {
                    self.budget.pay(ITEM_COST)?;
                    gathered.list.extend(kept);
                }
            }
            Macro::Map => {
                let made = match &comprehension.made {
                    None => Some(body),
                    Some(made) => self.holds(body)?.then_some(made),
                };
                if let Some(made) = made {
                    self.budget.pay(ITEM_COST)?;
                    let made = self.value(made)?;
                    gathered.list.push(made);
                }
            }
        }
        Ok(None)
    }
}

/// What a comprehension has found so far.
#[derive(Default)]
struct Gathered<'a> {
    error: Option<Fault>,
    count: u64,
    list: Vec<Value<'a>>,
}

fn of_literal(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::Text(text) => Value::Text(Cow::Borrowed(text)),
        Literal::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
    }
}
