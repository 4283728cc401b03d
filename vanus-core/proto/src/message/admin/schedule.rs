//! Schedules: events made again and again.

use vanus_types::{
    Name, ScheduleId,
    codec::{Decode, Encode},
    control::{ScheduleInfo, ScheduleSpec},
};

/// Names one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ScheduleKey {
    /// The namespace it is in.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

/// Creates a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct CreateSchedule {
    /// The namespace it shall be in.
    pub namespace: Name,
    /// What it shall be.
    pub spec: ScheduleSpec,
}

/// Lists schedules in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ListSchedules {
    /// Only those of this namespace.
    pub namespace: Option<Name>,
    /// Begin after this one.
    pub after: Option<ScheduleId>,
    /// Most items wanted; the server may answer fewer.
    pub limit: u32,
}

/// Some schedules.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct SchedulePage {
    /// The schedules.
    pub items: Vec<ScheduleInfo>,
    /// Ask again after this one; `None` on the last page.
    pub next: Option<ScheduleId>,
}

/// Describes a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct GetSchedule {
    /// Which one.
    pub schedule: ScheduleKey,
}

/// Lets a schedule make no events until it is resumed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct PauseSchedule {
    /// Which one.
    pub schedule: ScheduleKey,
}

/// Lets a schedule go on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ResumeSchedule {
    /// Which one.
    pub schedule: ScheduleKey,
}

/// Deletes a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct DeleteSchedule {
    /// Which one.
    pub schedule: ScheduleKey,
}
