//! The event while it is transformed: its attributes with what was changed, its data, the defines.

use std::borrow::Cow;

use vanus_types::{AttributeRef, AttributeValue, DataKind, Event, InvalidEvent, event::EventParts};

use super::{
    argument::{Argument, Source},
    cast,
    error::ActionFault,
    path::{Found, Path},
    value::Value,
};
use crate::budget::{Budget, Exhausted};

/// The event while it is transformed.
#[derive(Debug)]
pub(super) struct Document<'a> {
    event: &'a Event,
    /// Attributes that were set, or deleted.
    changed: Vec<(&'a str, Option<AttributeValue>)>,
    /// The data; nothing if the event has none.
    pub(super) data: Option<Value<'a>>,
    /// The values of the defines, by their numbers.
    pub(super) defines: Vec<Option<Value<'a>>>,
}

/// A value that was looked up.
#[derive(Debug)]
pub(super) enum Look<'v, 'a> {
    There(&'v Value<'a>),
    Made(Value<'a>),
}

impl<'a> Look<'_, 'a> {
    pub(super) const fn value(&self) -> &Value<'a> {
        match self {
            Self::There(value) => value,
            Self::Made(value) => value,
        }
    }

    pub(super) fn into_copy(self, budget: &Budget) -> Result<Value<'a>, Exhausted> {
        match self {
            Self::There(value) => value.copy(budget),
            Self::Made(value) => Ok(value),
        }
    }
}

impl<'a> Document<'a> {
    pub(super) const fn new(event: &'a Event, data: Option<Value<'a>>) -> Self {
        Self {
            event,
            changed: Vec::new(),
            data,
            defines: Vec::new(),
        }
    }

    /// What an argument means now; nothing if it is missing or null.
    pub(super) fn look<'v>(
        &'v self,
        source: &'v Source,
        budget: &Budget,
    ) -> Result<Option<Look<'v, 'a>>, Exhausted> {
        let found = self.look_null(source, budget)?;
        Ok(found.filter(|look| look.value().present().is_some()))
    }

    /// The same, but null is a value.
    pub(super) fn look_null<'v>(
        &'v self,
        source: &'v Source,
        budget: &Budget,
    ) -> Result<Option<Look<'v, 'a>>, Exhausted> {
        Ok(match source {
            Source::Data(path) => match &self.data {
                None => None,
                Some(data) => data_at(data, path, budget)?,
            },
            Source::Attribute(name) => self.attribute(name, budget)?.map(Look::Made),
            Source::Define(number) => {
                let value = self.defines.get(*number).and_then(Option::as_ref);
                value.map(Look::There)
            }
            Source::Constant(value) => Some(Look::There(value)),
        })
    }

    /// An attribute as it is now.
    pub(super) fn attribute(
        &self,
        name: &str,
        budget: &Budget,
    ) -> Result<Option<Value<'a>>, Exhausted> {
        let changed = self.changed.iter().find(|(taken, _)| *taken == name);
        Ok(match changed {
            Some((_, None)) => None,
            Some((_, Some(value))) => {
                let value = value_of(value.as_ref());
                budget.pay(match &value {
                    Value::String(text) => text.len(),
                    _ => 0,
                })?;
                Some(match value {
                    Value::String(text) => Value::text(text.into_owned()),
                    Value::Boolean(value) => Value::Boolean(value),
                    Value::Number(number) => Value::integer(number.integer().unwrap_or_default()),
                    _ => Value::Null,
                })
            }
            None => self.event.attribute(name).map(value_of),
        })
    }

    /// The attributes as they are now, in the order of the event.
    pub(super) fn attributes(
        &self,
        budget: &Budget,
    ) -> Result<Vec<(&'a str, Value<'a>)>, Exhausted> {
        const CORE: [&str; 8] = [
            "specversion",
            "id",
            "source",
            "type",
            "datacontenttype",
            "dataschema",
            "subject",
            "time",
        ];
        let extensions = self.event.extensions().map(|(name, _)| name);
        let new = self
            .changed
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !CORE.contains(name) && self.event.attribute(name).is_none());
        let mut attributes = Vec::new();
        for name in CORE.into_iter().chain(extensions).chain(new) {
            budget.pay(16)?;
            if let Some(value) = self.attribute(name, budget)? {
                attributes.push((name, value));
            }
        }
        Ok(attributes)
    }

    /// What was changed about the attributes so far, to be given to [`undo`](Self::undo).
    pub(super) fn changes(&self) -> Vec<(&'a str, Option<AttributeValue>)> {
        self.changed.clone()
    }

    /// Goes back to what was changed then.
    pub(super) fn undo(&mut self, changes: Vec<(&'a str, Option<AttributeValue>)>) {
        self.changed = changes;
    }

    /// Puts a value where an argument says.
    pub(super) fn set(
        &mut self,
        argument: &'a Argument,
        value: Value<'a>,
        budget: &Budget,
    ) -> Result<(), ActionFault> {
        match &argument.source {
            Source::Data(path) => {
                let data = self
                    .data
                    .get_or_insert_with(|| Value::Object(Default::default()));
                path.set(data, value, budget)
            }
            Source::Attribute(name) => self.set_attribute(name, &value, budget),
            Source::Define(_) | Source::Constant(_) => Err(ActionFault::value(format!(
                "{} is no place that can be set",
                argument.written
            ))),
        }
    }

    /// Takes out what is where an argument says; answers whether anything was there.
    pub(super) fn delete(
        &mut self,
        argument: &'a Argument,
        budget: &Budget,
    ) -> Result<bool, ActionFault> {
        match &argument.source {
            Source::Data(path) => match &mut self.data {
                None => Ok(false),
                Some(data) => path.delete(data, budget),
            },
            Source::Attribute(name) => {
                let was = self.attribute(name, budget)?.is_some();
                self.change(name, None);
                Ok(was)
            }
            Source::Define(_) | Source::Constant(_) => Ok(false),
        }
    }

    fn set_attribute(
        &mut self,
        name: &'a str,
        value: &Value<'a>,
        budget: &Budget,
    ) -> Result<(), ActionFault> {
        let text = |value| cast::text(value, budget).map(Cow::into_owned);
        let small = |number: &super::value::Number<'_>| {
            let whole = !number.text().contains(['.', 'e', 'E']);
            let number = number.integer().filter(|_| whole)?;
            i32::try_from(number).ok()
        };
        let new = match (name, value) {
            ("id" | "type" | "subject", _) => AttributeValue::String(text(value)?),
            ("source", _) => AttributeValue::UriRef(text(value)?),
            ("dataschema", _) => AttributeValue::Uri(text(value)?),
            ("time", _) => AttributeValue::Timestamp(text(value)?),
            (_, Value::Boolean(value)) => AttributeValue::Boolean(*value),
            (_, Value::Number(number)) => match small(number) {
                Some(number) => AttributeValue::Integer(number),
                None => AttributeValue::String(text(value)?),
            },
            _ => AttributeValue::String(text(value)?),
        };
        let empty = matches!(name, "id" | "source" | "type" | "subject" | "dataschema")
            && new.as_ref().as_str() == Some("");
        if empty {
            return Err(ActionFault::value(format!("{name} cannot be empty")));
        }
        if let Err(error) = new.as_ref().check(name) {
            return Err(ActionFault::value(error.to_string()));
        }
        self.change(name, Some(new));
        Ok(())
    }

    fn change(&mut self, name: &'a str, value: Option<AttributeValue>) {
        match self.changed.iter_mut().find(|(taken, _)| *taken == name) {
            Some(slot) => slot.1 = value,
            None => self.changed.push((name, value)),
        }
    }

    /// The event as it is now, with this data of this media type.
    pub(super) fn event(
        &self,
        kind: DataKind,
        data: &str,
        media_type: Option<&str>,
    ) -> Result<Event, InvalidEvent> {
        let mut parts = self.event.parts();
        parts.datacontenttype = media_type;
        parts.data = vanus_types::event::Data::new(kind, data.as_bytes());
        for (name, value) in &self.changed {
            let text = value.as_ref().and_then(|value| value.as_ref().as_str());
            put(
                &mut parts,
                name,
                text,
                value.as_ref().map(AttributeValue::as_ref),
            );
        }
        parts.encode()
    }
}

/// Puts an attribute in its place.
fn put<'p>(
    parts: &mut EventParts<'p>,
    name: &'p str,
    text: Option<&'p str>,
    value: Option<AttributeRef<'p>>,
) {
    match name {
        "id" => parts.id = text.unwrap_or_default(),
        "source" => parts.source = text.unwrap_or_default(),
        "type" => parts.ty = text.unwrap_or_default(),
        "dataschema" => parts.dataschema = text,
        "subject" => parts.subject = text,
        "time" => parts.time = text,
        extension => {
            parts.extensions.retain(|(taken, _)| *taken != extension);
            parts
                .extensions
                .extend(value.map(|value| (extension, value)));
        }
    }
}

/// The values at a path of the data: one, or an array of those that a slice or wildcard means.
pub(super) fn data_at<'v, 'a>(
    data: &'v Value<'a>,
    path: &Path,
    budget: &Budget,
) -> Result<Option<Look<'v, 'a>>, Exhausted> {
    Ok(match path.find(data, budget)? {
        Found::Nothing => None,
        Found::One(value) => Some(Look::There(value)),
        Found::Many(values) => {
            let copies = values.into_iter().map(|value| value.copy(budget));
            Some(Look::Made(Value::Array(copies.collect::<Result<_, _>>()?)))
        }
    })
}

/// An attribute as a JSON value.
fn value_of(value: AttributeRef<'_>) -> Value<'_> {
    match value {
        AttributeRef::Boolean(value) => Value::Boolean(value),
        AttributeRef::Integer(number) => Value::integer(number.into()),
        other => Value::String(other.canonical()),
    }
}
