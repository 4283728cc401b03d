//! What whole-system tests need: histories, the oracles that judge them, and the means to start,
//! stop and kill real processes.
//!
//! Nothing here is part of the product, so the lints that keep the product on its seams (clock,
//! files, sockets, environment) do not hold here.

#![allow(
    clippy::disallowed_methods,
    reason = "tests of real processes use the real clock, files and sockets"
)]

pub mod failpoints;
pub mod fuzz;
pub mod harness;
pub mod history;
pub mod ledger;
pub mod oracle;
pub mod peer;
pub mod power;
pub mod sim;
