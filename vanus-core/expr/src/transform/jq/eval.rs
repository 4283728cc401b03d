//! The evaluation: each node pushes its values to a function it is given.

use std::{cell::Cell, rc::Rc};

use super::{
    node::{Definition, Fold, Native, Node, Part, Pattern, Piece},
    operators,
    paths::{self, PathTo},
    stop::{Flow, Stop},
    strings,
    value::{J, put},
};
use crate::budget::Budget;

/// Work of one step, in units of the budget: about as many nanoseconds.
const STEP_WORK: usize = 24;

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
    fn plain(&self) -> Self {
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
    bound: Bound<'p>,
    next: Env<'p>,
}

#[derive(Debug)]
enum Bound<'p> {
    Value(J),
    Closure(&'p Node, Env<'p>),
    Function(&'p Definition),
    Label(u64),
}

/// Names that mean one value.
pub(super) fn bind<'p>(id: u32, value: J) -> Env<'p> {
    with(id, Bound::Value(value), &None)
}

fn with<'p>(id: u32, bound: Bound<'p>, next: &Env<'p>) -> Env<'p> {
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
            Node::Bind(parts) => self.bind(parts, env, at, out),
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
            Node::RecurseDefault => self.recurse_all(at, out),
            Node::Native(native, arguments) => self.native(*native, arguments, env, at, out),
            Node::Reduce(fold) => self.reduce(fold, env, at, out),
            Node::Foreach(fold) => self.foreach(fold, env, at, out),
            other => self.make(other, env, at, out),
        }
    }

    /// Nodes whose values are made, and so have no path. Each has a function of its own: what is on
    /// the stack when they nest is what limits how deep they may.
    fn make(&self, node: &'p Node, env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        match node {
            Node::Null => made(&at, J::Null, out),
            Node::Bool(value) => made(&at, J::Bool(*value), out),
            Node::Int(number) => made(&at, J::Int(*number), out),
            Node::Float(number) => made(&at, J::Float(*number), out),
            Node::Str(text) => self.text(text, &at, out),
            Node::Variable(id) => variable(*id, env, &at, out),
            Node::Interpolated(format, pieces) => self.string(*format, pieces, env, &at, out),
            Node::Array(inner) => self.array(inner.as_deref(), env, &at, out),
            Node::Object(members) => {
                self.object(members, env, &at.value, Vec::new(), &mut |value| {
                    made(&at, value, out)
                })
            }
            Node::Negate(inner) => self.each(inner, env, &at.value, &mut |value| {
                made(&at, operators::negate(&value)?, out)
            }),
            Node::Math(op, sides) => self.cross(sides, env, &at.value, &mut |left, right| {
                made(&at, operators::math(*op, &left, &right, self.budget)?, out)
            }),
            Node::Compare(op, sides) => self.cross(sides, env, &at.value, &mut |left, right| {
                let holds = operators::compare(*op, &left, &right, self.budget)?;
                made(&at, J::Bool(holds), out)
            }),
            Node::And(sides) => self.logic(sides, false, env, &at, out),
            Node::Or(sides) => self.logic(sides, true, env, &at, out),
            Node::Assign(_)
            | Node::Update(_)
            | Node::UpdateMath(..)
            | Node::UpdateAlternative(_) => {
                self.assign(node, env, &at.value, &mut |value| made(&at, value, out))
            }
            Node::Match(kind, regex, cost, new) => {
                self.matching((*kind, regex, *cost), new.as_deref(), env, &at, out)
            }
            // All others are in `step`.
            _ => Ok(()),
        }
    }

    fn text(&self, text: &str, at: &At, out: Out<'_>) -> Flow {
        self.budget.pay(text.len())?;
        made(at, J::str(text), out)
    }

    fn array(&self, inner: Option<&'p Node>, env: &Env<'p>, at: &At, out: Out<'_>) -> Flow {
        let items = match inner {
            None => Vec::new(),
            Some(inner) => self.values(inner, env, &at.value)?,
        };
        made(at, J::arr(items)?, out)
    }

    fn string(
        &self,
        format: super::node::Format,
        pieces: &'p [Piece],
        env: &Env<'p>,
        at: &At,
        out: Out<'_>,
    ) -> Flow {
        let mut texts = vec![String::new()];
        for piece in pieces {
            texts = self.interpolate(texts, format, piece, env, &at.value)?;
        }
        texts
            .into_iter()
            .try_for_each(|text| made(at, J::str(text), out))
    }

    fn matching(
        &self,
        (kind, regex, cost): (super::node::Match, &regex::Regex, usize),
        new: Option<&'p Node>,
        env: &Env<'p>,
        at: &At,
        out: Out<'_>,
    ) -> Flow {
        let text = strings::text(&at.value, "a pattern")?;
        let matching = strings::Matching {
            text: &text,
            regex,
            cost,
        };
        let out = &mut |value| made(at, value, out);
        match new {
            None => matching.find(kind, self.budget, out),
            Some(new) => {
                let new = &mut |groups: &J| {
                    let text = self.first(new, env, groups)?.unwrap_or(J::Null);
                    Ok(text.text(self.budget)?)
                };
                matching.replace(kind, self.budget, new, out)
            }
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

    fn logic(
        &self,
        sides: &'p [Node; 2],
        decides: bool,
        env: &Env<'p>,
        at: &At,
        out: Out<'_>,
    ) -> Flow {
        let [left, right] = sides;
        self.each(left, env, &at.value, &mut |left| {
            if left.is_true() == decides {
                return made(at, J::Bool(decides), out);
            }
            self.each(right, env, &at.value, &mut |right| {
                made(at, J::Bool(right.is_true()), out)
            })
        })
    }

    fn choose(
        &self,
        branches: &'p [(Node, Node)],
        otherwise: Option<&'p Node>,
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        let Some(((condition, then), rest)) = branches.split_first() else {
            return match otherwise {
                Some(otherwise) => self.eval(otherwise, env, at, out),
                None => out(at),
            };
        };
        self.each(condition, env, &at.value, &mut |holds| {
            if holds.is_true() {
                self.eval(then, env, at.clone(), out)
            } else {
                self.choose(rest, otherwise, env, at.clone(), out)
            }
        })
    }

    fn alternative(&self, sides: &'p [Node; 2], env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        let [left, right] = sides;
        let (mut any, mut passed) = (false, None);
        let flow = self.eval(left, env, at.clone(), &mut |at| {
            if !at.value.is_true() {
                return Ok(());
            }
            any = true;
            pass(out(at), &mut passed)
        });
        if let Some(stop) = passed {
            return Err(stop);
        }
        match flow {
            Ok(()) | Err(Stop::Error(_)) if !any => self.eval(right, env, at, out),
            Ok(()) | Err(Stop::Error(_)) => Ok(()),
            stop => stop,
        }
    }

    fn catch(
        &self,
        body: &'p Node,
        handler: Option<&'p Node>,
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        let mut passed = None;
        let flow = self.eval(body, env, at, &mut |at| pass(out(at), &mut passed));
        match (flow, passed) {
            (_, Some(stop)) => Err(stop),
            (Err(Stop::Error(error)), None) => match handler {
                Some(handler) => self.eval(handler, env, At::value(error), out),
                None => Ok(()),
            },
            (flow, None) => flow,
        }
    }

    fn label(&self, id: u32, body: &'p Node, env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        let label = self.new_label();
        let env = with(id, Bound::Label(label), env);
        match self.eval(body, &env, at, out) {
            Err(Stop::Break(broken)) if broken == label => Ok(()),
            flow => flow,
        }
    }

    /// A label that nothing else has.
    pub(super) fn new_label(&self) -> u64 {
        let label = self.labels.get();
        self.labels.set(label + 1);
        label
    }

    fn call(&self, id: u32, arguments: &'p [Node], env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        let frame = find(env, id);
        match frame.as_deref().map(|frame| &frame.bound) {
            Some(Bound::Closure(node, inner)) => self.eval(node, inner, at, out),
            Some(Bound::Function(function)) => {
                self.apply(function, &frame.clone(), arguments, env, at, out)
            }
            _ => Err(Stop::error("a function without a meaning")),
        }
    }

    /// Calls a function that is seen in `inner` with arguments that are seen in `env`.
    fn apply(
        &self,
        function: &'p Definition,
        inner: &Env<'p>,
        arguments: &'p [Node],
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        let mut inner = inner.clone();
        for (parameter, argument) in function.parameters.iter().zip(arguments) {
            // An argument that is only another name is that, not a chain of names.
            let closure = match argument {
                Node::Call(id, none) if none.is_empty() => match find(env, *id) {
                    Some(frame) => match &frame.bound {
                        Bound::Closure(node, env) => Bound::Closure(node, env.clone()),
                        _ => Bound::Closure(argument, env.clone()),
                    },
                    None => Bound::Closure(argument, env.clone()),
                },
                _ => Bound::Closure(argument, env.clone()),
            };
            inner = with(parameter.closure, closure, &inner);
        }
        self.apply_variables(function, arguments, 0, env, inner, at, out)
    }

    /// Binds the parameters that are variables to each combination of their values.
    #[expect(clippy::too_many_arguments, reason = "what a call consists of")]
    fn apply_variables(
        &self,
        function: &'p Definition,
        arguments: &'p [Node],
        from: usize,
        env: &Env<'p>,
        inner: Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        let parameters = function.parameters.iter().zip(arguments).enumerate();
        let next = parameters
            .skip(from)
            .find_map(|(n, (parameter, argument))| Some((n, parameter.variable?, argument)));
        let Some((n, variable, argument)) = next else {
            return self.eval(&function.body, &inner, at, out);
        };
        self.each(argument, env, &at.value, &mut |value| {
            let inner = with(variable, Bound::Value(value), &inner);
            self.apply_variables(function, arguments, n + 1, env, inner, at.clone(), out)
        })
    }

    fn bind(&self, parts: &'p (Node, Pattern, Node), env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        let (source, pattern, body) = parts;
        self.each(source, env, &at.value, &mut |value| {
            self.destructure(pattern, &value, env.clone(), &mut |env| {
                self.eval(body, &env, at.clone(), out)
            })
        })
    }

    fn destructure(
        &self,
        pattern: &'p Pattern,
        value: &J,
        env: Env<'p>,
        out: &mut dyn FnMut(Env<'p>) -> Flow,
    ) -> Flow {
        self.budget.pay(STEP_WORK)?;
        match pattern {
            Pattern::Variable(id) => out(with(*id, Bound::Value(value.clone()), &env)),
            Pattern::Array(items) => self.destructure_items(items, 0, value, env, out),
            Pattern::Object(members) => self.destructure_members(members, value, env, out),
        }
    }

    fn destructure_items(
        &self,
        items: &'p [Pattern],
        n: i64,
        value: &J,
        env: Env<'p>,
        out: &mut dyn FnMut(Env<'p>) -> Flow,
    ) -> Flow {
        let Some((first, rest)) = items.split_first() else {
            return out(env);
        };
        let item = paths::index(value, &J::Int(n), self.budget)?;
        self.destructure(first, &item, env, &mut |env| {
            self.destructure_items(rest, n + 1, value, env, out)
        })
    }

    fn destructure_members(
        &self,
        members: &'p [(Node, Pattern)],
        value: &J,
        env: Env<'p>,
        out: &mut dyn FnMut(Env<'p>) -> Flow,
    ) -> Flow {
        let Some(((key, pattern), rest)) = members.split_first() else {
            return out(env);
        };
        self.each(key, &env, value, &mut |key| {
            let member = paths::index(value, &key, self.budget)?;
            self.destructure(pattern, &member, env.clone(), &mut |env| {
                self.destructure_members(rest, value, env, out)
            })
        })
    }

    fn reduce(&self, fold: &'p Fold, env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        self.each(&fold.start, env, &at.value, &mut |start| {
            let mut state = start;
            self.each(&fold.source, env, &at.value, &mut |value| {
                self.destructure(&fold.pattern, &value, env.clone(), &mut |env| {
                    // The state is given away, so that it can be changed where it is.
                    let before = std::mem::replace(&mut state, J::Null);
                    let mut last = J::Null;
                    self.eval(&fold.update, &env, At::value(before), &mut |at| {
                        last = at.value;
                        Ok(())
                    })?;
                    state = last;
                    Ok(())
                })
            })?;
            out(At::value(state))
        })
    }

    fn foreach(&self, fold: &'p Fold, env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        self.each(&fold.start, env, &at.value, &mut |start| {
            let mut state = start;
            self.each(&fold.source, env, &at.value, &mut |value| {
                self.destructure(&fold.pattern, &value, env.clone(), &mut |env| {
                    let before = state.clone();
                    self.each(&fold.update, &env, &before, &mut |after| {
                        state = after;
                        match &fold.extract {
                            None => out(At::value(state.clone())),
                            Some(extract) => {
                                self.eval(extract, &env, At::value(state.clone()), out)
                            }
                        }
                    })
                })
            })
        })
    }

    fn object(
        &self,
        members: &'p [(Node, Node)],
        env: &Env<'p>,
        input: &J,
        done: Vec<(Rc<str>, J)>,
        out: &mut dyn FnMut(J) -> Flow,
    ) -> Flow {
        let Some(((key, value), rest)) = members.split_first() else {
            return out(J::obj(done)?);
        };
        self.each(key, env, input, &mut |key| {
            let J::Str(name) = key else {
                return Err(Stop::error(format!(
                    "a key of an object must be a string, not {}",
                    key.kind()
                )));
            };
            self.each(value, env, input, &mut |value| {
                self.budget.pay(16 * done.len())?;
                let mut done = done.clone();
                put(&mut done, Rc::clone(&name), value, self.budget)?;
                self.object(rest, env, input, done, out)
            })
        })
    }

    fn interpolate(
        &self,
        texts: Vec<String>,
        format: super::node::Format,
        piece: &'p Piece,
        env: &Env<'p>,
        input: &J,
    ) -> Result<Vec<String>, Stop> {
        let parts = match piece {
            Piece::Text(text) => vec![text.to_string()],
            Piece::Value(node) => {
                let mut parts = Vec::new();
                self.each(node, env, input, &mut |value| {
                    parts.push(strings::format(format, &value, self.budget)?);
                    Ok(())
                })?;
                parts
            }
        };
        let mut all = Vec::new();
        for part in parts {
            for text in &texts {
                self.budget.pay(text.len() + part.len())?;
                all.push([text.as_str(), &part].concat());
            }
        }
        Ok(all)
    }

    /// The places of a path, whose indices are seen from its beginning.
    fn path(
        &self,
        head: &'p Node,
        parts: &'p [(Part, bool)],
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        let input = at.plain().value;
        self.eval(head, env, at, &mut |at| {
            self.parts(parts, env, &input, at, out)
        })
    }

    fn parts(
        &self,
        parts: &'p [(Part, bool)],
        env: &Env<'p>,
        input: &J,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        let Some(((part, optional), rest)) = parts.split_first() else {
            return out(at);
        };
        self.budget.pay(STEP_WORK)?;
        let go: Go<'_> = &mut |key, value| {
            let path = at.path.as_ref().map(|path| path.with(key));
            self.parts(rest, env, input, At { path, value }, out)
        };
        match part {
            Part::Index(index) => self.index(index, *optional, env, input, &at.value, go),
            Part::Slice(from, to) => self.slice(
                (from.as_ref(), to.as_ref()),
                *optional,
                env,
                input,
                &at.value,
                go,
            ),
            Part::All => all_of(&at.value, *optional, go),
        }
    }

    fn index(
        &self,
        index: &'p Node,
        optional: bool,
        env: &Env<'p>,
        input: &J,
        value: &J,
        go: Go<'_>,
    ) -> Flow {
        self.each(index, env, input, &mut |key| match tolerate(
            paths::index(value, &key, self.budget),
            optional,
        )? {
            Some(value) => go(key, value),
            None => Ok(()),
        })
    }

    fn slice(
        &self,
        (from, to): (Option<&'p Node>, Option<&'p Node>),
        optional: bool,
        env: &Env<'p>,
        input: &J,
        value: &J,
        go: Go<'_>,
    ) -> Flow {
        let bound = |node: Option<&'p Node>| match node {
            None => Ok(vec![J::Null]),
            Some(node) => self.values(node, env, input),
        };
        let (from, to) = (bound(from)?, bound(to)?);
        for to in &to {
            for from in &from {
                let key = paths::slice_key(from, to)?;
                let found = paths::index(value, &key, self.budget);
                if let Some(value) = tolerate(found, optional)? {
                    go(key, value)?;
                }
            }
        }
        Ok(())
    }

    /// `..`: a value and everything in it, as deep as values nest.
    fn recurse_all(&self, at: At, out: Out<'_>) -> Flow {
        self.budget.pay(STEP_WORK)?;
        out(at.clone())?;
        let inner = |key: J, value: &J| At {
            path: at.path.as_ref().map(|path| path.with(key)),
            value: value.clone(),
        };
        match &at.value {
            J::Arr(list) => {
                for (n, item) in list.items.iter().enumerate() {
                    let key = J::Int(i64::try_from(n).unwrap_or(i64::MAX));
                    self.recurse_all(inner(key, item), out)?;
                }
                Ok(())
            }
            J::Obj(map) => {
                for (name, value) in &map.members {
                    self.recurse_all(inner(J::Str(Rc::clone(name)), value), out)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The functions that choose among places, and those that make values.
    fn native(
        &self,
        native: Native,
        arguments: &'p [Node],
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        match (native, arguments) {
            (Native::Empty, _) => Ok(()),
            (Native::Error, _) => Err(Stop::Error(at.value)),
            (Native::ErrorOf, [message]) => self.each(message, env, &at.value, &mut |message| {
                Err(Stop::Error(message))
            }),
            (Native::First, [inner]) => self.take(1, inner, env, at, out),
            (Native::Limit, [count, inner]) => {
                self.each(count, env, &at.value, &mut |count| match count.float() {
                    Some(count) if count >= 1.0 => {
                        self.take(count as u64, inner, env, at.clone(), out)
                    }
                    Some(_) => Ok(()),
                    None => Err(Stop::error("the count of limit must be a number")),
                })
            }
            (Native::Recurse | Native::Repeat, [inner]) => self.unfold(inner, None, env, at, out),
            (Native::While, [condition, inner]) => {
                self.unfold(inner, Some(condition), env, at, out)
            }
            (Native::Until, [condition, inner]) => self.until(condition, inner, env, at, out),
            (Native::GetPath, [path]) => self.each(path, env, &at.value, &mut |path| {
                let keys = paths::keys(&path)?;
                let value = paths::get(&at.value, keys, self.budget)?;
                let path = at
                    .path
                    .as_ref()
                    .map(|to| keys.iter().fold(to.clone(), |to, key| to.with(key.clone())));
                out(At { path, value })
            }),
            _ => {
                let path = at.path.is_some();
                self.function(native, arguments, env, &at.value, &mut |value| {
                    if path {
                        return Err(Stop::error("an assignment needs a path on its left side"));
                    }
                    out(At::value(value))
                })
            }
        }
    }

    /// The first `count` values of `inner`.
    fn take(&self, count: u64, inner: &'p Node, env: &Env<'p>, at: At, out: Out<'_>) -> Flow {
        let label = self.new_label();
        let mut left = count;
        let flow = self.eval(inner, env, at, &mut |at| {
            out(at)?;
            left -= 1;
            match left {
                0 => Err(Stop::Break(label)),
                _ => Ok(()),
            }
        });
        match flow {
            Err(Stop::Break(broken)) if broken == label => Ok(()),
            flow => flow,
        }
    }

    /// A value, and what `inner` makes of each of these, again and again, while `condition` holds.
    fn unfold(
        &self,
        inner: &'p Node,
        condition: Option<&'p Node>,
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        let mut waiting = vec![at];
        while let Some(at) = waiting.pop() {
            self.budget.pay(STEP_WORK)?;
            if let Some(condition) = condition {
                let holds = self.first(condition, env, &at.value)?;
                if !holds.is_some_and(|holds| holds.is_true()) {
                    continue;
                }
            }
            out(at.clone())?;
            let from = waiting.len();
            self.eval(inner, env, at, &mut |at| {
                self.budget.pay(STEP_WORK)?;
                waiting.push(at);
                Ok(())
            })?;
            if let Some(new) = waiting.get_mut(from..) {
                new.reverse();
            }
        }
        Ok(())
    }

    fn until(
        &self,
        condition: &'p Node,
        inner: &'p Node,
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        let mut waiting = vec![at];
        while let Some(at) = waiting.pop() {
            self.budget.pay(STEP_WORK)?;
            let holds = self.first(condition, env, &at.value)?;
            if holds.is_some_and(|holds| holds.is_true()) {
                out(at)?;
                continue;
            }
            let from = waiting.len();
            self.eval(inner, env, at, &mut |at| {
                self.budget.pay(STEP_WORK)?;
                waiting.push(at);
                Ok(())
            })?;
            if let Some(new) = waiting.get_mut(from..) {
                new.reverse();
            }
        }
        Ok(())
    }
}

/// Where the keys and values of a step go.
type Go<'g> = &'g mut dyn FnMut(J, J) -> Flow;

/// Pushes all that is in a value.
fn all_of(value: &J, optional: bool, go: Go<'_>) -> Flow {
    match value {
        J::Arr(list) => {
            for (n, item) in list.items.iter().enumerate() {
                go(J::Int(i64::try_from(n).unwrap_or(i64::MAX)), item.clone())?;
            }
            Ok(())
        }
        J::Obj(map) => {
            for (name, value) in &map.members {
                go(J::Str(Rc::clone(name)), value.clone())?;
            }
            Ok(())
        }
        _ if optional => Ok(()),
        other => Err(Stop::error(format!("cannot iterate over {}", other.kind()))),
    }
}

/// Leaves out an error if that is wanted.
fn tolerate(result: Result<J, Stop>, optional: bool) -> Result<Option<J>, Stop> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Stop::Error(_)) if optional => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// Pushes a value that is made, which can be no place. Null is one: an assignment makes what is
/// missing of it.
fn made(at: &At, value: J, out: Out<'_>) -> Flow {
    let path = match (&at.path, &value) {
        (None, _) => None,
        (Some(_), J::Null) => Some(PathTo::root()),
        (Some(_), _) => return Err(Stop::error("an assignment needs a path on its left side")),
    };
    out(At { path, value })
}

fn variable(id: u32, env: &Env<'_>, at: &At, out: Out<'_>) -> Flow {
    let frame = find(env, id);
    match frame.as_deref().map(|frame| &frame.bound) {
        Some(Bound::Value(value)) => made(at, value.clone(), out),
        _ => Err(Stop::error("a variable without a value")),
    }
}

/// Goes on, or remembers why not, so that the node that pushed the value does not take it for an
/// error of its own.
fn pass(flow: Flow, passed: &mut Option<Stop>) -> Flow {
    flow.map_err(|stop| {
        *passed = Some(stop);
        Stop::Enough
    })
}

fn find<'p>(env: &Env<'p>, id: u32) -> Env<'p> {
    let mut frame = env.as_ref();
    while let Some(here) = frame {
        if here.id == id {
            return Some(Rc::clone(here));
        }
        frame = here.next.as_ref();
    }
    None
}
