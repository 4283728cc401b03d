//! The words of Vanus: events, batches, identifiers, names, limits, error codes and records.
//!
//! Everything here is plain data and pure functions. This crate knows no async, opens no file
//! and no socket, and reads neither clock nor randomness except through the [`Clock`] and
//! [`Entropy`] seams it defines.

pub mod batch;
pub mod checksum;
mod clock;
pub mod codec;
pub mod control;
mod durability;
mod entropy;
pub mod error;
pub mod event;
pub mod format;
mod id;
pub mod limits;
mod name;

pub use batch::{BATCH_HEADER_LEN, Batch, BatchBuilder, BatchError, BatchHeader};
pub use clock::{Clock, ManualClock, SystemClock};
pub use durability::Durability;
pub use entropy::{Entropy, OsEntropy, SeededEntropy};
pub use error::{Coded, ErrorCode, Fault, RetryClass};
pub use event::{
    AttributeRef, AttributeValue, Data, DataKind, Event, EventBuilder, EventParts, InvalidEvent,
};
pub use id::{
    EventId, EventbusId, EventlogId, IdGenerator, InvalidId, NamespaceId, ProducerId, ScheduleId,
    SubscriptionId, TimerId,
};
pub use name::{InvalidName, Name};
