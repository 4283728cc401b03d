//! An event as filters see it.

use std::{
    cell::{Cell, OnceCell},
    fmt,
};

use vanus_types::{AttributeRef, DataKind, Event};

use crate::json::{JsonIndex, JsonPath, JsonValue};

/// An event as filters see it, with what they have worked out about it so far: its data is read
/// as JSON when the first filter asks for a path in it, and never again.
///
/// ```
/// use vanus_expr::{EventView, Filter};
/// use vanus_types::{Event, control::FilterSpec};
///
/// let spec: FilterSpec = serde_json::from_str(r#"{"prefix": {"data.user.name": "A"}}"#)?;
/// let filter = Filter::compile(&[spec])?;
/// let event = Event::builder().id("1").source("/s").ty("t")
///     .json(r#"{"user": {"name": "Ada"}}"#).build()?;
/// assert!(filter.matches(&EventView::new(&event)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventView<'e> {
    event: &'e Event,
    /// The index that reading the data will use, until it is read.
    spare: Cell<JsonIndex>,
    json: OnceCell<Option<(&'e str, JsonIndex)>>,
}

impl<'e> EventView<'e> {
    /// A view of `event`.
    #[must_use]
    pub fn new(event: &'e Event) -> Self {
        Self::with_index(event, JsonIndex::new())
    }

    /// A view of `event` that uses the memory of `index` if it has to read the data as JSON.
    #[must_use]
    pub fn with_index(event: &'e Event, index: JsonIndex) -> Self {
        Self {
            event,
            spare: index.into(),
            json: OnceCell::new(),
        }
    }

    /// The index, to be used for the next event.
    #[must_use]
    pub fn into_index(self) -> JsonIndex {
        match self.json.into_inner() {
            Some(Some((_, index))) => index,
            _ => self.spare.into_inner(),
        }
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &'e Event {
        self.event
    }

    /// An attribute of the event.
    pub(crate) fn attribute(&self, name: &str) -> Option<AttributeRef<'e>> {
        self.event.attribute(name)
    }

    /// The whole payload.
    pub(crate) fn data(&self) -> Option<&'e [u8]> {
        let data = self.event.data();
        (!data.is_none()).then_some(data.bytes)
    }

    /// A value of the payload, if that is JSON and has it.
    pub(crate) fn json(&self, path: &JsonPath) -> Option<JsonValue<'e>> {
        self.json_counting(path, &mut 0)
    }

    /// The same, which adds the work it took to `work`, reading the payload left out.
    pub(crate) fn json_counting(&self, path: &JsonPath, work: &mut usize) -> Option<JsonValue<'e>> {
        let (text, index) = self.json.get_or_init(|| self.read()).as_ref()?;
        index.find_counting(text, path, work)
    }

    /// The whole payload, if that is JSON.
    pub(crate) fn json_root(&self) -> Option<crate::json::JsonNode<'_>> {
        let (text, index) = self.json.get_or_init(|| self.read()).as_ref()?;
        index.root(text)
    }

    /// Reads the payload as JSON, whatever its content type says.
    fn read(&self) -> Option<(&'e str, JsonIndex)> {
        let data = self.event.data();
        let text = match data.kind {
            DataKind::None | DataKind::Proto => return None,
            DataKind::Binary | DataKind::Text | DataKind::Json => data.as_str()?,
        };
        let mut index = self.spare.take();
        if index.read(text).is_ok() {
            return Some((text, index));
        }
        self.spare.set(index);
        None
    }
}

impl fmt::Debug for EventView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventView")
            .field("event", self.event)
            .finish_non_exhaustive()
    }
}
