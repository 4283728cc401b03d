//! `CloudEvents` 1.0.2 as values that are valid by construction.
//!
//! An [`Event`] *is* its record: the bytes encoded once at the edge are the bytes on the wire, in
//! the log, in the segment and in the reader's hands. [`EventBuilder`] and [`EventParts`] make
//! one; formats (JSON, HTTP, protobuf) are elsewhere.

mod attribute;
mod builder;
mod data;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod event;
mod invalid;
mod parts;
mod record;
mod text;
pub mod timestamp;
mod uri;

pub use attribute::{AttributeRef, AttributeType, AttributeValue};
pub use builder::EventBuilder;
pub use data::{Data, DataKind};
pub use event::{Event, Extensions};
pub use invalid::InvalidEvent;
pub use parts::EventParts;
pub use record::{RECORD_HEADER_LEN, RecordError};
pub use uri::{check_uri, check_uri_reference};
