//! The engine as an embedding program uses it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "tests say what went wrong by panicking"
)]

mod clouds;
mod control;
mod credentials;
mod delivery;
mod handshake;
mod http_delivery;
mod ordering;
mod publish;
mod restart;
mod retention;
mod routes;
mod schedules;
mod sharing;
mod sparing;
mod support;
mod timers;
mod transform;
mod web;
