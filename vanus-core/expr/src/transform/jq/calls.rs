//! Names: functions called, values bound, arrays and streams folded.

use super::{
    eval::{At, Bound, Env, Eval, Out, STEP_WORK, find, with},
    node::{Definition, Fold, Node, Pattern},
    paths,
    stop::{Flow, Stop},
    value::J,
};

impl<'p> Eval<'p> {
    pub(super) fn call(
        &self,
        id: u32,
        arguments: &'p [Node],
        env: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
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
    pub(super) fn apply(
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
        self.apply_variables(function, arguments, 0, env, &inner, at, out)
    }

    /// Binds the parameters that are variables to each combination of their values.
    #[expect(clippy::too_many_arguments, reason = "what a call consists of")]
    pub(super) fn apply_variables(
        &self,
        function: &'p Definition,
        arguments: &'p [Node],
        from: usize,
        env: &Env<'p>,
        inner: &Env<'p>,
        at: At,
        out: Out<'_>,
    ) -> Flow {
        let parameters = function.parameters.iter().zip(arguments).enumerate();
        let next = parameters
            .skip(from)
            .find_map(|(n, (parameter, argument))| Some((n, parameter.variable?, argument)));
        let Some((n, variable, argument)) = next else {
            return self.eval(&function.body, inner, at, out);
        };
        self.each(argument, env, &at.value, &mut |value| {
            let inner = with(variable, Bound::Value(value), inner);
            self.apply_variables(function, arguments, n + 1, env, &inner, at.clone(), out)
        })
    }

    pub(super) fn bind(
        &self,
        parts: &'p (Node, Pattern, Node),
        env: &Env<'p>,
        at: &At,
        out: Out<'_>,
    ) -> Flow {
        let (source, pattern, body) = parts;
        self.each(source, env, &at.value, &mut |value| {
            self.destructure(pattern, &value, env.clone(), &mut |env| {
                self.eval(body, &env, at.clone(), out)
            })
        })
    }

    pub(super) fn destructure(
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

    pub(super) fn destructure_items(
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

    pub(super) fn destructure_members(
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

    pub(super) fn reduce(&self, fold: &'p Fold, env: &Env<'p>, at: &At, out: Out<'_>) -> Flow {
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

    pub(super) fn foreach(&self, fold: &'p Fold, env: &Env<'p>, at: &At, out: Out<'_>) -> Flow {
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
}
