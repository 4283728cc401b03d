//! Eventbuses.

use vanus_types::{
    EventbusId, Name,
    codec::{Decode, Encode},
    control::{EventbusRecord, EventbusSpec, EventbusUpdate},
};

/// Names one eventbus.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub enum EventbusKey {
    /// By its id.
    Id(EventbusId),
    /// By its name.
    Name {
        /// The namespace it is in.
        namespace: Name,
        /// Its name there.
        name: Name,
    },
}

/// Creates an eventbus.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct CreateEventbus {
    /// The namespace it shall be in.
    pub namespace: Name,
    /// What it shall be.
    pub spec: EventbusSpec,
}

/// Lists eventbuses in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ListEventbuses {
    /// Only those of this namespace.
    pub namespace: Option<Name>,
    /// Begin after this one.
    pub after: Option<EventbusId>,
    /// Most items wanted; the server may answer fewer.
    pub limit: u32,
}

/// Some eventbuses.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct EventbusPage {
    /// The eventbuses.
    pub items: Vec<EventbusRecord>,
    /// Ask again after this one; `None` on the last page.
    pub next: Option<EventbusId>,
}

/// Describes an eventbus, its eventlogs and their offsets.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct GetEventbus {
    /// Which one.
    pub eventbus: EventbusKey,
    /// Whether the segments of its eventlogs are wanted too; they are left out otherwise.
    pub segments: bool,
}

/// Changes an eventbus.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct UpdateEventbus {
    /// Which one.
    pub eventbus: EventbusKey,
    /// What shall be different.
    pub update: EventbusUpdate,
}

/// Deletes an eventbus and its events.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct DeleteEventbus {
    /// Which one.
    pub eventbus: EventbusKey,
}
