//! Timers: events that wait for their time.

use serde::{Deserialize, Serialize};

use crate::{
    codec::{Decode, Encode},
    id::{EventbusId, TimerId},
    name::Name,
};

/// What is told about a timer that waits.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct TimerInfo {
    /// Its id.
    pub id: TimerId,
    /// When it is due, in milliseconds since the Unix epoch.
    pub due_ms: i64,
    /// The namespace of its eventbus; none if the eventbus was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
    /// The name of the eventbus its event goes to; none if it was deleted, and the event will go to the dead letters of timers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eventbus: Option<Name>,
    /// The id of the eventbus its event goes to.
    pub eventbus_id: EventbusId,
    /// `id` of the event.
    pub event_id: String,
    /// `source` of the event.
    pub event_source: String,
    /// `type` of the event.
    pub event_type: String,
    /// The attribute `partitionkey` of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Which timers are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimerFilter {
    /// Only those of this eventbus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eventbus_id: Option<EventbusId>,
    /// Only those with this `partitionkey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Only those due at this time or later, in milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_ms: Option<i64>,
    /// Only those due before this time, in milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

/// Where a list of timers goes on: after this time and id.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize,
)]
pub struct TimerPlace {
    /// When the last one looked at is due, in milliseconds since the Unix epoch.
    pub due_ms: i64,
    /// Which one that was.
    pub id: TimerId,
}

/// Some timers, by the time they are due.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct TimerList {
    /// The timers.
    pub items: Vec<TimerInfo>,
    /// Ask again after this one; none on the last page. A page may be empty and have this all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<TimerPlace>,
}

/// What became of the wish to cancel, move or fire a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimerOutcome {
    /// It was in time, and is done.
    Done,
    /// There is no such timer that waits: it has fired, or was cancelled, or never was.
    TooLate,
}
