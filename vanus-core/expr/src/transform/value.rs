//! JSON values in the hands of a transformer: text that is not changed stays borrowed.

use std::borrow::Cow;

use crate::budget::{Budget, Exhausted};

/// Work of one value that is copied, in units of the budget: about as many nanoseconds.
pub(super) const VALUE_WORK: usize = 24;

/// A JSON value. `'a` is the life of the event and of the transformer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Boolean(bool),
    Number(Number<'a>),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// A number. What was not computed stays as it was written, whatever its size.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Number<'a> {
    Written(Cow<'a, str>),
    Integer(i64),
    /// Finite.
    Float(f64),
}

/// An object: members in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Object<'a> {
    pub(super) members: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Value<'a> {
    /// A text.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::String(text.into())
    }

    /// A whole number.
    pub(super) const fn integer(number: i64) -> Self {
        Self::Number(Number::Integer(number))
    }

    /// A computed number; nothing if it is infinite or none.
    pub(super) fn float(number: f64) -> Option<Self> {
        number
            .is_finite()
            .then_some(Self::Number(Number::Float(number)))
    }

    /// A list of texts.
    pub(super) fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        Self::Array(texts.into_iter().map(Self::text).collect())
    }

    /// What it is, for people.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The value without its null: null is the same as missing where something is asked for.
    pub(super) fn present(&self) -> Option<&Self> {
        match self {
            Self::Null => None,
            value => Some(value),
        }
    }

    /// A copy that is paid for.
    pub(super) fn copy(&self, budget: &Budget) -> Result<Self, Exhausted> {
        let owned = |text: &Cow<'a, str>| match text {
            Cow::Borrowed(_) => 0,
            Cow::Owned(text) => text.len(),
        };
        Ok(match self {
            Self::Null | Self::Boolean(_) => self.clone(),
            Self::Number(Number::Written(text)) | Self::String(text) => {
                budget.pay(VALUE_WORK + owned(text))?;
                self.clone()
            }
            Self::Number(_) => self.clone(),
            Self::Array(items) => {
                budget.pay(VALUE_WORK * (items.len() + 1))?;
                let items = items.iter().map(|item| item.copy(budget));
                Self::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Object(object) => {
                budget.pay(2 * VALUE_WORK * (object.members.len() + 1))?;
                let members = object.members.iter().map(|(name, value)| {
                    budget.pay(owned(name))?;
                    Ok((name.clone(), value.copy(budget)?))
                });
                Self::Object(Object {
                    members: members.collect::<Result<_, _>>()?,
                })
            }
        })
    }

    /// A copy that borrows all text of a value that lives as long as the transformer.
    pub(super) fn lend(&'a self, budget: &Budget) -> Result<Self, Exhausted> {
        Ok(match self {
            Self::Null => Self::Null,
            Self::Boolean(value) => Self::Boolean(*value),
            Self::Number(Number::Written(text)) => {
                Self::Number(Number::Written(text.as_ref().into()))
            }
            Self::Number(number) => Self::Number(number.clone()),
            Self::String(text) => Self::text(text.as_ref()),
            Self::Array(items) => {
                budget.pay(VALUE_WORK * (items.len() + 1))?;
                let items = items.iter().map(|item| item.lend(budget));
                Self::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Object(object) => {
                budget.pay(2 * VALUE_WORK * (object.members.len() + 1))?;
                let members = object
                    .members
                    .iter()
                    .map(|(name, value)| Ok((Cow::Borrowed(name.as_ref()), value.lend(budget)?)));
                Self::Object(Object {
                    members: members.collect::<Result<_, _>>()?,
                })
            }
        })
    }

    /// How deep arrays and objects nest in it, at most `most`; nothing if they nest deeper.
    pub(super) fn depth_within(&self, most: usize) -> Option<usize> {
        let deepest = |values: &mut dyn Iterator<Item = &Self>| {
            let most = most.checked_sub(1)?;
            let mut deepest = 0;
            for value in values {
                deepest = value.depth_within(most)?.max(deepest);
            }
            Some(deepest)
        };
        match self {
            Self::Array(items) => Some(1 + deepest(&mut items.iter())?),
            Self::Object(object) => {
                Some(1 + deepest(&mut object.members.iter().map(|(_, value)| value))?)
            }
            _ => Some(0),
        }
    }
}

impl Number<'_> {
    /// The number as a double; nothing if it is too large for one.
    pub(super) fn float(&self) -> Option<f64> {
        let number = match self {
            Self::Written(text) => text.parse().ok()?,
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
        };
        number.is_finite().then_some(number)
    }

    /// The number as a whole one, cut towards zero; nothing if it does not fit.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Written(text) => match text.parse() {
                Ok(number) => Some(number),
                Err(_) => cut(self.float()?),
            },
            Self::Float(number) => cut(*number),
        }
    }

    /// The number as it was written, or the shortest text that means the same double.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Written(text) => Cow::Borrowed(text),
            _ => self.normal(),
        }
    }

    /// The number as text that is the same however it was written: digits if it is whole, else the
    /// shortest that means the same double.
    pub(super) fn normal(&self) -> Cow<'_, str> {
        match self {
            Self::Written(text) => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                match self.float() {
                    Some(number) if !digits.bytes().all(|b| b.is_ascii_digit()) => {
                        Cow::Owned(float_text(number))
                    }
                    _ => Cow::Borrowed(text),
                }
            }
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Float(number) => Cow::Owned(float_text(*number)),
        }
    }
}

/// A double cut to a whole number, if that fits.
fn cut(number: f64) -> Option<i64> {
    // The bounds are doubles themselves.
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0)
        .contains(&number)
        .then_some(number as i64)
}

/// A finite double as text, as JSON has it.
pub(super) fn float_text(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 {
        "0".to_owned()
    } else if (1e-6..1e21).contains(&size) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

impl<'a> Object<'a> {
    /// The member of this name; of several the last one counts.
    pub(super) fn get(&self, name: &str) -> Option<&Value<'a>> {
        let mut members = self.members.iter().rev();
        let found = members.find(|(taken, _)| taken == name);
        found.map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Value<'a>> {
        let mut members = self.members.iter_mut().rev();
        let found = members.find(|(taken, _)| taken == name);
        found.map(|(_, value)| value)
    }

    /// Puts a member in the place of those of this name, or at the end.
    pub(super) fn set(&mut self, name: impl Into<Cow<'a, str>>, value: Value<'a>) {
        let name = name.into();
        match self.members.iter().position(|(taken, _)| *taken == name) {
            None => self.members.push((name, value)),
            Some(first) => {
                if let Some(slot) = self.members.get_mut(first) {
                    slot.1 = value;
                }
                let mut n = 0;
                self.members.retain(|(taken, _)| {
                    n += 1;
                    n <= first + 1 || *taken != name
                });
            }
        }
    }

    /// Takes the members of this name out; answers the one that counts.
    pub(super) fn remove(&mut self, name: &str) -> Option<Value<'a>> {
        let mut removed = None;
        while let Some(at) = self.members.iter().rposition(|(taken, _)| taken == name) {
            let (_, value) = self.members.remove(at);
            removed.get_or_insert(value);
        }
        removed
    }
}

impl From<&serde_json::Value> for Value<'static> {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Boolean(*value),
            Json::Number(number) => Self::Number(Number::Written(number.to_string().into())),
            Json::String(text) => Self::text(text.clone()),
            Json::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Json::Object(members) => Self::Object(Object {
                members: members
                    .iter()
                    .map(|(name, value)| (name.clone().into(), Self::from(value)))
                    .collect(),
            }),
        }
    }
}
