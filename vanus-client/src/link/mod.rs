//! The one connection: made when needed, made anew when it broke.

mod exchange;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod link;
mod session;

pub(crate) use exchange::decode;
pub(crate) use link::Link;
pub(crate) use session::Session;
