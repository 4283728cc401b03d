//! The protobuf event format: one event, or a batch, as a protobuf message.
//!
//! * `datacontenttype`, `dataschema`, `subject`, `time` and extensions travel in a map with their
//!   types. A timestamp there is a point in time in UTC: its offset is not kept.
//! * Data travels as bytes, text or a `google.protobuf.Any`, the last kept in its encoded form.
//!   JSON data travels as text with a JSON content type.
//! * The messages of `vanus.core.cloudevents` (`proto/`) have the same layout.
//! * As protobuf has it, the last of two equal map keys counts.

mod decode;
mod encode;
mod messages;

pub use decode::{decode, decode_batch, decode_vanus_batch};
pub use encode::{encode, encode_batch, encode_vanus_batch};
