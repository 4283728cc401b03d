//! The JSON event format: one event as one JSON object (CloudEvents 1.0.2, JSON format).
//!
//! Reading, beyond what the specification spells out:
//!
//! * A member twice is an error: no two readers agree on which one counts.
//! * An attribute that is `null` is absent. `"data": null` is the JSON value null, which is data;
//!   beside `data_base64` it is absent.
//! * A number must be a whole number of 32 bits; an object or a list is no attribute.
//! * `data` is JSON, and kept byte for byte, if `datacontenttype` is JSON or absent, or if it is
//!   no JSON string; a string under another content type is text.
//!
//! Writing, so that reading it back gives the same bytes of data:
//!
//! | data | content type | written as |
//! |---|---|---|
//! | valid JSON | JSON | `data`, the value itself, without white space around it |
//! | JSON kind, valid | absent | `data`, the value itself |
//! | JSON kind, valid, no string | not JSON | `data`, the value itself |
//! | text kind, or textual content type and UTF-8 | not JSON | `data`, a string |
//! | anything else | any | `data_base64` |

mod decode;
mod encode;
mod members;

pub use decode::decode;
pub(super) use decode::{EventSeed, parse};
pub use encode::{encode, encode_into};
