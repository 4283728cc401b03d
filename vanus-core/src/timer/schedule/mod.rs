//! Schedules: events made again and again, each occurrence once.
//!
//! What is to happen next is decided by values and functions (`plan`, `progress`); [`Schedules`] does it: before
//! an event is made it is written down which one (the *intent*, synced), then the event is appended
//! as an idempotent producer would, numbered by how many there were, and then it is written down that it is over.
//! A crash in between repeats the append, which stores nothing twice. So an occurrence is neither
//! lost nor doubled, and needs no timer that would have to be cancelled when its schedule is.
//!
//! Which schedules there are, and who may make them, is not known here.

mod plan;
mod progress;
mod runner;
#[cfg(test)]
mod tests;

pub use plan::InvalidSchedule;
pub(crate) use plan::Plan;
pub(crate) use progress::Progress;
pub use runner::ScheduleMetrics;
pub(crate) use runner::Schedules;
