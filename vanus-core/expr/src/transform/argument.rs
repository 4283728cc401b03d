//! Arguments of functions: places in the event, defines and constants.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use vanus_types::limits::MAX_ATTRIBUTE_NAME_LEN;

use super::{error::TransformerError, path::Path, value::Value};
use crate::Position;

/// An argument, compiled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Argument {
    pub(super) source: Source,
    /// As it was written, for messages.
    pub(super) written: Box<str>,
}

/// Where the value of an argument is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// In the data.
    Data(Path),
    /// In an attribute.
    Attribute(Box<str>),
    /// In a define, by its number.
    Define(usize),
    /// Here.
    Constant(Value<'static>),
}

/// What the names of arguments mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'s> {
    /// The numbers of the defines.
    pub(super) defines: &'s BTreeMap<&'s str, usize>,
    /// Whether `@` alone is the item of an array.
    pub(super) in_array: bool,
}

impl Argument {
    /// Compiles an argument.
    pub(super) fn compile(
        json: &Json,
        at: &str,
        scope: Scope<'_>,
    ) -> Result<Self, TransformerError> {
        let Json::String(text) = json else {
            return Ok(Self {
                written: json.to_string().into(),
                source: Source::Constant(json.into()),
            });
        };
        let written = text.trim();
        let source = match place(written, at)? {
            Some(source) => source,
            None if written == "@" && scope.in_array => Source::Data(path("", "", at)?),
            None => match define_name(written) {
                Some(name) => match scope.defines.get(name) {
                    Some(number) => Source::Define(*number),
                    None => {
                        let name = super::error::short(name);
                        return Err(TransformerError::Argument {
                            at: at.to_owned(),
                            what: format!("nothing is defined as {name}; add it to define"),
                        });
                    }
                },
                None => Source::Constant(Value::text(text.clone())),
            },
        };
        Ok(Self {
            source,
            written: super::error::short(written).into(),
        })
    }
}

/// The name between angle brackets, if a text is nothing else. `<@…>` is part of a template.
fn define_name(text: &str) -> Option<&str> {
    let name = text.strip_prefix('<')?.strip_suffix('>')?;
    (!name.is_empty() && !name.starts_with('@') && !name.contains(['<', '>'])).then_some(name)
}

/// The place that `$.data…`, `@.…` or `$.attribute` means; nothing if it is another text.
pub(super) fn place(text: &str, at: &str) -> Result<Option<Source>, TransformerError> {
    if let Some(rest) = text.strip_prefix("@.") {
        let from = text.get(1..).unwrap_or(rest);
        return path(from, text, at).map(Source::Data).map(Some);
    }
    let Some(name) = text.strip_prefix("$.") else {
        return Ok(None);
    };
    if let Some(rest) = name.strip_prefix("data")
        && (rest.is_empty() || rest.starts_with(['.', '[']))
    {
        return path(rest, text, at).map(Source::Data).map(Some);
    }
    attribute(name, at).map(Source::Attribute).map(Some)
}

/// An attribute name in lower case.
pub(super) fn attribute(name: &str, at: &str) -> Result<Box<str>, TransformerError> {
    let lower = name.to_ascii_lowercase();
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if lower.is_empty() || lower.len() > MAX_ATTRIBUTE_NAME_LEN || !lower.bytes().all(allowed) {
        let name = super::error::short(name);
        return Err(TransformerError::Argument {
            at: at.to_owned(),
            what: format!(
                "\"{name}\" is no attribute name (letters and digits); values of the data are \
                 written $.data.{name}"
            ),
        });
    }
    Ok(lower.into())
}

/// A path that is the end of `whole`.
fn path(text: &str, whole: &str, at: &str) -> Result<Path, TransformerError> {
    Path::read(text).map_err(|mistake| TransformerError::Text {
        at: at.to_owned(),
        position: Position::of(whole, whole.len() - text.len() + mistake.at),
        what: format!("{} in the path", mistake.what),
    })
}
