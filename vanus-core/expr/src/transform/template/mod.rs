//! Templates: text or JSON with places of the event and defines in angle brackets.
//!
//! * `<name>` is a define, `<$.subject>` an attribute, `<$.data.path>` a value of the data, all as the
//!   pipeline left them. `\<` and `\>` are the brackets themselves.
//! * JSON: outside of strings they are whole values. A member or item whose place is missing is left
//!   out; a define without a value is null. In strings they are text: an array or object as JSON.
//! * Text, and strings of JSON: what is missing is empty.

mod json;
mod reference;
mod text;

use std::collections::BTreeMap;

use vanus_types::control::TemplateType;

use self::reference::Reference;
use super::{cast, document::Document, error::TransformerError, value::Value, write};
use crate::{
    Position,
    budget::{Budget, Exhausted},
};

/// A template, compiled.
#[derive(Debug, Clone)]
pub(super) enum Template {
    /// There is none.
    None,
    /// The pieces of a text.
    Text(Box<[Piece]>),
    /// The root of a JSON value.
    Json(Node),
}

/// A piece of a text. In JSON its text is escaped already.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(Box<str>),
    Value(Reference),
}

/// A JSON value.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// Its text.
    Fixed(Box<str>),
    String(Box<[Piece]>),
    Value(Reference),
    Array(Box<[Node]>),
    /// The names with the comma before them, quotes and colon.
    Object(Box<[(Box<str>, Node)]>),
}

/// What is wrong with a template, and where.
#[derive(Debug)]
struct Mistake {
    at: usize,
    what: String,
}

impl Template {
    /// Reads a template.
    pub(super) fn compile(
        kind: TemplateType,
        template: &str,
        defines: &BTreeMap<&str, usize>,
    ) -> Result<Self, TransformerError> {
        let read = match kind {
            TemplateType::None => Ok(Self::None),
            TemplateType::Text => text::read(template, defines).map(Self::Text),
            TemplateType::Json => json::read(template, defines).map(Self::Json),
        };
        read.map_err(|mistake| TransformerError::Text {
            at: "transformer.template".to_owned(),
            position: Position::of(template, mistake.at),
            what: mistake.what,
        })
    }

    /// Writes what it makes of the event.
    pub(super) fn render(
        &self,
        document: &Document<'_>,
        out: &mut String,
        budget: &Budget,
    ) -> Result<(), Exhausted> {
        let render = Render { document, budget };
        match self {
            Self::None => Ok(()),
            Self::Text(pieces) => pieces.iter().try_for_each(|piece| match piece {
                Piece::Text(text) => render.fixed(text, out),
                Piece::Value(reference) => render.text(reference, out),
            }),
            Self::Json(root) => {
                if !render.node(root, "", out)? {
                    out.push_str("null");
                }
                Ok(())
            }
        }
    }
}

struct Render<'r, 'a> {
    document: &'r Document<'a>,
    budget: &'r Budget,
}

impl Render<'_, '_> {
    fn fixed(&self, text: &str, out: &mut String) -> Result<(), Exhausted> {
        self.budget.pay(text.len())?;
        out.push_str(text);
        Ok(())
    }

    /// Writes a value as text.
    fn text(&self, reference: &Reference, out: &mut String) -> Result<(), Exhausted> {
        let found = reference.look(self.document, self.budget)?;
        if let Some(found) = found {
            out.push_str(&cast::text(found.value(), self.budget)?);
        }
        Ok(())
    }

    /// Writes a value within a string of JSON.
    fn escaped(&self, reference: &Reference, out: &mut String) -> Result<(), Exhausted> {
        match reference.look(self.document, self.budget)? {
            None => Ok(()),
            Some(found) => match found.value() {
                Value::String(text) => write::escaped(text, out, self.budget),
                value => write::escaped(&cast::text(value, self.budget)?, out, self.budget),
            },
        }
    }

    /// Writes a node behind `before`, or nothing at all if it is missing: then it answers so. As
    /// deep as the template.
    fn node(&self, node: &Node, before: &str, out: &mut String) -> Result<bool, Exhausted> {
        if let Node::Value(reference) = node {
            match reference.look(self.document, self.budget)? {
                Some(found) => {
                    out.push_str(before);
                    write::value(found.value(), out, self.budget)?;
                }
                None if reference.is_define() => {
                    out.push_str(before);
                    out.push_str("null");
                }
                None => return Ok(false),
            }
            return Ok(true);
        }
        self.fixed(before, out)?;
        match node {
            Node::Fixed(text) => self.fixed(text, out)?,
            Node::Value(_) => {}
            Node::String(pieces) => {
                out.push('"');
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => self.fixed(text, out)?,
                        Piece::Value(reference) => self.escaped(reference, out)?,
                    }
                }
                out.push('"');
            }
            Node::Array(items) => {
                out.push('[');
                let mut comma = "";
                for item in items {
                    if self.node(item, comma, out)? {
                        comma = ",";
                    }
                }
                out.push(']');
            }
            Node::Object(members) => {
                out.push('{');
                let mut first = true;
                for (name, member) in members {
                    // The comma is part of the name, and goes with it.
                    let name = match first {
                        true => name.get(1..).unwrap_or_default(),
                        false => name,
                    };
                    if self.node(member, name, out)? {
                        first = false;
                    }
                }
                out.push('}');
            }
        }
        Ok(true)
    }
}
