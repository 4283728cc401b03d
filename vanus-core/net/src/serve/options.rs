//! What a server allows.

use std::time::Duration;

use vanus_proto::message::SessionLimits;
use vanus_types::limits::{MAX_BATCH_LEN, MAX_EVENT_LEN};

/// What a server allows its peers, and what it tells them of itself.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Version of the server, told to clients. Default: that of this crate.
    pub version: String,
    /// The node that serves, told to clients. Default: 1.
    pub node: u64,
    /// Most sessions at once; further connections are closed. Default: 1,024.
    pub max_sessions: usize,
    /// Most requests of one session under way, publishing apart; further ones are answered
    /// `TryAgain`. Default: 256.
    pub max_requests_in_flight: usize,
    /// Most batches of one stream that wait for their outcome; further ones are not read.
    /// Default: 64.
    pub max_publish_in_flight: usize,
    /// Most bytes one read answers, whatever it asks for; a larger batch comes alone.
    /// Default: 1 MiB.
    pub max_read_len: u32,
    /// How long a new connection may take to say hello. Default: 5 s.
    pub hello_timeout: Duration,
    /// How long the runtime looks for more before its thread sleeps, after each frame that came
    /// or went; zero sleeps at once. Saves the time it takes to be woken, and costs up to one core
    /// while there is traffic. Default: zero.
    pub idle_poll: Duration,
    /// How long a stop waits for what is under way. Default: 10 s.
    pub drain_grace: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: 1,
            max_sessions: 1024,
            max_requests_in_flight: 256,
            max_publish_in_flight: 64,
            max_read_len: 1024 * 1024,
            hello_timeout: Duration::from_secs(5),
            idle_poll: Duration::ZERO,
            drain_grace: Duration::from_secs(10),
        }
    }
}

impl ServeOptions {
    /// The limits as they are told to a client.
    pub(super) fn session_limits(&self) -> SessionLimits {
        let narrow = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        SessionLimits {
            max_batch_len: narrow(MAX_BATCH_LEN),
            max_event_len: narrow(MAX_EVENT_LEN),
            max_publish_in_flight: narrow(self.max_publish_in_flight),
            max_requests_in_flight: narrow(self.max_requests_in_flight),
            max_streams: crate::quic::MAX_STREAMS,
        }
    }
}
