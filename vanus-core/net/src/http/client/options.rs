//! How a client behaves.

use std::{sync::Arc, time::Duration};

use crate::egress::{Egress, Resolve, SystemResolver};

/// How an [`HttpClient`](super::HttpClient) behaves.
#[derive(Debug, Clone)]
pub struct HttpClientOptions {
    /// Most connections to one host and port; further requests wait for one. Over HTTP/2 this
    /// many requests share one connection. Default: 256.
    pub max_connections_per_host: usize,
    /// Most hosts remembered at once; a further one is refused while all are in use.
    /// Default: 4,096.
    pub max_hosts: usize,
    /// How long an unused connection is kept. Default: 30 s.
    pub idle_timeout: Duration,
    /// How long connecting may take, within the time limit of the request. Default: 5 s.
    pub connect_timeout: Duration,
    /// Most bytes of an answer's body that are kept, unless a request says otherwise; the rest is
    /// not read. Default: 64 KiB.
    pub max_response_len: usize,
    /// Authorities believed besides the public ones; PEM text. Default: none.
    pub authorities: Option<Vec<u8>>,
    /// What may be connected to. Default: the public internet alone.
    pub egress: Egress,
    /// Finds the addresses of names. Default: the resolver of the system.
    pub resolver: Arc<dyn Resolve>,
}

impl Default for HttpClientOptions {
    fn default() -> Self {
        Self {
            max_connections_per_host: 256,
            max_hosts: 4096,
            idle_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            max_response_len: 64 * 1024,
            authorities: None,
            egress: Egress::default(),
            resolver: Arc::new(SystemResolver::default()),
        }
    }
}
