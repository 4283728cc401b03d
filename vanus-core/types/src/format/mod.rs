//! Event formats: JSON, JSON batch, protobuf and the HTTP binding, to and from [`crate::Event`].
//!
//! Everything is pure: bytes and header pairs come in, events or bytes go out. Sockets, header
//! maps of HTTP libraries and limits on bodies are the front door's. [`decode_http`] is the one
//! entry for a received HTTP message; the modules below serve everybody else.

mod content;
mod error;
pub mod http;
pub mod json;
pub mod json_batch;
pub mod protobuf;
mod receive;
#[cfg(feature = "sdk")]
mod sdk;

pub use content::{ContentMode, WireFormat, is_json, is_textual};
pub use error::DecodeError;
pub use receive::{CE_PREFIX, decode_http};
#[cfg(feature = "sdk")]
pub use sdk::FromSdkError;
