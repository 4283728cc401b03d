//! The fixed set of tables.

use std::fmt;

/// A named, ordered key space of the metadata store.
///
/// The set is small and fixed: a table costs its own memory and files, so nothing that users can
/// create in numbers becomes a table; it becomes a key prefix in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Facts about the store as a whole: its identity, format and counters.
    Cluster,
    /// Namespaces.
    Namespaces,
    /// Eventbuses.
    Eventbuses,
    /// Eventlogs and their segments.
    Eventlogs,
    /// Subscriptions.
    Subscriptions,
    /// How far each subscription has come in each eventlog; overwritten often.
    Cursors,
    /// Events that wait for their next attempt, by subscription, eventlog and offset; written and
    /// deleted often.
    Retries,
    /// What is to be deleted from disk, kept until it is gone.
    Garbage,
    /// Timers by shard and time: a cache of the eventlogs of the shards, written in large batches.
    Timers,
    /// Schedules.
    Schedules,
    /// How far each schedule has come; written before and after each of its events.
    ScheduleProgress,
}

impl Table {
    /// Every table, in order.
    pub const ALL: [Self; 11] = [
        Self::Cluster,
        Self::Namespaces,
        Self::Eventbuses,
        Self::Eventlogs,
        Self::Subscriptions,
        Self::Cursors,
        Self::Retries,
        Self::Garbage,
        Self::Timers,
        Self::Schedules,
        Self::ScheduleProgress,
    ];

    /// The name of the table, which is also its name on disk and never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Namespaces => "namespaces",
            Self::Eventbuses => "eventbuses",
            Self::Eventlogs => "eventlogs",
            Self::Subscriptions => "subscriptions",
            Self::Cursors => "cursors",
            Self::Retries => "retries",
            Self::Garbage => "garbage",
            Self::Timers => "timers",
            Self::Schedules => "schedules",
            Self::ScheduleProgress => "schedule-progress",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
