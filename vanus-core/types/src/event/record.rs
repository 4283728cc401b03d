//! The record: one event as bytes, in which any attribute is readable without decoding the rest.
//!
//! Little endian, offsets from the start of the record:
//!
//! ```text
//!  0  u32  length of the record, this field included
//!  4  u8   version (1)
//!  5  u8   data kind: 0 none, 1 binary, 2 text, 3 JSON, 4 protobuf Any
//!  6  u8   number of extension attributes (n)
//!  7  u8   zero
//!  8  u32  offset of the data; it ends with the record
//! 12  7 × { u16 offset, u16 length }   id, source, type, datacontenttype, dataschema,
//!                                      subject, time; length 0 = absent
//! 40  n × { u16 name offset, u8 name length, u8 type, u16 value offset, u16 value length }
//!         sorted by name; type: 0 boolean, 1 integer, 2 string, 3 binary, 4 URI,
//!         5 URI-reference, 6 timestamp
//!  …  names and values, then the data
//! ```
//!
//! * `specversion` is 1.0 for every record of version 1 and takes no place.
//! * Everything before the data is shorter than 64 KiB.
//! * A boolean is one byte, an integer four; text is UTF-8.

use bytes::Bytes;

use super::{
    attribute::AttributeRef,
    data::{Data, DataKind},
    invalid::InvalidEvent,
    parts::EventParts,
};
use crate::{
    error::{Coded, ErrorCode},
    limits::{MAX_ATTRIBUTES_LEN, MAX_EVENT_LEN},
};

/// Bytes before the table of extension attributes.
pub const RECORD_HEADER_LEN: usize = 40;

const VERSION: u8 = 1;
const SLOTS_AT: usize = 12;
const EXTENSION_LEN: usize = 8;

/// The attributes with a fixed slot, in slot order.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slot {
    Id = 0,
    Source = 1,
    Type = 2,
    DataContentType = 3,
    DataSchema = 4,
    Subject = 5,
    Time = 6,
}

/// Bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes do not follow the layout.
    #[error("malformed event record: {0}")]
    Layout(&'static str),
    /// The layout holds, but the event breaks a rule.
    #[error("the event record holds an invalid event")]
    Invalid(#[from] InvalidEvent),
}

impl Coded for RecordError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Layout(_) => ErrorCode::MalformedMessage,
            Self::Invalid(invalid) => invalid.code(),
        }
    }
}

/// Encodes checked parts whose extensions are sorted.
pub(crate) fn encode(parts: &EventParts<'_>) -> Result<Bytes, InvalidEvent> {
    let slots = [
        Some(parts.id),
        Some(parts.source),
        Some(parts.ty),
        parts.datacontenttype,
        parts.dataschema,
        parts.subject,
        parts.time,
    ];
    let table = parts.extensions.len() * EXTENSION_LEN;
    let texts: usize = slots.iter().flatten().map(|text| text.len()).sum();
    let extensions: usize = parts
        .extensions
        .iter()
        .map(|(name, value)| name.len() + value_len(value))
        .sum();
    let data_at = RECORD_HEADER_LEN + table + texts + extensions;
    if data_at > MAX_ATTRIBUTES_LEN {
        return Err(InvalidEvent::AttributesTooLarge(data_at));
    }
    let length = data_at + parts.data.bytes.len();
    if length > MAX_EVENT_LEN {
        return Err(InvalidEvent::TooLarge(length));
    }

    let mut out = Vec::with_capacity(length);
    out.extend_from_slice(&narrow32(length).to_le_bytes());
    let count = u8::try_from(parts.extensions.len())
        .map_err(|_| InvalidEvent::TooManyExtensions(parts.extensions.len()))?;
    out.extend_from_slice(&[VERSION, parts.data.kind.to_byte(), count, 0]);
    out.extend_from_slice(&narrow32(data_at).to_le_bytes());
    let mut at = RECORD_HEADER_LEN + table;
    for slot in slots {
        let len = slot.map_or(0, str::len);
        out.extend_from_slice(&narrow16(at).to_le_bytes());
        out.extend_from_slice(&narrow16(len).to_le_bytes());
        at += len;
    }
    for (name, value) in &parts.extensions {
        let len = value_len(value);
        out.extend_from_slice(&narrow16(at).to_le_bytes());
        out.extend_from_slice(&[u8::try_from(name.len()).unwrap_or(0), type_byte(value)]);
        out.extend_from_slice(&narrow16(at + name.len()).to_le_bytes());
        out.extend_from_slice(&narrow16(len).to_le_bytes());
        at += name.len() + len;
    }
    for text in slots.iter().flatten() {
        out.extend_from_slice(text.as_bytes());
    }
    for (name, value) in &parts.extensions {
        out.extend_from_slice(name.as_bytes());
        put_value(&mut out, value);
    }
    out.extend_from_slice(parts.data.bytes);
    Ok(Bytes::from(out))
}

/// A view of record bytes. Reads outside the record answer "absent", never panic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordView<'a>(pub(crate) &'a [u8]);

impl<'a> RecordView<'a> {
    fn u16_at(self, at: usize) -> Option<usize> {
        let bytes = self.0.get(at..)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_le_bytes(*bytes)))
    }

    fn u32_at(self, at: usize) -> Option<usize> {
        let bytes = self.0.get(at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    }

    /// The text in a fixed slot, if present.
    pub(crate) fn slot(self, slot: Slot) -> Option<&'a str> {
        let at = SLOTS_AT + 4 * (slot as usize);
        let (start, len) = (self.u16_at(at)?, self.u16_at(at + 2)?);
        if len == 0 {
            return None;
        }
        std::str::from_utf8(self.0.get(start..start + len)?).ok()
    }

    /// How many extension attributes there are.
    pub(crate) fn extension_count(self) -> usize {
        self.0.get(6).copied().map_or(0, usize::from)
    }

    fn extension_name(self, index: usize) -> Option<&'a [u8]> {
        let at = RECORD_HEADER_LEN + index * EXTENSION_LEN;
        let (start, len) = (self.u16_at(at)?, usize::from(*self.0.get(at + 2)?));
        self.0.get(start..start + len)
    }

    /// The extension attribute at `index`, in the order of names.
    pub(crate) fn extension(self, index: usize) -> Option<(&'a str, AttributeRef<'a>)> {
        let name = std::str::from_utf8(self.extension_name(index)?).ok()?;
        Some((name, self.extension_value(index)?))
    }

    fn extension_value(self, index: usize) -> Option<AttributeRef<'a>> {
        let at = RECORD_HEADER_LEN + index * EXTENSION_LEN;
        let (start, len) = (self.u16_at(at + 4)?, self.u16_at(at + 6)?);
        let bytes = self.0.get(start..start + len)?;
        let text = || std::str::from_utf8(bytes).ok();
        Some(match self.0.get(at + 3)? {
            0 => match bytes {
                [0] => AttributeRef::Boolean(false),
                [1] => AttributeRef::Boolean(true),
                _ => return None,
            },
            1 => AttributeRef::Integer(i32::from_le_bytes(bytes.try_into().ok()?)),
            2 => AttributeRef::String(text()?),
            3 => AttributeRef::Binary(bytes),
            4 => AttributeRef::Uri(text()?),
            5 => AttributeRef::UriRef(text()?),
            6 => AttributeRef::Timestamp(text()?),
            _ => return None,
        })
    }

    /// The extension attribute called `name`: a binary search, nothing else is decoded.
    pub(crate) fn find_extension(self, name: &str) -> Option<AttributeRef<'a>> {
        let (mut low, mut high) = (0, self.extension_count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.extension_name(middle)?.cmp(name.as_bytes()) {
                std::cmp::Ordering::Equal => return self.extension_value(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Where the data starts; it ends with the record.
    pub(crate) fn data_at(self) -> usize {
        self.u32_at(8).unwrap_or(self.0.len())
    }

    /// The record with these attributes and other data.
    pub(crate) fn with_binary(self, data: &[&[u8]]) -> Result<Bytes, InvalidEvent> {
        let attributes = self.0.get(..self.data_at()).unwrap_or_default();
        let length = attributes.len() + data.iter().map(|part| part.len()).sum::<usize>();
        if length > MAX_EVENT_LEN {
            return Err(InvalidEvent::TooLarge(length));
        }
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(&narrow32(length).to_le_bytes());
        out.extend_from_slice(attributes.get(4..).unwrap_or_default());
        if let Some(kind) = out.get_mut(5) {
            *kind = DataKind::Binary.to_byte();
        }
        for part in data {
            out.extend_from_slice(part);
        }
        Ok(Bytes::from(out))
    }

    /// The data.
    pub(crate) fn data(self) -> Data<'a> {
        let kind = self
            .0
            .get(5)
            .copied()
            .and_then(DataKind::from_byte)
            .unwrap_or_default();
        Data {
            kind,
            bytes: self.0.get(self.data_at()..).unwrap_or_default(),
        }
    }

    /// Checks that the bytes follow the layout and hold a valid event.
    pub(crate) fn check(self) -> Result<(), RecordError> {
        let layout = |what| RecordError::Layout(what);
        if self.0.len() > MAX_EVENT_LEN {
            return Err(InvalidEvent::TooLarge(self.0.len()).into());
        }
        if self.u32_at(0) != Some(self.0.len()) {
            return Err(layout("its length field and its length differ"));
        }
        if self.0.get(4) != Some(&VERSION) {
            return Err(layout("its version is unknown"));
        }
        if self.0.get(7) != Some(&0) {
            return Err(layout("its reserved byte is not zero"));
        }
        let kind = self.0.get(5).copied().and_then(DataKind::from_byte);
        let kind = kind.ok_or(layout("its data kind is unknown"))?;
        let table_end = RECORD_HEADER_LEN + self.extension_count() * EXTENSION_LEN;
        let data_at = self.data_at();
        if data_at < table_end || data_at > self.0.len() || data_at > MAX_ATTRIBUTES_LEN {
            return Err(layout("its data starts in the wrong place"));
        }
        if kind == DataKind::None && data_at != self.0.len() {
            return Err(layout("it has data without a kind"));
        }
        // One layout per event: values lie back to back in table order, nothing between them.
        let mut at = table_end;
        for slot in 0..7 {
            let entry = SLOTS_AT + 4 * slot;
            let (start, len) = (self.u16_at(entry), self.u16_at(entry + 2).unwrap_or(0));
            if start != Some(at) {
                return Err(layout("an attribute lies in the wrong place"));
            }
            at += len;
        }
        for index in 0..self.extension_count() {
            let entry = RECORD_HEADER_LEN + index * EXTENSION_LEN;
            let name = usize::from(*self.0.get(entry + 2).unwrap_or(&0));
            if self.u16_at(entry) != Some(at) || self.u16_at(entry + 4) != Some(at + name) {
                return Err(layout("an extension lies in the wrong place"));
            }
            at += name + self.u16_at(entry + 6).unwrap_or(0);
        }
        if at != data_at {
            return Err(layout("attributes and data do not meet"));
        }
        self.check_event()
    }

    fn check_event(self) -> Result<(), RecordError> {
        let slot = |slot: Slot| -> Result<Option<&'a str>, RecordError> {
            let stored = self.u16_at(SLOTS_AT + 4 * (slot as usize) + 2).unwrap_or(0);
            match self.slot(slot) {
                None if stored > 0 => Err(RecordError::Layout("an attribute is not UTF-8")),
                text => Ok(text),
            }
        };
        let mut extensions = Vec::with_capacity(self.extension_count());
        for index in 0..self.extension_count() {
            let extension = self.extension(index);
            extensions.push(extension.ok_or(RecordError::Layout("an extension is malformed"))?);
        }
        if !extensions.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(RecordError::Layout("extensions are out of order"));
        }
        let parts = EventParts {
            id: slot(Slot::Id)?.unwrap_or_default(),
            source: slot(Slot::Source)?.unwrap_or_default(),
            ty: slot(Slot::Type)?.unwrap_or_default(),
            datacontenttype: slot(Slot::DataContentType)?,
            dataschema: slot(Slot::DataSchema)?,
            subject: slot(Slot::Subject)?,
            time: slot(Slot::Time)?,
            extensions,
            data: self.data(),
        };
        Ok(parts.check()?)
    }
}

fn put_value(out: &mut Vec<u8>, value: &AttributeRef<'_>) {
    match *value {
        AttributeRef::Boolean(value) => out.push(u8::from(value)),
        AttributeRef::Integer(value) => out.extend_from_slice(&value.to_le_bytes()),
        AttributeRef::Binary(value) => out.extend_from_slice(value),
        AttributeRef::String(text)
        | AttributeRef::Uri(text)
        | AttributeRef::UriRef(text)
        | AttributeRef::Timestamp(text) => out.extend_from_slice(text.as_bytes()),
    }
}

fn value_len(value: &AttributeRef<'_>) -> usize {
    match value {
        AttributeRef::Boolean(_) => 1,
        AttributeRef::Integer(_) => 4,
        AttributeRef::Binary(bytes) => bytes.len(),
        AttributeRef::String(text)
        | AttributeRef::Uri(text)
        | AttributeRef::UriRef(text)
        | AttributeRef::Timestamp(text) => text.len(),
    }
}

const fn type_byte(value: &AttributeRef<'_>) -> u8 {
    match value {
        AttributeRef::Boolean(_) => 0,
        AttributeRef::Integer(_) => 1,
        AttributeRef::String(_) => 2,
        AttributeRef::Binary(_) => 3,
        AttributeRef::Uri(_) => 4,
        AttributeRef::UriRef(_) => 5,
        AttributeRef::Timestamp(_) => 6,
    }
}

/// The sum of all places is checked against 64 KiB before anything is written.
fn narrow16(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// The length of the record is checked against its limit before anything is written.
fn narrow32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
