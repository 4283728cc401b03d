//! Publishing: events become batches by themselves, acknowledgements come back one per event.
//!
//! ```text
//! send ──► window ──► lane of an eventlog: open batch ──► sealed batches
//!          (bytes)                              │
//!                           driver of the lane: numbers, sends, awaits, sends again
//! ```
//!
//! One lane and one driver per eventlog, one long-lived stream each. What keeps a batch from being
//! stored twice, or lost between two others, is said in `driver`.

mod ack;
mod chain;
mod driver;
mod error;
mod lane;
mod options;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod producer;

pub use ack::{Ack, Receipt};
pub use error::{NotSent, SendError, SendRefusal};
pub use options::{ProducerOptions, ProducerStats};
pub use producer::Producer;
