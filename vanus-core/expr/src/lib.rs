//! Expressions of Vanus over events: whether a subscription wants one, and what is made of it.
//!
//! Everything here is pure: no clock, no I/O, and evaluation is bounded by the size of the event
//! and of the compiled expression, both of which are limited. What is written down
//! (`vanus_types::control::FilterSpec`, `TransformerSpec`) is compiled once and evaluated per event.

mod budget;
#[cfg(feature = "cel")]
pub mod cel;
pub mod cesql;
pub mod filter;
pub mod json;
pub mod matcher;
mod position;
#[cfg(feature = "transform")]
pub mod transform;
#[cfg(feature = "transform")]
mod trial;

pub use position::Position;

pub use filter::{EventView, Filter, FilterError, Selector};
#[cfg(feature = "transform")]
pub use transform::{Transformer, TransformerError};
#[cfg(feature = "transform")]
pub use trial::{Trial, TrialError};
