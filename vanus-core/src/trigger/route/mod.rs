//! Routes: a sink that is several. Which of them an event goes to is decided here, purely; the
//! `router` holds the sinks and exchanges the decision while events flow.
//!
//! * `table`: conditions, strengths and weights, compiled; what an event meets on its way.
//! * `slots`: who owns which part of the keys, so that a key never leaves a route that grows.
//! * `pins`: which key is pinned to which route.

mod pins;
mod router;
mod slots;
mod table;

pub(crate) use pins::PinChanges;
pub(crate) use router::Router;
pub(crate) use slots::slots_of;
pub(crate) use table::check;
