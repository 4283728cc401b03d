//! Identifiers: 64-bit numbers, written as 16 upper-case hexadecimal digits.

mod event_id;
mod generator;
mod kinds;
mod timer_id;

pub use event_id::EventId;
pub use generator::IdGenerator;
pub use kinds::{
    EventbusId, EventlogId, InvalidId, NamespaceId, ProducerId, ScheduleId, SubscriptionId,
};
pub use timer_id::TimerId;
