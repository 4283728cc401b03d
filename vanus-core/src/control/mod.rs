//! The control plane: which namespaces, eventbuses and subscriptions exist.
//!
//! Every change is checked against the catalog in memory, stored in the metadata store, and only
//! then shown. Changes are made one at a time; looking things up never waits for them.

mod catalog;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod control;
mod dead_letters;
mod error;
mod eventbuses;
mod namespaces;
mod pull;
mod recovery;
mod schedules;
#[cfg(feature = "http")]
mod sink_host;
mod subscriptions;
mod tables;
#[cfg(test)]
mod tests;
mod timers;
mod vault;

pub(crate) use catalog::Bus;
pub(crate) use control::{Control, ControlParts};
pub use dead_letters::{DeadLetters, Resent};
pub use error::ControlError;
pub use vault::SecretsKey;
pub(crate) use vault::Vault;
