//! The client from outside, against a broker in memory that keeps to the protocol.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod admin;
mod broker;
mod consumer;
mod house;
mod many_streams;
mod over_quic;
mod producer;
mod pull;
mod push;
