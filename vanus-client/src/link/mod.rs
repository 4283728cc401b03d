//! The connections: made when needed, made anew when they broke.

mod exchange;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod link;
mod session;
mod slot;
mod stop;

pub(crate) use exchange::decode;
pub(crate) use link::Link;
pub(crate) use slot::{Purpose, Slot};
pub(crate) use stop::Stop;
