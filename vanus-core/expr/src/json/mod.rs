//! Reading single values out of JSON text without building a tree of it.
//!
//! [`JsonIndex`] reads a text once, checks all of it, and remembers where each value begins and
//! ends; [`JsonPath`] says which value is wanted; [`JsonValue`] is that value, still as it was
//! written.

mod error;
mod index;
mod node;
mod path;
mod reader;
mod value;
mod words;

pub use error::JsonError;
#[cfg(feature = "transform")]
pub(crate) use error::MAX_JSON_DEPTH;
pub use index::JsonIndex;
pub use node::JsonNode;
pub(crate) use path::Step;
pub use path::{JsonPath, MAX_PATH_LEN, MAX_PATH_STEPS, PathError};
#[cfg(feature = "transform")]
pub(crate) use reader::{Reader, plain_len};
#[cfg(feature = "transform")]
pub(crate) use value::unescape;
pub use value::{JsonKind, JsonValue};
#[cfg(feature = "transform")]
pub(crate) use words::PathWords;

#[cfg(test)]
mod tests;
