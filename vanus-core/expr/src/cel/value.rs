//! Values of CEL while an expression is evaluated.

use std::{borrow::Cow, rc::Rc};

use vanus_types::{AttributeRef, limits::MAX_VALUE_DEPTH};

use super::error::Fault;
use crate::json::{JsonKind, JsonNode};

/// A value. What is large is borrowed, or shared.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// Nanoseconds since the Unix epoch.
    Timestamp(i128),
    /// Nanoseconds.
    Duration(i128),
    /// Made by [`Value::list`], which bounds how deep it is.
    List(Nested<Vec<Value<'a>>>),
    /// Made by [`Value::map`], which bounds how deep it is.
    Map(Nested<Vec<(Value<'a>, Value<'a>)>>),
    /// An array or object of JSON data, not read yet.
    Json(JsonNode<'a>),
    Type(Kind),
}

/// Items or entries that are shared, and how deep the lists and maps among them nest, this one
/// included. Comparing and dropping recurse, so that the depth must be known when it is made.
#[derive(Debug, Clone)]
pub(super) struct Nested<T> {
    shared: Rc<T>,
    depth: u8,
}

impl<T> std::ops::Deref for Nested<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.shared
    }
}

impl<T> Nested<T> {
    fn new(shared: T, deepest: u8) -> Result<Self, Fault> {
        const _: () = assert!(MAX_VALUE_DEPTH < u8::MAX as usize);
        if usize::from(deepest) >= MAX_VALUE_DEPTH {
            return Err(Fault::Budget);
        }
        Ok(Self {
            shared: Rc::new(shared),
            depth: deepest + 1,
        })
    }
}

/// The types of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Timestamp,
    Duration,
    List,
    Map,
    Type,
}

impl Kind {
    const ALL: [(&'static str, Self); 12] = [
        ("null_type", Self::Null),
        ("bool", Self::Bool),
        ("int", Self::Int),
        ("uint", Self::Uint),
        ("double", Self::Double),
        ("string", Self::Text),
        ("bytes", Self::Bytes),
        ("google.protobuf.Timestamp", Self::Timestamp),
        ("google.protobuf.Duration", Self::Duration),
        ("list", Self::List),
        ("map", Self::Map),
        ("type", Self::Type),
    ];

    /// The type of this name.
    pub(super) fn read(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| *kind)
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, kind)| *kind == self);
        found.map_or("type", |(name, _)| name)
    }

    /// Whether it is a number.
    pub(super) const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }
}

impl<'a> Value<'a> {
    /// A list, unless it would nest deeper than [`MAX_VALUE_DEPTH`].
    pub(super) fn list(items: Vec<Self>) -> Result<Self, Fault> {
        let deepest = items.iter().map(Self::depth).max();
        Nested::new(items, deepest.unwrap_or(0)).map(Self::List)
    }

    /// A map, unless it would nest deeper than [`MAX_VALUE_DEPTH`]. Keys do not nest.
    pub(super) fn map(entries: Vec<(Self, Self)>) -> Result<Self, Fault> {
        let deepest = entries.iter().map(|(_, value)| value.depth()).max();
        Nested::new(entries, deepest.unwrap_or(0)).map(Self::Map)
    }

    /// How deep it nests lists and maps that were made. JSON data in it is not counted: its depth
    /// was bounded when it was read, and nothing is ever put inside it.
    fn depth(&self) -> u8 {
        match self {
            Self::List(list) => list.depth,
            Self::Map(map) => map.depth,
            _ => 0,
        }
    }

    /// Its type.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Uint(_) => Kind::Uint,
            Self::Double(_) => Kind::Double,
            Self::Text(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
            Self::Timestamp(_) => Kind::Timestamp,
            Self::Duration(_) => Kind::Duration,
            Self::List(_) => Kind::List,
            Self::Map(_) => Kind::Map,
            Self::Json(node) if node.value().kind() == JsonKind::Array => Kind::List,
            Self::Json(_) => Kind::Map,
            Self::Type(_) => Kind::Type,
        }
    }

    /// An attribute; what CloudEvents writes as text is a string.
    pub(super) fn of_attribute(attribute: AttributeRef<'a>) -> Self {
        match attribute {
            AttributeRef::Boolean(value) => Self::Bool(value),
            AttributeRef::Integer(value) => Self::Int(value.into()),
            AttributeRef::Binary(bytes) => Self::Bytes(Cow::Borrowed(bytes)),
            AttributeRef::String(text)
            | AttributeRef::Uri(text)
            | AttributeRef::UriRef(text)
            | AttributeRef::Timestamp(text) => Self::Text(Cow::Borrowed(text)),
        }
    }

    /// A value of JSON data: a number without a fraction is an integer if it fits.
    pub(super) fn of_json(node: JsonNode<'a>) -> Result<Self, Fault> {
        let value = node.value();
        let written = value.written();
        Ok(match value.kind() {
            JsonKind::Null => Self::Null,
            JsonKind::Boolean => Self::Bool(written == "true"),
            JsonKind::String => Self::Text(value.text().unwrap_or_default()),
            JsonKind::Array | JsonKind::Object => Self::Json(node),
            JsonKind::Number => {
                if let Ok(number) = written.parse() {
                    Self::Int(number)
                } else if let Ok(number) = written.parse() {
                    Self::Uint(number)
                } else {
                    Self::Double(written.parse().map_err(|_| Fault::Convert)?)
                }
            }
        })
    }

    /// Bytes that copying it would copy.
    pub(super) fn copied_len(&self) -> usize {
        match self {
            Self::Text(Cow::Owned(text)) => text.len(),
            Self::Bytes(Cow::Owned(bytes)) => bytes.len(),
            _ => 0,
        }
    }

    /// Bytes of text or bytes it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }
}
