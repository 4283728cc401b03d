//! Values of CESQL, and their casts.

use std::borrow::Cow;

use vanus_types::AttributeRef;

/// A value of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// True or false.
    Boolean(bool),
    /// A whole number of 32 bits.
    Integer(i32),
    /// Unicode characters.
    String(Cow<'a, str>),
}

/// The types of values, and what functions take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// As an argument: whatever it is.
    Any,
    /// True or false.
    Boolean,
    /// A whole number of 32 bits.
    Integer,
    /// Unicode characters.
    String,
}

impl Type {
    /// The name in the specification.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "Any",
            Self::Boolean => "Boolean",
            Self::Integer => "Integer",
            Self::String => "String",
        }
    }

    /// The type in a sentence.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Boolean => "true or false",
            Self::Integer => "an integer",
            Self::String => "text",
        }
    }

    /// What an operator or function of this type gives when it has nothing better.
    pub(super) const fn zero<'a>(self) -> Value<'a> {
        match self {
            Self::Any | Self::Boolean => Value::Boolean(false),
            Self::Integer => Value::Integer(0),
            Self::String => Value::String(Cow::Borrowed("")),
        }
    }
}

impl<'a> Value<'a> {
    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> Type {
        match self {
            Self::Boolean(_) => Type::Boolean,
            Self::Integer(_) => Type::Integer,
            Self::String(_) => Type::String,
        }
    }

    /// The attribute as a value: what is no boolean and no integer is its canonical string.
    pub(super) fn of_attribute(attribute: AttributeRef<'a>) -> Self {
        match attribute {
            AttributeRef::Boolean(value) => Self::Boolean(value),
            AttributeRef::Integer(value) => Self::Integer(value),
            other => Self::String(other.canonical()),
        }
    }

    /// Bytes of text it has.
    pub(super) fn text_len(&self) -> usize {
        match self {
            Self::String(text) => text.len(),
            Self::Boolean(_) | Self::Integer(_) => 0,
        }
    }

    /// The value as a boolean (section 3.7).
    pub(super) fn to_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            Self::Integer(value) => Some(*value != 0),
            Self::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Self::String(_) => None,
        }
    }

    /// The value as an integer (section 3.7).
    pub(super) fn to_integer(&self) -> Option<i32> {
        match self {
            Self::Boolean(value) => Some(i32::from(*value)),
            Self::Integer(value) => Some(*value),
            // It takes a sign and digits, and refuses what does not fit.
            Self::String(text) => text.parse().ok(),
        }
    }

    /// The value as a string (section 3.7).
    pub(super) fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Boolean(true) => Cow::Borrowed("true"),
            Self::Boolean(false) => Cow::Borrowed("false"),
            Self::Integer(value) => Cow::Owned(value.to_string()),
            Self::String(text) => text,
        }
    }

    /// The value as one of `wanted`.
    pub(super) fn cast(self, wanted: Type) -> Option<Self> {
        match wanted {
            Type::Any => Some(self),
            Type::Boolean => self.to_boolean().map(Self::Boolean),
            Type::Integer => self.to_integer().map(Self::Integer),
            Type::String => Some(Self::String(self.into_text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value<'_> {
        Value::String(text.into())
    }

    #[test]
    fn text_becomes_an_integer_with_a_sign_and_within_32_bits() {
        for (written, number) in [
            ("5", Some(5)),
            ("+5", Some(5)),
            ("-5", Some(-5)),
            ("007", Some(7)),
            ("-2147483648", Some(i32::MIN)),
            ("2147483648", None),
            ("", None),
            ("-", None),
            (" 5", None),
            ("5.0", None),
            ("0x5", None),
        ] {
            assert_eq!(text(written).to_integer(), number, "{written:?}");
        }
    }

    #[test]
    fn text_becomes_a_boolean_in_any_case_of_letters() {
        assert_eq!(text("TrUe").to_boolean(), Some(true));
        assert_eq!(text("FALSE").to_boolean(), Some(false));
        assert_eq!(text("1").to_boolean(), None);
        assert_eq!(text("").to_boolean(), None);
    }

    #[test]
    fn booleans_and_integers_become_each_other_and_text() {
        assert_eq!(Value::Integer(-3).to_boolean(), Some(true));
        assert_eq!(Value::Integer(0).to_boolean(), Some(false));
        assert_eq!(Value::Boolean(true).to_integer(), Some(1));
        assert_eq!(Value::Boolean(false).into_text(), "false");
        assert_eq!(Value::Integer(-7).into_text(), "-7");
    }
}
