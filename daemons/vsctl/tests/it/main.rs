//! Stories of the real program against an engine in memory, over QUIC.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "all of this is tests"
)]

mod benches;
mod errors;
mod eventbuses;
mod events;
mod namespaces;
mod receiving;
mod schedules;
mod stage;
mod store;
mod subscriptions;
mod timers;
