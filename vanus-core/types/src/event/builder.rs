//! Builds an event from owned values.

use super::{
    attribute::AttributeValue,
    data::{Data, DataKind},
    event::Event,
    invalid::InvalidEvent,
    parts::EventParts,
};

/// Collects attributes and data; [`EventBuilder::build`] checks them all at once.
///
/// ```
/// let event = vanus_types::Event::builder()
///     .id("1")
///     .source("/shop")
///     .ty("order.placed")
///     .json(r#"{"total": 12}"#)
///     .build()?;
/// assert_eq!(event.ty(), "order.placed");
/// # Ok::<(), vanus_types::InvalidEvent>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct EventBuilder {
    id: Option<String>,
    source: Option<String>,
    ty: Option<String>,
    datacontenttype: Option<String>,
    dataschema: Option<String>,
    subject: Option<String>,
    time: Option<String>,
    extensions: Vec<(String, AttributeValue)>,
    kind: DataKind,
    data: Vec<u8>,
}

impl EventBuilder {
    /// Sets `id`.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets `source`, a URI-reference.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets `type`.
    pub fn ty(mut self, ty: impl Into<String>) -> Self {
        self.ty = Some(ty.into());
        self
    }

    /// Sets `datacontenttype`, a media type.
    pub fn datacontenttype(mut self, media_type: impl Into<String>) -> Self {
        self.datacontenttype = Some(media_type.into());
        self
    }

    /// Sets `dataschema`, an absolute URI.
    pub fn dataschema(mut self, uri: impl Into<String>) -> Self {
        self.dataschema = Some(uri.into());
        self
    }

    /// Sets `subject`.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets `time`, RFC 3339 text.
    pub fn time(mut self, time: impl Into<String>) -> Self {
        self.time = Some(time.into());
        self
    }

    /// Sets an extension attribute; a second call with the same name replaces the value.
    pub fn extension(mut self, name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        let name = name.into();
        self.extensions.retain(|(taken, _)| *taken != name);
        self.extensions.push((name, value.into()));
        self
    }

    /// Removes an extension attribute, if it is there.
    pub fn without_extension(mut self, name: &str) -> Self {
        self.extensions.retain(|(taken, _)| taken != name);
        self
    }

    /// Sets the data to bytes whose meaning `datacontenttype` tells.
    pub fn binary(self, data: impl Into<Vec<u8>>) -> Self {
        self.data(DataKind::Binary, data)
    }

    /// Sets the data to text.
    pub fn text(self, data: impl Into<String>) -> Self {
        self.data(DataKind::Text, data.into())
    }

    /// Sets the data to JSON text, and `datacontenttype` to `application/json` if it is not set.
    pub fn json(mut self, data: impl Into<String>) -> Self {
        self.datacontenttype
            .get_or_insert_with(|| "application/json".to_owned());
        self.data(DataKind::Json, data.into())
    }

    /// Sets the data and how it is to be given back.
    pub fn data(mut self, kind: DataKind, data: impl Into<Vec<u8>>) -> Self {
        self.kind = kind;
        self.data = data.into();
        self
    }

    /// Checks everything and encodes the event.
    ///
    /// # Errors
    /// [`InvalidEvent`] names the first broken rule or passed limit.
    pub fn build(&self) -> Result<Event, InvalidEvent> {
        let data = match self.kind {
            DataKind::None => Data::NONE,
            kind => Data::new(kind, &self.data),
        };
        EventParts {
            id: self.id.as_deref().ok_or(InvalidEvent::Missing("id"))?,
            source: self
                .source
                .as_deref()
                .ok_or(InvalidEvent::Missing("source"))?,
            ty: self.ty.as_deref().ok_or(InvalidEvent::Missing("type"))?,
            datacontenttype: self.datacontenttype.as_deref(),
            dataschema: self.dataschema.as_deref(),
            subject: self.subject.as_deref(),
            time: self.time.as_deref(),
            extensions: self
                .extensions
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_ref()))
                .collect(),
            data,
        }
        .encode()
    }

    pub(crate) fn from_parts(parts: &EventParts<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            id: Some(parts.id.to_owned()),
            source: Some(parts.source.to_owned()),
            ty: Some(parts.ty.to_owned()),
            datacontenttype: owned(parts.datacontenttype),
            dataschema: owned(parts.dataschema),
            subject: owned(parts.subject),
            time: owned(parts.time),
            extensions: parts
                .extensions
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.to_value()))
                .collect(),
            kind: parts.data.kind,
            data: parts.data.bytes.to_vec(),
        }
    }
}
