//! Time: what is due when, and that it fires once.
//!
//! The parts that know time and nothing else are values and functions: [`wheel`] holds timers in
//! memory and gives them out when they are due, [`time`] is the clock they go by and how times are
//! written, [`cron`] tells when a schedule happens next. They do no I/O, read no clock and know
//! neither eventbuses nor events; time is always an argument.
//!
//! A timer is an event that waits. It is kept by one of a few *shards* (`shard`), each an eventlog
//! of a hidden eventbus of the system: what is not in that eventlog did not happen. A task for each
//! shard (`driver`) appends to it, folds what it says, and puts the events of timers that are due
//! into their eventlogs. `Timers` is the way in. Which eventbuses there are is asked from a
//! `TimerHost`; who may set timers is not known here.

mod clock;
pub mod cron;
mod driver;
mod due;
mod error;
mod host;
mod index;
mod letter;
mod metrics;
mod options;
mod payloads;
mod quota;
mod schedule;
mod shard;
#[cfg(test)]
mod tests;
pub mod time;
mod timers;
pub mod wheel;

pub use due::InvalidTime;
pub(crate) use due::due_ms;
pub use error::TimerError;
pub(crate) use host::TimerHost;
pub use metrics::{LATENESS_BOUNDS_MS, TimerMetrics};
pub use options::TimerOptions;
pub use schedule::{InvalidSchedule, ScheduleMetrics};
pub(crate) use schedule::{Plan, Progress, Schedules};
pub(crate) use shard::{Goes, Target};
pub(crate) use timers::{NewTimer, SetTimer, Timers};
