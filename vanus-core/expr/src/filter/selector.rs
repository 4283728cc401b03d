//! One value of an event, chosen by its name: what orders deliveries, or keeps a key on its route.

use std::borrow::Cow;

use super::{EventView, FilterError, compile::subject, test::Subject};
use crate::json::JsonValue;

/// Chooses an attribute, the whole payload (`data`), or a value of a JSON payload (`data.path`),
/// named as in the filter dialect `exact`.
///
/// ```
/// use vanus_expr::{EventView, Selector};
/// use vanus_types::Event;
///
/// let event = Event::builder().id("1").source("/s").ty("t").json(r#"{"user": 7}"#).build()?;
/// let view = EventView::new(&event);
/// assert_eq!(Selector::parse("data.user")?.text(&view).as_deref(), Some(b"7".as_slice()));
/// assert_eq!(Selector::parse("subject")?.text(&view), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    subject: Subject,
}

impl Selector {
    /// Reads the name of a value.
    ///
    /// # Errors
    /// [`FilterError`] when it is no name of an attribute, nor `data`, nor a path that can be read.
    pub fn parse(name: &str) -> Result<Self, FilterError> {
        let subject = subject(name, "key")?;
        Ok(Self { subject })
    }

    /// The value as text, in the form filters compare; nothing if the event has no such value.
    #[must_use]
    pub fn text<'v>(&self, view: &'v EventView<'_>) -> Option<Cow<'v, [u8]>> {
        match &self.subject {
            Subject::Attribute(name) => view.attribute(name).map(|value| match value.canonical() {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            }),
            Subject::Data => view.data().map(Cow::Borrowed),
            Subject::Json(path) => {
                let value = view.json(path);
                let text = value.as_ref().and_then(JsonValue::text)?;
                Some(Cow::Owned(text.into_owned().into_bytes()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use vanus_types::Event;

    use super::*;

    #[test]
    fn every_kind_of_value_is_found_and_a_missing_one_is_none() {
        let event = Event::builder().id("1").source("/s").ty("t").subject("ada");
        let event = event
            .extension("n", 7)
            .json(r#"{"a": {"b": "x"}, "c": null}"#);
        let event = event.build().unwrap();
        let view = EventView::new(&event);
        let text = |name: &str| {
            let found = Selector::parse(name).unwrap().text(&view);
            found.map(|text| String::from_utf8(text.into_owned()).unwrap())
        };
        assert_eq!(text("subject").as_deref(), Some("ada"));
        assert_eq!(text("n").as_deref(), Some("7"));
        assert_eq!(text("data.a.b").as_deref(), Some("x"));
        assert_eq!(
            text("data").as_deref(),
            Some(r#"{"a": {"b": "x"}, "c": null}"#)
        );
        assert_eq!(text("partitionkey"), None);
        assert_eq!(text("data.c"), None);
        assert!(Selector::parse("No Name").is_err() && Selector::parse("data.").is_err());
    }
}
