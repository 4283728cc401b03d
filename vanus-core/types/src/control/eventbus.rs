//! Eventbuses, their eventlogs and segments.

use serde::{Deserialize, Serialize};

use super::invalid::{InvalidSpec, check_length, check_range};
use crate::{
    codec::{Decode, Encode},
    id::{EventbusId, EventlogId, NamespaceId},
    limits::{DEFAULT_RETENTION_MS, MAX_DESCRIPTION_LEN, MAX_EVENTLOGS},
    name::Name,
};

/// Whose unread events retention leaves alone.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum RetainFor {
    /// Nobody's: age and size alone decide.
    #[default]
    None,
    /// What some subscription of the eventbus has not committed is kept, whatever its age and
    /// size. A disabled subscription counts like any other: it is disabled so that nothing is
    /// delivered for a while, not so that it is lost. It lets go when it is deleted or moved.
    Subscriptions,
}

impl RetainFor {
    /// As it is written in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Subscriptions => "subscriptions",
        }
    }
}

/// What a caller asks for: a new eventbus.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventbusSpec {
    /// Its name, unique in its namespace.
    pub name: Name,
    /// How many eventlogs it has, 1 to [`MAX_EVENTLOGS`].
    #[serde(default = "one")]
    pub eventlogs: u16,
    /// What people should know about it.
    #[serde(default)]
    pub description: String,
    /// Age after which its events may be deleted, in milliseconds; at least a second.
    #[serde(default = "default_retention")]
    pub retention_ms: u64,
    /// Most bytes its eventlogs may hold together before the oldest segments are deleted; absent
    /// is no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_bytes: Option<u64>,
    /// Whose unread events retention leaves alone.
    #[serde(default)]
    pub retain_for: RetainFor,
    /// An id of the caller's choice; else one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EventbusId>,
}

const fn one() -> u16 {
    1
}

const fn default_retention() -> u64 {
    DEFAULT_RETENTION_MS
}

const LEAST_RETENTION_MS: u64 = 1_000;

impl EventbusSpec {
    /// An eventbus of this name with one eventlog and the default retention.
    #[must_use]
    pub const fn new(name: Name) -> Self {
        Self {
            name,
            eventlogs: 1,
            description: String::new(),
            retention_ms: DEFAULT_RETENTION_MS,
            retention_bytes: None,
            retain_for: RetainFor::None,
            id: None,
        }
    }

    /// Checks what can be checked without the store.
    ///
    /// # Errors
    /// [`InvalidSpec`] names the field.
    pub fn check(&self) -> Result<(), InvalidSpec> {
        check_range("eventlogs", self.eventlogs.into(), 1, MAX_EVENTLOGS.into())?;
        check_range(
            "retention_ms",
            self.retention_ms,
            LEAST_RETENTION_MS,
            u64::MAX,
        )?;
        if let Some(bytes) = self.retention_bytes {
            check_range("retention_bytes", bytes, 1, u64::MAX)?;
        }
        check_length("description", &self.description, MAX_DESCRIPTION_LEN)
    }
}

/// What a caller asks for: a change of an eventbus. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventbusUpdate {
    /// The new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The new retention in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_ms: Option<u64>,
    /// The new bound in bytes; 0 lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_bytes: Option<u64>,
    /// Whose unread events retention leaves alone from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_for: Option<RetainFor>,
}

impl EventbusUpdate {
    /// Whether it changes what retention does.
    #[must_use]
    pub const fn touches_retention(&self) -> bool {
        self.retention_ms.is_some() || self.retention_bytes.is_some() || self.retain_for.is_some()
    }

    /// Checks what can be checked without the store.
    ///
    /// # Errors
    /// [`InvalidSpec`] names the field.
    pub fn check(&self) -> Result<(), InvalidSpec> {
        if let Some(retention) = self.retention_ms {
            check_range("retention_ms", retention, LEAST_RETENTION_MS, u64::MAX)?;
        }
        check_length(
            "description",
            self.description.as_deref().unwrap_or_default(),
            MAX_DESCRIPTION_LEN,
        )
    }
}

/// What is stored about an eventbus.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct EventbusRecord {
    /// Its id.
    pub id: EventbusId,
    /// Its name.
    pub name: Name,
    /// The namespace it is in.
    pub namespace_id: NamespaceId,
    /// The name of that namespace.
    pub namespace: Name,
    /// What people should know about it.
    pub description: String,
    /// Its eventlogs, in the order in which keys are spread over them.
    pub eventlogs: Vec<EventlogId>,
    /// Age after which its events may be deleted, in milliseconds.
    pub retention_ms: u64,
    /// Most bytes its eventlogs may hold together before the oldest segments are deleted; null is
    /// no bound.
    pub retention_bytes: Option<u64>,
    /// Whose unread events retention leaves alone.
    pub retain_for: RetainFor,
    /// Where its subscriptions leave what they cannot deliver; a dead letter bus has none itself.
    pub dead_letter: Option<EventbusId>,
    /// When it was created, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// When it was changed last, in milliseconds since the Unix epoch.
    pub updated_at_ms: i64,
}

/// What is told about an eventbus.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct EventbusInfo {
    /// What is stored.
    #[serde(flatten)]
    pub record: EventbusRecord,
    /// How far its eventlogs are, in the order of `eventlogs`.
    pub logs: Vec<EventlogInfo>,
}

/// What is told about an eventlog.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct EventlogInfo {
    /// Its id.
    pub id: EventlogId,
    /// Offset of the first event that is still kept.
    pub start_offset: u64,
    /// Offset the next event gets.
    pub end_offset: u64,
    /// Bytes kept on disk.
    pub bytes: u64,
    /// When the first kept event was appended, in milliseconds since the Unix epoch.
    pub first_time_ms: Option<i64>,
    /// When the last event was appended, in milliseconds since the Unix epoch.
    pub last_time_ms: Option<i64>,
    /// Its segments, oldest first.
    pub segments: Vec<SegmentInfo>,
}

/// What is told about a segment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct SegmentInfo {
    /// Offset of its first event.
    pub base_offset: u64,
    /// Offset after its last event.
    pub end_offset: u64,
    /// Bytes of its file in use.
    pub bytes: u64,
    /// Whether it is full and will never change again.
    pub sealed: bool,
}
