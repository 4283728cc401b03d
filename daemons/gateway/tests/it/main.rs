//! Stories about the front door, told to its service over an engine in memory.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]

mod house;
mod limits;
mod managing;
mod publishing;
mod reading;
mod timers;
mod wire;
