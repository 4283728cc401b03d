//! Publishing to an eventbus: which events are accepted, and which eventlog an event goes to.
//!
//! Who may publish and which eventbuses exist is not known here.

mod admission;
mod partition;
mod publish;

pub use admission::NotAdmitted;
pub(crate) use admission::{RESERVED_PREFIX, admit, admit_batch};
pub(crate) use partition::{RoundRobin, key_hash, place_of};
pub(crate) use publish::publish;
pub use publish::{PublishError, PublishOptions, Published};
