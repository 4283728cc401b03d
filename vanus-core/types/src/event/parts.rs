//! A decoded event, borrowed: what formats fill in before the one encoding.

use super::{
    attribute::AttributeRef,
    data::{Data, DataKind},
    event::Event,
    invalid::InvalidEvent,
    record,
    text::{check_media_type, check_name, check_string},
};
use crate::limits::MAX_EXTENSIONS;

/// The attributes and data of one event, all borrowed. [`EventParts::encode`] checks and encodes
/// them in one pass. Optional attributes are `None` where absent.
#[derive(Debug, Clone, Default)]
pub struct EventParts<'a> {
    /// `id`, required.
    pub id: &'a str,
    /// `source`, required: a URI-reference.
    pub source: &'a str,
    /// `type`, required.
    pub ty: &'a str,
    /// `datacontenttype`: a media type.
    pub datacontenttype: Option<&'a str>,
    /// `dataschema`: an absolute URI.
    pub dataschema: Option<&'a str>,
    /// `subject`.
    pub subject: Option<&'a str>,
    /// `time`: an RFC 3339 timestamp, kept as given.
    pub time: Option<&'a str>,
    /// Extension attributes in any order.
    pub extensions: Vec<(&'a str, AttributeRef<'a>)>,
    /// The data.
    pub data: Data<'a>,
}

impl EventParts<'_> {
    /// Checks everything and encodes the record.
    ///
    /// # Errors
    /// [`InvalidEvent`] names the first broken rule or passed limit.
    pub fn encode(mut self) -> Result<Event, InvalidEvent> {
        self.check()?;
        self.extensions.sort_unstable_by_key(|(name, _)| *name);
        let mut names = self.extensions.iter().map(|(name, _)| *name);
        let mut previous = names.next();
        for name in names {
            if previous == Some(name) {
                return Err(InvalidEvent::Duplicate(name.to_owned()));
            }
            previous = Some(name);
        }
        record::encode(&self).map(Event::trusted)
    }

    /// Checks the rules of `CloudEvents`, but not that extension names differ.
    pub(crate) fn check(&self) -> Result<(), InvalidEvent> {
        for (name, value) in [("id", self.id), ("source", self.source), ("type", self.ty)] {
            if value.is_empty() {
                return Err(InvalidEvent::Empty(name.to_owned()));
            }
            check_string(name, value)?;
        }
        AttributeRef::UriRef(self.source).check("source")?;
        if let Some(value) = non_empty("datacontenttype", self.datacontenttype)? {
            check_media_type("datacontenttype", value)?;
        }
        if let Some(value) = non_empty("dataschema", self.dataschema)? {
            AttributeRef::Uri(value).check("dataschema")?;
        }
        if let Some(value) = non_empty("subject", self.subject)? {
            check_string("subject", value)?;
        }
        if let Some(value) = non_empty("time", self.time)? {
            AttributeRef::Timestamp(value).check("time")?;
        }
        self.check_extensions()?;
        let text = matches!(self.data.kind, DataKind::Text | DataKind::Json);
        if text && self.data.as_str().is_none() {
            return Err(InvalidEvent::value("data", "UTF-8 text", ""));
        }
        Ok(())
    }

    fn check_extensions(&self) -> Result<(), InvalidEvent> {
        const TAKEN: [&str; 9] = [
            "specversion",
            "id",
            "source",
            "type",
            "datacontenttype",
            "dataschema",
            "subject",
            "time",
            "data",
        ];
        if self.extensions.len() > MAX_EXTENSIONS {
            return Err(InvalidEvent::TooManyExtensions(self.extensions.len()));
        }
        for (name, value) in &self.extensions {
            check_name(name)?;
            if TAKEN.contains(name) {
                return Err(InvalidEvent::ReservedName((*name).to_owned()));
            }
            value.check(name)?;
        }
        Ok(())
    }
}

fn non_empty<'a>(name: &str, value: Option<&'a str>) -> Result<Option<&'a str>, InvalidEvent> {
    if value == Some("") {
        Err(InvalidEvent::Empty(name.to_owned()))
    } else {
        Ok(value)
    }
}
