//! Answers the wire protocol: each op becomes a call of the engine.
//!
//! How frames travel is not known here; who may ask what is not checked yet, which is why a node
//! listens on loopback only.

mod admin;
mod pull;
mod read;
mod schedules;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod service;
mod timers;

pub use service::Service;
