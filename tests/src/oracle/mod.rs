//! Oracles: each reads a history and says where one promise was broken. One promise, one file.
//!
//! They are pure functions, so the same ones judge real processes, simulations and histories that
//! other tools have written. Each is tested with a planted violation that it must find.

mod acked_present;
mod conservation;
mod dense_offsets;
mod key_order;
mod no_duplicate;
mod no_phantom;
mod one_offset_one_event;
#[cfg(test)]
mod planted;
mod reader_monotonic;
mod verdict;

pub use acked_present::acked_present;
pub use conservation::{Passes, conservation};
pub use dense_offsets::dense_offsets;
pub use key_order::{Orders, key_order};
pub use no_duplicate::no_duplicate;
pub use no_phantom::no_phantom;
pub use one_offset_one_event::one_offset_one_event;
pub use reader_monotonic::reader_monotonic;
pub use verdict::{Verdict, Violation, judge};
