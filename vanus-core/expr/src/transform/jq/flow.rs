//! Nodes that choose, repeat, catch and stop.

use super::{
    eval::{At, Bound, Env, Eval, Out, STEP_WORK, made, with},
    node::{Native, Node},
    paths,
    stop::{Flow, Stop},
    value::J,
};

impl<'p> Eval<'p> {
    pub(super) fn choose(
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

    pub(super) fn alternative(
        &self,
        sides: &'p [Node; 2],
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
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

    pub(super) fn catch(
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

    pub(super) fn label(
        &self,
        id: u32,
        body: &'p Node,
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        let label = self.new_label();
        let env = with(id, Bound::Label(label), env);
        match self.eval(body, &env, at, out) {
            Err(Stop::Break(broken)) if broken == label => Ok(()),
            flow => flow,
        }
    }

    /// The functions that choose among places, and those that make values.
    pub(super) fn native(
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
    pub(super) fn take(
        &self,
        count: u64,
        inner: &'p Node,
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
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
    pub(super) fn unfold(
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

    pub(super) fn until(
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

    pub(super) fn logic(
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
}

/// Goes on, or remembers why not, so that the node that pushed the value does not take it for an
/// error of its own.
fn pass(flow: Flow, passed: &mut Option<Stop>) -> Flow {
    flow.map_err(|stop| {
        *passed = Some(stop);
        Stop::Enough
    })
}
