//! The evaluation: each node pushes its values to a function it is given.

use std::{cell::Cell, rc::Rc};

use super::{
    node::{Definition, Node},
    paths::PathTo,
    stop::{Flow, Stop},
    value::J,
};
use crate::budget::Budget;

/// Work of one step, in units of the budget: about as many nanoseconds.
pub(super) const STEP_WORK: usize = 24;

/// Deepest recursion of an evaluation, in steps that are under way at once.
const MAX_DEPTH: usize = 160;

/// A value, and its path if somebody wants that.
#[derive(Debug, Clone)]
pub(super) struct At {
    pub(super) path: Option<PathTo>,
    pub(super) value: J,
}

impl At {
    /// A value without a path.
    pub(super) const fn value(value: J) -> Self {
        Self { path: None, value }
    }

    /// The same place, of which no path is wanted.
    pub(super) fn plain(&self) -> Self {
        Self::value(self.value.clone())
    }
}

/// Where the values of a node go.
pub(super) type Out<'o> = &'o mut dyn FnMut(At) -> Flow;

/// What names mean, the latest first.
pub(super) type Env<'p> = Option<Rc<Frame<'p>>>;

#[derive(Debug)]
pub(super) struct Frame<'p> {
    id: u32,
    pub(super) bound: Bound<'p>,
    next: Env<'p>,
}

#[derive(Debug)]
pub(super) enum Bound<'p> {
    Value(J),
    Closure(&'p Node, Env<'p>),
    Function(&'p Definition),
    Label(u64),
}

/// Names that mean one value.
pub(super) fn bind<'p>(id: u32, value: J) -> Env<'p> {
    with(id, Bound::Value(value), &None)
}

pub(super) fn with<'p>(id: u32, bound: Bound<'p>, next: &Env<'p>) -> Env<'p> {
    Some(Rc::new(Frame {
        id,
        bound,
        next: next.clone(),
    }))
}

/// An evaluation under way.
pub(super) struct Eval<'p> {
    globals: &'p [Definition],
    pub(super) budget: &'p Budget,
    pub(super) now_ms: i64,
    depth: Cell<usize>,
    labels: Cell<u64>,
}

impl<'p> Eval<'p> {
    pub(super) const fn new(globals: &'p [Definition], budget: &'p Budget, now_ms: i64) -> Self {
        Self {
            globals,
            budget,
            now_ms,
            depth: Cell::new(0),
            labels: Cell::new(0),
        }
    }

    /// Pushes the values of `node` for the input `at` to `out`.
    pub(super) fn eval(&self, node: &'p Node, env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        self.budget.pay(STEP_WORK)?;
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return Err(Stop::Budget);
        }
        self.depth.set(depth + 1);
        let flow = self.step(node, env, at, out);
        self.depth.set(depth);
        flow
    }

    fn step(&self, node: &'p Node, env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        match node {
            Node::Identity => out(at),
            Node::Pipe(sides) => self.pipe(sides, env, at, out),
            Node::Path(head, parts) => self.path(head, parts, env, at, out),
            Node::Comma(sides) => {
                let [left, right] = &**sides;
                self.eval(left, env, at.clone(), out)?;
                self.eval(right, env, at, out)
            }
            Node::If(branches, otherwise) => {
                self.choose(branches, otherwise.as_deref(), env, at, out)
            }
            Node::Bind(parts) => self.bind(parts, env, &at, out),
            Node::Alternative(sides) => self.alternative(sides, env, at, out),
            Node::Try(body, handler) => self.catch(body, handler.as_deref(), env, at, out),
            Node::Label(id, body) => self.label(*id, body, env, at, out),
            Node::Break(id) => Err(match find(env, *id).as_deref().map(|frame| &frame.bound) {
                Some(Bound::Label(label)) => Stop::Break(*label),
                _ => Stop::error("break without a label"),
            }),
            Node::Define(definitions, body) => {
                let mut env = env.clone();
                for definition in definitions {
                    env = with(definition.id, Bound::Function(definition), &env);
                }
                self.eval(body, &env, at, out)
            }
            Node::Call(id, arguments) => self.call(*id, arguments, env, at, out),
            Node::Global(number, arguments) => match self.globals.get(*number) {
                Some(function) => self.apply(function, &None, arguments, env, at, out),
                None => Ok(()),
            },
            Node::RecurseDefault => self.recurse_all(&at, out),
            Node::Native(native, arguments) => self.native(*native, arguments, env, at, out),
            Node::Reduce(fold) => self.reduce(fold, env, &at, out),
            Node::Foreach(fold) => self.foreach(fold, env, &at, out),
            other => self.make(other, env, &at, out),
        }
    }

    /// Pushes each value of `node`, without a path.
    pub(super) fn each(
        &self,
        node: &'p Node,
        env: &Env<'p>,
        input: &J,
        out: &mut dyn FnMut(J) -> Flow,
    ) -> Flow {
        self.eval(node, env, At::value(input.clone()), &mut |at| out(at.value))
    }

    /// All values of `node`.
    pub(super) fn values(&self, node: &'p Node, env: &Env<'p>, input: &J) -> Result<Vec<J>, Stop> {
        let mut values = Vec::new();
        self.each(node, env, input, &mut |value| {
            self.budget.pay(STEP_WORK)?;
            values.push(value);
            Ok(())
        })?;
        Ok(values)
    }

    /// The first value of `node`.
    pub(super) fn first(
        &self,
        node: &'p Node,
        env: &Env<'p>,
        input: &J,
    ) -> Result<Option<J>, Stop> {
        let mut first = None;
        let flow = self.each(node, env, input, &mut |value| {
            first = Some(value);
            Err(Stop::Enough)
        });
        match flow {
            Ok(()) | Err(Stop::Enough) => Ok(first),
            Err(stop) => Err(stop),
        }
    }

    /// Each pair of a value of the right side and one of the left, as jq has the order.
    pub(super) fn cross(
        &self,
        sides: &'p [Node; 2],
        env: &Env<'p>,
        input: &J,
        out: &mut dyn FnMut(J, J) -> Flow,
    ) -> Flow {
        let [left, right] = sides;
        self.each(right, env, input, &mut |right| {
            self.each(left, env, input, &mut |left| out(left, right.clone()))
        })
    }

    fn pipe(&self, sides: &'p [Node; 2], env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        let [left, right] = sides;
        self.eval(left, env, at, &mut |at| self.eval(right, env, at, out))
    }

    /// A label that nothing else has.
    pub(super) fn new_label(&self) -> u64 {
        let label = self.labels.get();
        self.labels.set(label + 1);
        label
    }
}

/// Pushes a value that is made, which can be no place. Null is one: an assignment makes what is
/// missing of it.
pub(super) fn made(at: &At, value: J, out: Out<'_>) -> Flow {
    let path = match (&at.path, &value) {
        (None, _) => None,
        (Some(_), J::Null) => Some(PathTo::root()),
        (Some(_), _) => return Err(Stop::error("an assignment needs a path on its left side")),
    };
    out(At { path, value })
}

pub(super) fn variable(id: u32, env: &Env<'_>, at: &At, out: Out<'_>) -> Flow {
    let frame = find(env, id);
    match frame.as_deref().map(|frame| &frame.bound) {
        Some(Bound::Value(value)) => made(at, value.clone(), out),
        _ => Err(Stop::error("a variable without a value")),
    }
}

pub(super) fn find<'p>(env: &Env<'p>, id: u32) -> Env<'p> {
    let mut frame = env.as_ref();
    while let Some(here) = frame {
        if here.id == id {
            return Some(Rc::clone(here));
        }
        frame = here.next.as_ref();
    }
    None
}
