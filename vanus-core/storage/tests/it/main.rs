//! The store as its users see it, on file systems that lose, fail and lie.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod basics;
mod common;
mod concurrency;
mod crash;
mod damage;
mod faults;
mod formats;
mod producers;
mod repair;
mod retention;
mod scrub;
mod sweep;
