//! Expressions of Vanus over events: whether a subscription wants one.
//!
//! Everything here is pure: no clock, no I/O, and evaluation is bounded by the size of the event
//! and of the compiled expression, both of which are limited. What is written down
//! (`vanus_types::control::FilterSpec`) is compiled once and evaluated per event.

pub mod filter;
pub mod json;

pub use filter::{EventView, Filter, FilterError};
