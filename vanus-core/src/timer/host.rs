//! What timers ask of whoever knows the eventbuses.

use std::fmt::Debug;

use vanus_types::{EventbusId, Name};

use super::shard::{Goes, Target};

/// Knows which eventbuses there are. Its functions do not block.
pub(crate) trait TimerHost: Send + Sync + Debug {
    /// The eventlog an event goes to now: that of its key, or the one that is `turn`th, or that of the dead letters of timers
    /// if its eventbus is not there.
    fn target(&self, goes: &Goes, turn: usize) -> Option<Target>;

    /// Where the dead letters of timers go.
    fn letters(&self) -> Option<Target>;

    /// Namespace and name of an eventbus, if it is there.
    fn names(&self, eventbus: EventbusId) -> Option<(Name, Name)>;
}
