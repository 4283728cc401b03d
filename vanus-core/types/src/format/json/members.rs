//! The members of an event object as they are met, and what they amount to.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    event::{AttributeRef, Data, DataKind, Event, EventParts, InvalidEvent},
    format::{DecodeError, content::is_json},
    limits::MAX_EXTENSIONS,
};

/// Everything between the braces. `None` is a member not met yet.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    specversion: Option<Value<'a>>,
    id: Option<Value<'a>>,
    source: Option<Value<'a>>,
    ty: Option<Value<'a>>,
    datacontenttype: Option<Value<'a>>,
    dataschema: Option<Value<'a>>,
    subject: Option<Value<'a>>,
    time: Option<Value<'a>>,
    data_base64: Option<Value<'a>>,
    data: Option<&'a RawValue>,
    extensions: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Members<'a> {
    /// Takes in all members. The outer error is the parser's, the inner one is about the event.
    pub(super) fn read<A: MapAccess<'a>>(
        &mut self,
        map: &mut A,
    ) -> Result<Result<(), DecodeError>, A::Error> {
        while let Some(Text(name)) = map.next_key()? {
            if name == "data" {
                if self.data.replace(map.next_value()?).is_some() {
                    return Ok(Err(duplicate(&name)));
                }
                continue;
            }
            let value = map.next_value()?;
            let known = match &*name {
                "specversion" => &mut self.specversion,
                "id" => &mut self.id,
                "source" => &mut self.source,
                "type" => &mut self.ty,
                "datacontenttype" => &mut self.datacontenttype,
                "dataschema" => &mut self.dataschema,
                "subject" => &mut self.subject,
                "time" => &mut self.time,
                "data_base64" => &mut self.data_base64,
                _ => {
                    // The count is bounded, so looking through all of them is too.
                    if self.extensions.iter().any(|(taken, _)| *taken == name) {
                        return Ok(Err(duplicate(&name)));
                    }
                    self.extensions.push((name, value));
                    if self.extensions.len() > MAX_EXTENSIONS {
                        let count = self.extensions.len();
                        return Ok(Err(InvalidEvent::TooManyExtensions(count).into()));
                    }
                    continue;
                }
            };
            if known.replace(value).is_some() {
                return Ok(Err(duplicate(&name)));
            }
        }
        Ok(Ok(()))
    }

    /// Makes the event of what was met.
    pub(super) fn encode(&self) -> Result<Event, DecodeError> {
        match required("specversion", self.specversion.as_ref())? {
            "1.0" => {}
            other => return Err(InvalidEvent::SpecVersion(other.chars().take(16).collect()).into()),
        }
        let mut extensions = Vec::with_capacity(self.extensions.len());
        for (name, value) in &self.extensions {
            if let Some(value) = value.attribute(name)? {
                extensions.push((&**name, value));
            }
        }
        let mut parts = EventParts {
            id: required("id", self.id.as_ref())?,
            source: required("source", self.source.as_ref())?,
            ty: required("type", self.ty.as_ref())?,
            datacontenttype: text("datacontenttype", self.datacontenttype.as_ref())?,
            dataschema: text("dataschema", self.dataschema.as_ref())?,
            subject: text("subject", self.subject.as_ref())?,
            time: text("time", self.time.as_ref())?,
            extensions,
            data: Data::NONE,
        };
        let (bytes, string);
        if let Some(base64) = text("data_base64", self.data_base64.as_ref())? {
            if self.data.is_some_and(|data| data.get() != "null") {
                return Err(DecodeError::DataTwice);
            }
            let decoded = STANDARD.decode(base64);
            bytes = decoded.map_err(|error| DecodeError::Base64(error.to_string()))?;
            parts.data = Data::new(DataKind::Binary, &bytes);
        } else if let Some(raw) = self.data.map(RawValue::get) {
            let json = parts.datacontenttype.is_none_or(is_json) || !raw.starts_with('"');
            parts.data = if json {
                Data::new(DataKind::Json, raw.as_bytes())
            } else {
                let decoded = serde_json::from_str::<Text<'_>>(raw);
                string = decoded.map_err(|error| DecodeError::Json(error.to_string()))?;
                Data::new(DataKind::Text, string.0.as_bytes())
            };
        }
        Ok(parts.encode()?)
    }
}

fn duplicate(name: &str) -> DecodeError {
    InvalidEvent::Duplicate(name.chars().take(64).collect()).into()
}

fn text<'v>(name: &str, value: Option<&'v Value<'_>>) -> Result<Option<&'v str>, DecodeError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(DecodeError::MemberType {
            name: name.to_owned(),
            found: other.found(),
            expected: "a string",
        }),
    }
}

fn required<'v>(name: &'static str, value: Option<&'v Value<'_>>) -> Result<&'v str, DecodeError> {
    Ok(text(name, value)?.ok_or(InvalidEvent::Missing(name))?)
}

/// A JSON value as far as attributes need it.
#[derive(Debug)]
enum Value<'a> {
    Null,
    Boolean(bool),
    Integer(i32),
    Number,
    String(Cow<'a, str>),
    Array,
    Object,
}

impl Value<'_> {
    fn attribute(&self, name: &str) -> Result<Option<AttributeRef<'_>>, DecodeError> {
        match self {
            Self::Null => Ok(None),
            Self::Boolean(value) => Ok(Some(AttributeRef::Boolean(*value))),
            Self::Integer(value) => Ok(Some(AttributeRef::Integer(*value))),
            Self::String(value) => Ok(Some(AttributeRef::String(value))),
            Self::Number | Self::Array | Self::Object => Err(DecodeError::MemberType {
                name: name.chars().take(64).collect(),
                found: self.found(),
                expected: "a string, a boolean or a whole number of 32 bits",
            }),
        }
    }

    const fn found(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "a number",
            Self::Number => "a number with a fraction or of more than 32 bits",
            Self::String(_) => "a string",
            Self::Array => "a list",
            Self::Object => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(i32::try_from(value).map_or(Value::Number, Value::Integer))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(i32::try_from(value).map_or(Value::Number, Value::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value<'de>, E> {
        // The parser gives the whole number -0 as a float.
        if value == 0.0 && value.is_sign_negative() {
            return Ok(Value::Integer(0));
        }
        Ok(Value::Number)
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object)
    }
}

/// A string, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_owned())))
    }
}
