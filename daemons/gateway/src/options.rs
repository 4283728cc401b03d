//! What the front door allows.

use std::time::Duration;

use vanus_net::http::HttpServerOptions;
use vanus_types::Durability;

/// What the front door allows its callers.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// Most bytes of the body of one request; larger ones are answered 413. Default: 8 MiB.
    pub max_body: usize,
    /// Most requests under way that change or publish something; further ones are answered 429.
    /// Default: 1,024.
    pub max_requests: usize,
    /// Most reads, long polls and live tails under way; further ones are answered 429.
    /// Default: 1,024.
    pub max_readers: usize,
    /// How long a request may take, its body included; longer ones are answered 503. Reads may
    /// take that much more than they ask to wait; live tails are not bound. Default: 30 s.
    pub timeout: Duration,
    /// What an acknowledgement promises when the publisher does not say. Default: synced.
    pub durability: Durability,
    /// Connections, heads and idleness.
    pub server: HttpServerOptions,
    /// Address of this front door as it is told to clients, `host:port`.
    pub http: Option<String>,
    /// Address of the QUIC endpoint as it is told to clients, `host:port`.
    pub quic: Option<String>,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            max_body: 8 * 1024 * 1024,
            max_requests: 1024,
            max_readers: 1024,
            timeout: Duration::from_secs(30),
            durability: Durability::default(),
            server: HttpServerOptions::default(),
            http: None,
            quic: None,
        }
    }
}
