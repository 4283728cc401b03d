//! Tests of the crate from outside.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may fail loudly, and read the suites from disk"
)]

mod http_suite;
mod round_trips;
