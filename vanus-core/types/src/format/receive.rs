//! The one entry for a received HTTP message of any content mode.

pub use super::http::CE_PREFIX;
use super::{
    content::{ContentMode, WireFormat, strip_prefix},
    error::DecodeError,
    http, json, json_batch, protobuf,
};
use crate::event::Event;

/// Reads the events of an HTTP message: one, or those of a batch in its order.
///
/// `content_type` is the value of its only `Content-Type` header, `headers` gives all headers in
/// any order, each time it is asked.
///
/// # Errors
/// [`DecodeError`] says why; no event of a bad batch is taken.
pub fn decode_http<'h, I: IntoIterator<Item = (&'h str, &'h [u8])>>(
    content_type: Option<&'h str>,
    headers: impl Fn() -> I,
    body: &[u8],
) -> Result<Vec<Event>, DecodeError> {
    let has_attributes = headers()
        .into_iter()
        .any(|(name, _)| strip_prefix(name, CE_PREFIX).is_some());
    match ContentMode::detect(content_type, has_attributes)? {
        ContentMode::Binary => Ok(vec![http::decode(content_type, headers(), body)?]),
        ContentMode::Structured(WireFormat::Json) => Ok(vec![json::decode(body)?]),
        ContentMode::Structured(WireFormat::Protobuf) => Ok(vec![protobuf::decode(body)?]),
        ContentMode::Batch(WireFormat::Json) => json_batch::decode(body),
        ContentMode::Batch(WireFormat::Protobuf) => protobuf::decode_batch(body),
    }
}
