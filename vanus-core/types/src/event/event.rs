//! The event value.

use std::fmt;

use bytes::Bytes;

use super::{
    attribute::AttributeRef,
    builder::EventBuilder,
    data::Data,
    invalid::InvalidEvent,
    parts::EventParts,
    record::{RecordError, RecordView, Slot},
};

/// An immutable, valid CloudEvent of version 1.0: its record bytes, shared by clones.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Event {
    record: Bytes,
}

impl Event {
    /// Starts an event; `id`, `source` and `type` are required.
    pub fn builder() -> EventBuilder {
        EventBuilder::default()
    }

    /// Makes an event of record bytes that come from outside, such as a client.
    ///
    /// # Errors
    /// [`RecordError`] when the bytes are no record or the event in them is invalid.
    pub fn from_record(record: Bytes) -> Result<Self, RecordError> {
        RecordView(&record).check()?;
        Ok(Self { record })
    }

    /// Makes an event of record bytes that were checked before and whose checksum was verified.
    ///
    /// Wrong bytes are memory-safe here: their attributes read as absent or empty.
    #[must_use]
    pub const fn trusted(record: Bytes) -> Self {
        Self { record }
    }

    /// The record.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.record
    }

    /// `id`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.view().slot(Slot::Id).unwrap_or_default()
    }

    /// `source`, a URI-reference.
    #[must_use]
    pub fn source(&self) -> &str {
        self.view().slot(Slot::Source).unwrap_or_default()
    }

    /// `type`.
    #[must_use]
    pub fn ty(&self) -> &str {
        self.view().slot(Slot::Type).unwrap_or_default()
    }

    /// `datacontenttype`, a media type.
    #[must_use]
    pub fn datacontenttype(&self) -> Option<&str> {
        self.view().slot(Slot::DataContentType)
    }

    /// `dataschema`, a URI.
    #[must_use]
    pub fn dataschema(&self) -> Option<&str> {
        self.view().slot(Slot::DataSchema)
    }

    /// `subject`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.view().slot(Slot::Subject)
    }

    /// `time`, RFC 3339 text as it was given.
    #[must_use]
    pub fn time(&self) -> Option<&str> {
        self.view().slot(Slot::Time)
    }

    /// Any attribute by its name, `specversion` and extensions included.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<AttributeRef<'_>> {
        let view = self.view();
        match name {
            "specversion" => Some(AttributeRef::String("1.0")),
            "id" => view.slot(Slot::Id).map(AttributeRef::String),
            "source" => view.slot(Slot::Source).map(AttributeRef::UriRef),
            "type" => view.slot(Slot::Type).map(AttributeRef::String),
            "datacontenttype" => view.slot(Slot::DataContentType).map(AttributeRef::String),
            "dataschema" => view.slot(Slot::DataSchema).map(AttributeRef::Uri),
            "subject" => view.slot(Slot::Subject).map(AttributeRef::String),
            "time" => view.slot(Slot::Time).map(AttributeRef::Timestamp),
            extension => view.find_extension(extension),
        }
    }

    /// The extension attributes in the order of their names.
    #[must_use]
    pub fn extensions(&self) -> Extensions<'_> {
        Extensions {
            view: self.view(),
            next: 0,
        }
    }

    /// The data.
    #[must_use]
    pub fn data(&self) -> Data<'_> {
        self.view().data()
    }

    /// The bytes of the data without copying them.
    #[must_use]
    pub fn data_bytes(&self) -> Bytes {
        let at = self.view().data_at().min(self.record.len());
        self.record.slice(at..)
    }

    /// All parts, borrowed.
    #[must_use]
    pub fn parts(&self) -> EventParts<'_> {
        EventParts {
            id: self.id(),
            source: self.source(),
            ty: self.ty(),
            datacontenttype: self.datacontenttype(),
            dataschema: self.dataschema(),
            subject: self.subject(),
            time: self.time(),
            extensions: self.extensions().collect(),
            data: self.data(),
        }
    }

    /// The same attributes with other data, given in pieces that are put together. Nothing but the data is looked at, so this is
    /// the cheap way to many events that differ in their data only.
    ///
    /// # Errors
    /// [`InvalidEvent::TooLarge`].
    pub fn with_binary(&self, data: &[&[u8]]) -> Result<Self, InvalidEvent> {
        let record = self.view().with_binary(data)?;
        Ok(Self { record })
    }

    /// A builder with everything of this event.
    pub fn to_builder(&self) -> EventBuilder {
        EventBuilder::from_parts(&self.parts())
    }

    fn view(&self) -> RecordView<'_> {
        RecordView(&self.record)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Data may be large or secret: its length is enough to recognise an event.
        f.debug_struct("Event")
            .field("id", &self.id())
            .field("source", &self.source())
            .field("type", &self.ty())
            .field("data_len", &self.data().bytes.len())
            .finish_non_exhaustive()
    }
}

/// Iterates over the extension attributes of an event.
#[derive(Debug, Clone)]
pub struct Extensions<'a> {
    view: RecordView<'a>,
    next: usize,
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (&'a str, AttributeRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.view.extension_count() {
            return None;
        }
        let index = self.next;
        self.next += 1;
        self.view.extension(index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{AttributeValue, InvalidEvent, event::DataKind};

    fn full() -> Event {
        Event::builder()
            .id("i")
            .source("/s")
            .ty("t")
            .subject("sub")
            .time("2018-04-05T17:31:00Z")
            .datacontenttype("text/plain")
            .dataschema("https://a.b/c")
            .extension("zebra", 7)
            .extension("apple", true)
            .extension("blob", vec![0_u8, 255])
            .text("hello")
            .build()
            .unwrap()
    }

    #[test]
    fn every_attribute_is_readable() {
        let event = full();
        assert_eq!((event.id(), event.source(), event.ty()), ("i", "/s", "t"));
        assert_eq!(event.attribute("zebra"), Some(AttributeRef::Integer(7)));
        assert_eq!(event.attribute("apple"), Some(AttributeRef::Boolean(true)));
        assert_eq!(
            event.attribute("blob"),
            Some(AttributeRef::Binary(&[0, 255]))
        );
        assert_eq!(
            event.attribute("specversion"),
            Some(AttributeRef::String("1.0"))
        );
        assert_eq!(event.attribute("nothing"), None);
        assert_eq!(event.data(), Data::new(DataKind::Text, b"hello"));
        assert_eq!(event.data_bytes(), "hello");
        let names: Vec<_> = event.extensions().map(|(name, _)| name).collect();
        assert_eq!(names, ["apple", "blob", "zebra"]);
        assert_eq!(event.to_builder().build().unwrap(), event);
    }

    #[test]
    fn other_data_leaves_the_attributes_alone() {
        let event = full().with_binary(&[b"ab", b"", b"c"]).unwrap();
        let built = full().to_builder().binary(*b"abc").build().unwrap();
        assert_eq!(event, built);
        let huge = vec![0; crate::limits::MAX_EVENT_LEN];
        assert!(matches!(
            full().with_binary(&[&huge]),
            Err(InvalidEvent::TooLarge(_))
        ));
    }

    #[test]
    fn a_record_from_outside_is_checked() {
        let event = full();
        let again = Event::from_record(event.record().clone()).unwrap();
        assert_eq!(again, event);
        for cut in 0..event.record().len() {
            assert!(
                Event::from_record(event.record().slice(..cut)).is_err(),
                "{cut}"
            );
        }
        for bit in 0..RecordView(event.record()).data_at() * 8 {
            let mut bytes = event.record().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // Either refused, or some other valid event; never a panic.
            if let Ok(other) = Event::from_record(Bytes::from(bytes)) {
                assert_eq!(other.to_builder().build().unwrap(), other);
            }
        }
    }

    #[test]
    fn each_broken_rule_is_named() {
        let base = || Event::builder().id("i").source("/s").ty("t");
        let code = |builder: EventBuilder| builder.build().unwrap_err();
        assert_eq!(code(base().id("")), InvalidEvent::Empty("id".into()));
        assert_eq!(
            code(Event::builder().id("i").ty("t")),
            InvalidEvent::Missing("source")
        );
        assert_eq!(
            code(base().subject("")),
            InvalidEvent::Empty("subject".into())
        );
        assert!(matches!(
            code(base().source("a b")),
            InvalidEvent::Value { .. }
        ));
        assert!(matches!(
            code(base().time("noon")),
            InvalidEvent::Value { .. }
        ));
        assert!(matches!(
            code(base().extension("a.b", 1)),
            InvalidEvent::AttributeName(_)
        ));
        assert!(matches!(
            code(base().extension("time", 1)),
            InvalidEvent::ReservedName(_)
        ));
        let huge = "x".repeat(70_000);
        assert!(matches!(
            code(base().subject(huge)),
            InvalidEvent::AttributesTooLarge(_)
        ));
    }

    proptest! {
        #[test]
        fn any_built_event_survives_its_record(
            id in "[ -~]{1,40}", subject in proptest::option::of("\\PC{1,40}"),
            extensions in proptest::collection::btree_map("[a-z0-9]{1,20}", any::<i32>(), 0..8),
            data in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut builder = Event::builder().id(id).source("/s").ty("t").binary(data.clone());
            if let Some(subject) = subject {
                builder = builder.subject(subject);
            }
            for (name, value) in &extensions {
                builder = builder.extension(format!("x{name}"), AttributeValue::Integer(*value));
            }
            if let Ok(event) = builder.build() {
                let again = Event::from_record(event.record().clone()).unwrap();
                prop_assert_eq!(again.data().bytes, &data[..]);
                for (name, value) in &extensions {
                    let found = again.attribute(&format!("x{name}"));
                    prop_assert_eq!(found, Some(AttributeRef::Integer(*value)));
                }
            }
        }
    }
}
