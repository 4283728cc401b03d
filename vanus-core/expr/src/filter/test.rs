//! The leaves of a filter: one value of an event against one text.

use std::io::Write as _;

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use vanus_types::AttributeRef;

use super::EventView;
use crate::json::{JsonPath, JsonValue};

/// A value of an event compared with a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Test {
    pub(crate) subject: Subject,
    pub(crate) comparison: Comparison,
    /// Never empty.
    pub(crate) wanted: Box<str>,
}

/// Which value of an event is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// The attribute of this name.
    Attribute(Box<str>),
    /// The whole payload.
    Data,
    /// A value of the payload, which is JSON.
    Json(JsonPath),
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    /// It is the wanted text.
    Exact,
    /// It begins with the wanted text.
    Prefix,
    /// It ends with the wanted text.
    Suffix,
}

/// The cost of reading data, beside a test of an attribute.
pub(crate) const DATA_COST: u32 = 100;

impl Test {
    /// Whether the value is there and passes.
    pub(crate) fn passes(&self, view: &EventView<'_>) -> bool {
        match &self.subject {
            Subject::Attribute(name) => view
                .attribute(name)
                .is_some_and(|value| self.passes_attribute(value)),
            Subject::Data => view.data().is_some_and(|data| self.compare(data)),
            Subject::Json(path) => {
                let text = view.json(path).as_ref().and_then(JsonValue::text);
                text.is_some_and(|text| self.compare(text.as_bytes()))
            }
        }
    }

    /// How much work the test is, compared with others.
    pub(crate) fn cost(&self) -> u32 {
        match self.subject {
            Subject::Attribute(_) => 1,
            Subject::Data => 2,
            Subject::Json(_) => DATA_COST,
        }
    }

    fn compare(&self, value: &[u8]) -> bool {
        let wanted = self.wanted.as_bytes();
        match self.comparison {
            Comparison::Exact => value == wanted,
            Comparison::Prefix => value.starts_with(wanted),
            Comparison::Suffix => value.ends_with(wanted),
        }
    }

    /// Compares the canonical string of an attribute without allocating it.
    fn passes_attribute(&self, value: AttributeRef<'_>) -> bool {
        match value {
            AttributeRef::Boolean(true) => self.compare(b"true"),
            AttributeRef::Boolean(false) => self.compare(b"false"),
            AttributeRef::Integer(number) => {
                let mut digits = [0_u8; 11];
                let mut rest = digits.as_mut_slice();
                let written = write!(rest, "{number}").map(|()| 11 - rest.len());
                written.is_ok_and(|n| digits.get(..n).is_some_and(|text| self.compare(text)))
            }
            AttributeRef::Binary(bytes) => self.compare_base64(bytes),
            AttributeRef::String(text)
            | AttributeRef::Uri(text)
            | AttributeRef::UriRef(text)
            | AttributeRef::Timestamp(text) => self.compare(text.as_bytes()),
        }
    }

    fn compare_base64(&self, bytes: &[u8]) -> bool {
        let length = bytes.len().div_ceil(3) * 4;
        let skipped = match (length.checked_sub(self.wanted.len()), self.comparison) {
            (None, _) | (Some(1..), Comparison::Exact) => return false,
            (Some(_), Comparison::Exact | Comparison::Prefix) => 0,
            (Some(more), Comparison::Suffix) => more,
        };
        let mut window = Window {
            skip: skipped,
            left: self.wanted.as_bytes(),
        };
        let written = std::fmt::write(
            &mut window,
            format_args!("{}", Base64Display::new(bytes, &STANDARD)),
        );
        written.is_ok()
    }
}

/// Compares what is written to it, from a place on, with a text; fails to write when it differs.
struct Window<'w> {
    skip: usize,
    left: &'w [u8],
}

impl std::fmt::Write for Window<'_> {
    fn write_str(&mut self, written: &str) -> std::fmt::Result {
        let Some(written) = written.as_bytes().get(self.skip..) else {
            self.skip -= written.len();
            return Ok(());
        };
        self.skip = 0;
        let common = written.len().min(self.left.len());
        let (Some(written), Some((wanted, left))) =
            (written.get(..common), self.left.split_at_checked(common))
        else {
            return Err(std::fmt::Error);
        };
        self.left = left;
        if written == wanted {
            Ok(())
        } else {
            Err(std::fmt::Error)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = vanus_types::AttributeValue> {
        use vanus_types::AttributeValue as V;
        prop_oneof![
            any::<bool>().prop_map(V::Boolean),
            any::<i32>().prop_map(V::Integer),
            prop::collection::vec(any::<u8>(), 0..2500).prop_map(V::Binary),
            "[a-c]{0,6}".prop_map(V::String),
        ]
    }

    proptest! {
        #[test]
        fn an_attribute_is_compared_in_its_canonical_form(
            value in any_value(),
            from: prop::sample::Index,
            to: prop::sample::Index,
            other in "[a-c0-9=/+]{1,3}",
            use_other: bool,
        ) {
            let canonical = value.as_ref().canonical().into_owned();
            let (from, to) = (from.index(canonical.len() + 1), to.index(canonical.len() + 1));
            let wanted = if use_other { &other } else { &canonical[from.min(to)..from.max(to)] };
            let cases = [
                (Comparison::Exact, canonical == *wanted),
                (Comparison::Prefix, canonical.starts_with(wanted)),
                (Comparison::Suffix, canonical.ends_with(wanted)),
            ];
            for (comparison, expected) in cases {
                let subject = Subject::Attribute("a".into());
                let test = Test { subject, comparison, wanted: wanted.into() };
                prop_assert_eq!(test.passes_attribute(value.as_ref()), expected, "{:?}", test);
            }
        }
    }
}
