//! Receives the deliveries of a subscription, and settles them.
//!
//! They are pushed by the server ([`push`]), or fetched with one request after the other
//! ([`fetch`]); the user sees the same [`Subscriber`].

mod fetch;
mod handed;
mod inbox;
mod options;
mod push;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod subscriber;

pub use handed::Handed;
pub use options::{SubscribeMode, SubscriberOptions};
pub use subscriber::Subscriber;
