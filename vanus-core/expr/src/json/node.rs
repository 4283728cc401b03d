//! A place in a JSON text that was read, and the way on from it.

use super::{JsonIndex, JsonKind, JsonValue};

/// A value of a JSON text with all that is inside it.
#[derive(Debug, Clone, Copy)]
pub struct JsonNode<'t> {
    index: &'t JsonIndex,
    text: &'t str,
    at: usize,
}

impl<'t> JsonNode<'t> {
    pub(super) const fn new(index: &'t JsonIndex, text: &'t str, at: usize) -> Self {
        Self { index, text, at }
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> JsonValue<'t> {
        let value = self.index.value_at(self.text, self.at);
        value.unwrap_or(JsonValue::new(JsonKind::Null, "null"))
    }

    /// The member of this name, if this is an object that has it; of several the last one. It looks
    /// at every name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Self> {
        self.member_counting(name, &mut 0)
    }

    /// The same, which adds the work it took to `work`.
    pub(crate) fn member_counting(&self, name: &str, work: &mut usize) -> Option<Self> {
        let at = self.index.member(self.text, self.at, name, work)?;
        Some(Self { at, ..*self })
    }

    /// Item `number`, counted from 0, if this is an array that has it. It steps over those before.
    #[must_use]
    pub fn item(&self, number: u32) -> Option<Self> {
        let at = self.index.item(self.at, number, &mut 0)?;
        Some(Self { at, ..*self })
    }

    /// The items of an array, or the names and values of an object by turns; nothing else has
    /// any.
    pub fn children(&self) -> impl Iterator<Item = Self> + use<'t> {
        let node = *self;
        let end = match self.value().kind() {
            JsonKind::Array | JsonKind::Object => self.index.after(self.at),
            _ => 0,
        };
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            let child = (at < end).then_some(Self { at, ..node })?;
            at = node.index.after(at);
            Some(child)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_stepped_through_one_by_one() {
        let text = r#"{"a": [1, [2, 3], {"x": 4}], "b": {}, "c": "é"}"#;
        let mut index = JsonIndex::new();
        index.read(text).unwrap();
        let root = index.root(text).unwrap();
        let written = |node: JsonNode<'_>| {
            let children = node.children();
            children
                .map(|child| child.value().written())
                .collect::<Vec<_>>()
                .join(" | ")
        };
        assert_eq!(
            written(root),
            r#""a" | [1, [2, 3], {"x": 4}] | "b" | {} | "c" | "é""#
        );
        let a = root.member("a").unwrap();
        assert_eq!(written(a), r#"1 | [2, 3] | {"x": 4}"#);
        assert_eq!(a.item(1).unwrap().item(0).unwrap().value().written(), "2");
        assert!(a.item(3).is_none() && a.member("a").is_none() && root.item(0).is_none());
        assert_eq!(written(root.member("b").unwrap()), "");
        assert_eq!(written(root.member("c").unwrap()), "");
        assert!(JsonIndex::new().root("").is_none());
    }
}
