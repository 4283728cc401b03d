//! The sockets of Vanus, and nothing that knows what travels through them.
//!
//! * [`quic`]: the QUIC implementation of the `Transport` seam.
//! * [`serve`]: the loop that takes sessions in over any transport and drives a `Handler`.
//! * [`http`]: a capped, pooling HTTP client for sinks, and a bounded HTTP server loop.
//! * [`egress`]: which addresses are connected to on behalf of others.
//! * [`check_bind`]: which addresses may be listened on without authentication.
//!
//! No other crate opens a socket.

mod bind;
pub mod egress;
pub mod http;
mod idle_poll;
pub mod quic;
pub mod serve;

pub use bind::{BindRefused, check_bind, is_loopback};
