//! What a server allows.

use std::time::Duration;

/// What an HTTP server allows its peers. The body of a request is bounded by whoever reads it.
#[derive(Debug, Clone)]
pub struct HttpServerOptions {
    /// Most connections at once; further ones wait to be accepted. Default: 4,096.
    pub max_connections: usize,
    /// Most bytes of a request's head. Default: 64 KiB.
    pub max_head_len: usize,
    /// Most headers of a request. Default: 256.
    pub max_headers: usize,
    /// How long a request's head may take, and a connection may be idle. Default: 30 s.
    pub head_timeout: Duration,
    /// Most requests of one HTTP/2 connection at once. Default: 256.
    pub max_streams: u32,
    /// How long a stop waits for requests under way. Default: 10 s.
    pub drain_grace: Duration,
}

impl Default for HttpServerOptions {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_head_len: 64 * 1024,
            max_headers: 256,
            head_timeout: Duration::from_secs(30),
            max_streams: 256,
            drain_grace: Duration::from_secs(10),
        }
    }
}
