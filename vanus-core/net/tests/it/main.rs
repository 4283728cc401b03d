//! The crate from outside: sessions over both transports, and HTTP over real sockets.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod egress;
mod http_client;
mod http_server;
mod quic;
mod sessions;
mod shelf;
mod web;
