//! jq expressions: read with jaq's parser, evaluated here, within the budget of the run.
//!
//! Evaluators of jq have no budget: `[range(1e9)]`, `def f: f; f` or `"x" * 1e9` would take a worker
//! with it. This one pays for every step, item and byte; recursion has a bound of its own. What it
//! knows is listed in `prelude`; there are no modules, no input, no environment and no clock but the
//! time of the run.
//!
//! An expression pushes its values to whoever asked (`eval`, and for the kinds of nodes `making`,
//! `flow`, `calls`, `places`), together with their paths where an assignment wants these (`paths`).

mod calls;
mod eval;
mod flow;
mod lower;
mod making;
mod natives;
mod node;
mod operators;
mod parse;
mod paths;
mod places;
mod prelude;
mod stop;
mod strings;
mod value;

use std::rc::Rc;

pub use self::prelude::JQ_FUNCTIONS;
use self::{
    eval::{At, Eval},
    lower::Lower,
    node::{Definition, Node},
    stop::Stop,
    value::J,
};
use super::{error::ActionFault, value::Value};
use crate::{Position, budget::Budget};

/// An expression, compiled.
#[derive(Debug, Clone)]
pub(super) struct Jq {
    root: Node,
    /// The functions of the prelude it uses.
    globals: Box<[Definition]>,
    /// The variable with the attributes.
    event: u32,
}

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JqMistake {
    pub(super) at: Position,
    pub(super) what: String,
}

impl Jq {
    /// Compiles an expression.
    pub(super) fn compile(text: &str) -> Result<Self, JqMistake> {
        let term = parse::term(text)?;
        let mut lower = Lower::new(text);
        let event = lower.variable("$event");
        let root = lower.term(&term)?;
        Ok(Self {
            root,
            globals: lower.globals.into_iter().flatten().collect(),
            event,
        })
    }

    /// The only value of the expression, of `data`.
    pub(super) fn run<'a>(
        &self,
        data: &Value<'_>,
        attributes: &[(&str, Value<'_>)],
        now_ms: i64,
        budget: &Budget,
    ) -> Result<Value<'a>, ActionFault> {
        let values = self.values(data, attributes, now_ms, budget);
        let values = values.map_err(|stop| match stop {
            Stop::Error(J::Str(text)) => ActionFault::value(super::error::start_of(&text, 200)),
            Stop::Error(other) => ActionFault::value(value::told(&other)),
            Stop::Break(_) | Stop::Enough => ActionFault::value("break without a label"),
            Stop::Budget => ActionFault::Budget,
        })?;
        match values.as_slice() {
            [value] => Ok(value.to_value(budget)?),
            [] => Err(ActionFault::value("the expression gives no value")),
            _ => Err(ActionFault::value(
                "the expression gives more than one value; write [ ] around it for an array",
            )),
        }
    }

    /// At most two values of the expression.
    fn values(
        &self,
        data: &Value<'_>,
        attributes: &[(&str, Value<'_>)],
        now_ms: i64,
        budget: &Budget,
    ) -> Result<Vec<J>, Stop> {
        let mut event = Vec::with_capacity(attributes.len());
        for (name, value) in attributes {
            event.push((Rc::from(*name), J::from_value(value, budget)?));
        }
        let eval = Eval::new(&self.globals, budget, now_ms);
        let env = eval::bind(self.event, J::obj(event)?);
        let data = J::from_value(data, budget)?;
        let mut values = Vec::new();
        let flow = eval.eval(&self.root, &env, At::value(data), &mut |at| {
            values.push(at.value);
            match values.len() {
                0 | 1 => Ok(()),
                _ => Err(Stop::Enough),
            }
        });
        match flow {
            Ok(()) | Err(Stop::Enough) => Ok(values),
            Err(stop) => Err(stop),
        }
    }
}

#[cfg(test)]
mod tests;
