//! All tests of the system as a whole, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "all of this is tests"
)]

mod docs;
mod layers;
mod repository;
mod sim;
mod tidy;
