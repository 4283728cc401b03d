//! Timers: events that wait for their time.

use vanus_types::{
    TimerId,
    codec::{Decode, Encode},
    control::{TimerFilter, TimerInfo, TimerPlace},
};

use super::EventbusKey;

/// Lets events wait. They are synced to disk when this is answered. A message holds a mebibyte at most, so the records of its events
/// together a little less.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct SetTimers {
    /// Where the events go when they are due.
    pub eventbus: EventbusKey,
    /// The events.
    pub timers: Vec<NewTimer>,
}

/// An event that is to wait.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct NewTimer {
    /// When it is due, in milliseconds since the Unix epoch; as its attributes `xvanusdeliverytime` or `xvanusdelay` say if absent.
    pub due_ms: Option<i64>,
    /// The record of the event.
    pub record: Vec<u8>,
}

/// What the timers are called that were set, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct TimersSet {
    /// Their ids.
    pub ids: Vec<TimerId>,
}

/// Describes a timer that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct GetTimer {
    /// Which one.
    pub timer: TimerId,
}

/// A timer that waits. The body of the frame is one batch that holds its event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct TimerDetail {
    /// What is told about it.
    pub info: TimerInfo,
}

/// Lists timers that wait, by the time they are due.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ListTimers {
    /// Only those of this eventbus.
    pub eventbus: Option<EventbusKey>,
    /// Which ones.
    pub filter: TimerFilter,
    /// Begin after this one.
    pub after: Option<TimerPlace>,
    /// Most items wanted; the server may answer fewer.
    pub limit: u32,
}

/// Cancels a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct CancelTimer {
    /// Which one.
    pub timer: TimerId,
}

/// Lets a timer be due at another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct UpdateTimer {
    /// Which one.
    pub timer: TimerId,
    /// When it shall be due, in milliseconds since the Unix epoch.
    pub due_ms: i64,
}

/// Lets a timer be due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct FireTimer {
    /// Which one.
    pub timer: TimerId,
}
