//! Reading and appending eventlogs without blocking the caller.
//!
//! The store below is synchronous where it touches the disk; [`Logs`] serves the newest events
//! from memory at once and sends the rest to threads that may block. Which eventlogs belong to
//! which eventbus is not known here.

mod error;
mod logs;

pub use error::LogError;
pub(crate) use logs::{Logs, ReadBatches, stored_events};
