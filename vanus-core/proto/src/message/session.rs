//! Opening and ending a session.
//!
//! The first frame of the first stream of a connection is a [`Hello`]; the answer is a
//! [`HelloReply`] or a fault, after which the server closes the connection. No other stream is
//! served before. The stream stays open for as long as the session lives, and carries the
//! server's [`DrainNotice`].

use vanus_types::codec::{Decode, Encode};

/// Version of the messages. A server answers with the version both will speak.
pub const PROTOCOL_VERSION: u16 = 1;

/// Longest name by which a client calls itself, in bytes.
pub const MAX_CLIENT_NAME_LEN: usize = 128;

/// The client says who it is and what it speaks.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct Hello {
    /// The highest message version the client speaks.
    pub protocol: u16,
    /// What the client calls itself, for logs; at most [`MAX_CLIENT_NAME_LEN`] bytes.
    pub client: String,
    /// Bits of optional abilities the client would like to use; none is defined yet.
    pub features: u64,
}

/// The server says what both will speak, and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct HelloReply {
    /// The message version both speak from now on.
    pub protocol: u16,
    /// Version of the server, for people.
    pub server: String,
    /// The node that answers.
    pub node: u64,
    /// The abilities both have.
    pub features: u64,
    /// What the server allows.
    pub limits: SessionLimits,
}

/// What a server allows one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct SessionLimits {
    /// Largest batch, in bytes of its body.
    pub max_batch_len: u32,
    /// Largest event, in bytes of its record.
    pub max_event_len: u32,
    /// Batches of one stream that may wait for their outcome; further ones are not read.
    pub max_publish_in_flight: u32,
    /// Other requests of the session that may be under way; further ones are refused.
    pub max_requests_in_flight: u32,
    /// Streams that may be open at once.
    pub max_streams: u32,
}

/// The server stops. It takes no new request; what is under way is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct DrainNotice {
    /// How long the server waits for what is under way, in milliseconds.
    pub grace_ms: u32,
}
