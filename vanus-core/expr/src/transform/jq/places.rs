//! Places: members, items, slices, and everything in a value.

use std::rc::Rc;

use super::{
    eval::{At, Env, Eval, Out, STEP_WORK},
    node::{Node, Part},
    paths,
    stop::{Flow, Stop},
    value::J,
};

impl<'p> Eval<'p> {
    /// The places of a path, whose indices are seen from its beginning.
    pub(super) fn path(
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

    pub(super) fn parts(
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

    pub(super) fn index(
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

    pub(super) fn slice(
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
    pub(super) fn recurse_all(&self, at: &At, out: Out<'_>) -> Flow {
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
                    self.recurse_all(&inner(key, item), out)?;
                }
                Ok(())
            }
            J::Obj(map) => {
                for (name, value) in &map.members {
                    self.recurse_all(&inner(J::Str(Rc::clone(name)), value), out)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
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
