//! What an engine tells about itself.

use vanus_storage::Stats;
use vanus_types::{
    EventbusId, Name, SubscriptionId,
    control::{SubscriptionPhase, SubscriptionTotals},
};

use crate::timer::{ScheduleMetrics, TimerMetrics};

/// Whether an engine takes and keeps events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineHealth {
    /// It does.
    Ok,
    /// So little is free on the disk that it is kept for everything but events: nothing is published
    /// until there is room, reading goes on.
    LowSpace {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are kept.
        reserve: u64,
    },
    /// The disk is full: nothing is published until there is room, reading goes on.
    Full,
    /// The disk failed: nothing is acknowledged until the engine is opened again.
    Failed(String),
    /// Timers do not fire on time; everything else goes on.
    Timers(String),
}

impl std::fmt::Display for EngineHealth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::LowSpace { free, reserve } => write!(
                f,
                "{free} bytes are free on the disk, and {reserve} are kept in reserve"
            ),
            Self::Full => f.write_str("the disk is full"),
            Self::Failed(why) => write!(f, "the disk failed: {why}"),
            Self::Timers(why) => write!(f, "timers do not fire on time: {why}"),
        }
    }
}

/// Counters and gauges of an engine, since it was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineMetrics {
    /// The event store.
    pub store: Stats,
    /// Number of namespaces.
    pub namespaces: u64,
    /// Number of eventbuses, those of the system not counted.
    pub eventbuses: u64,
    /// The subscriptions.
    pub subscriptions: Vec<SubscriptionMetrics>,
    /// The timers.
    pub timers: TimerMetrics,
    /// The schedules.
    pub schedules: ScheduleMetrics,
}

/// Counters of one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionMetrics {
    /// Its id.
    pub id: SubscriptionId,
    /// Its name.
    pub name: Name,
    /// Its eventbus.
    pub eventbus_id: EventbusId,
    /// The name of its eventbus.
    pub eventbus: Name,
    /// What it is doing.
    pub phase: SubscriptionPhase,
    /// What became of its events.
    pub totals: SubscriptionTotals,
    /// Bytes of its eventbus that are past their retention and are kept for it, as of the last look.
    pub held_bytes: u64,
}
