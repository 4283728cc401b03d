//! QUIC: the `Transport` of real networks.
//!
//! One connection per peer, many streams each; TLS 1.3 always. Packets are as large as the path
//! is known to carry: on loopback [`LOOPBACK_PACKET_LEN`], elsewhere what path discovery finds.

mod connection;
mod error;
mod listener;
mod options;
mod reset;
mod socket;
mod stream;
mod tls;
mod transport;

pub use options::{Identity, MAX_STREAMS, QuicOptions, Trust};
pub use reset::ResetSeed;
pub use tls::{ALPN, LoopbackTrust};
pub(crate) use tls::{add_authorities, provider, public_roots};
pub use transport::QuicTransport;

/// UDP payload of a packet between two processes of one machine, in bytes. Ten of them, one
/// offloaded send, stay under 64 KiB.
pub const LOOPBACK_PACKET_LEN: u16 = 6_000;
