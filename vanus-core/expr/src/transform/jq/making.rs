//! Nodes whose values are made.

use std::rc::Rc;

use super::{
    eval::{At, Env, Eval, Out, made, variable},
    node::{Node, Piece},
    operators,
    stop::{Flow, Stop},
    strings,
    value::{J, put},
};

impl<'p> Eval<'p> {
    /// Nodes whose values are made, and so have no path. Each has a function of its own: what is on
    /// the stack when they nest is what limits how deep they may.
    pub(super) fn make(&self, node: &'p Node, env: &Env<'p>, at: &At, out: Out<'_>) -> Flow {
        match node {
            Node::Null => made(at, J::Null, out),
            Node::Bool(value) => made(at, J::Bool(*value), out),
            Node::Int(number) => made(at, J::Int(*number), out),
            Node::Float(number) => made(at, J::Float(*number), out),
            Node::Str(text) => self.text(text, at, out),
            Node::Variable(id) => variable(*id, env, at, out),
            Node::Interpolated(format, pieces) => self.string(*format, pieces, env, at, out),
            Node::Array(inner) => self.array(inner.as_deref(), env, at, out),
            Node::Object(members) => {
                self.object(members, env, &at.value, Vec::new(), &mut |value| {
                    made(at, value, out)
                })
            }
            Node::Negate(inner) => self.each(inner, env, &at.value, &mut |value| {
                made(at, operators::negate(&value)?, out)
            }),
            Node::Math(op, sides) => self.cross(sides, env, &at.value, &mut |left, right| {
                made(at, operators::math(*op, &left, &right, self.budget)?, out)
            }),
            Node::Compare(op, sides) => self.cross(sides, env, &at.value, &mut |left, right| {
                let holds = operators::compare(*op, &left, &right, self.budget)?;
                made(at, J::Bool(holds), out)
            }),
            Node::And(sides) => self.logic(sides, false, env, at, out),
            Node::Or(sides) => self.logic(sides, true, env, at, out),
            Node::Assign(_)
            | Node::Update(_)
            | Node::UpdateMath(..)
            | Node::UpdateAlternative(_) => {
                self.assign(node, env, &at.value, &mut |value| made(at, value, out))
            }
            Node::Match(kind, regex, cost, new) => {
                self.matching((*kind, regex, *cost), new.as_deref(), env, at, out)
            }
            // All others are in `step`.
            _ => Ok(()),
        }
    }

    pub(super) fn text(&self, text: &str, at: &At, out: Out<'_>) -> Flow {
        self.budget.pay(text.len())?;
        made(at, J::str(text), out)
    }

    pub(super) fn array(
        &self,
        inner: Option<&'p Node>,
        env: &Env<'p>,
        at: &At,
        out: Out<'_>,
    ) -> Flow {
        let items = match inner {
            None => Vec::new(),
            Some(inner) => self.values(inner, env, &at.value)?,
        };
        made(at, J::arr(items)?, out)
    }

    pub(super) fn string(
        &self,
        format: super::node::Format,
        pieces: &'p [Piece],
        env: &Env<'p>,
        at: &At,
        out: Out<'_>,
    ) -> Flow {
        let mut texts = vec![String::new()];
        for piece in pieces {
            texts = self.interpolate(&texts, format, piece, env, &at.value)?;
        }
        texts
            .into_iter()
            .try_for_each(|text| made(at, J::str(text), out))
    }

    pub(super) fn matching(
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

    pub(super) fn object(
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

    pub(super) fn interpolate(
        &self,
        texts: &[String],
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
            for text in texts {
                self.budget.pay(text.len() + part.len())?;
                all.push([text.as_str(), &part].concat());
            }
        }
        Ok(all)
    }
}
