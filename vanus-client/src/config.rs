//! How a client behaves.

use std::{sync::Arc, time::Duration};

use vanus_net::quic::{QuicOptions, QuicTransport};
use vanus_proto::transport::{Transport, TransportError};
use vanus_types::{Entropy, OsEntropy};

/// How a [`Client`](crate::Client) behaves.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Where servers are, `host:port` each; tried in turn. The first one is tried first.
    pub addresses: Vec<String>,
    /// What this client calls itself in the server's logs, at most 128 bytes.
    /// Default: `vanus-client`.
    pub name: String,
    /// How a connection is made and whom it trusts. Not used with a transport of one's own.
    pub quic: QuicOptions,
    /// How long one request may take, with all its tries; a long poll has its waiting time
    /// besides. Default: 10 s.
    pub request_timeout: Duration,
    /// How long making a connection and agreeing on how to speak may take. Default: 5 s.
    pub connect_timeout: Duration,
    /// Most connections to the server at once, at least 1. There is one until its streams are all in
    /// use: a producer keeps one stream for each eventlog it publishes to, a consumer one for each
    /// eventlog it reads; of the 256 of a connection, 196 may be a producer's. Further connections
    /// are kept until they break or the client is closed. Past the limit requests and consumers
    /// fail with [`ClientError::TooManyStreams`](crate::ClientError::TooManyStreams); producers
    /// wait for a stream until their delivery timeout. Default: 16.
    pub max_connections: usize,
    /// How long to wait between tries.
    pub backoff: Backoff,
    /// Where randomness comes from: producer ids and jitter. Default: the operating system.
    pub entropy: Arc<dyn Entropy>,
    transport: Option<Arc<dyn Transport>>,
}

impl ClientConfig {
    /// A client of the server at `address`, `host:port`.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            addresses: vec![address.into()],
            name: "vanus-client".to_owned(),
            quic: QuicOptions::default(),
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            max_connections: 16,
            backoff: Backoff::default(),
            entropy: Arc::new(OsEntropy),
            transport: None,
        }
    }

    /// The same client over another transport, for tests and simulation.
    #[must_use]
    pub fn over(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// The transport asked for, else QUIC.
    pub(crate) fn transport(&self) -> Result<Arc<dyn Transport>, TransportError> {
        match &self.transport {
            Some(transport) => Ok(Arc::clone(transport)),
            None => Ok(Arc::new(QuicTransport::new(self.quic.clone())?)),
        }
    }
}

/// How long to wait between tries: twice as long each time, less a random part of up to half so
/// that many clients do not come back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure. Default: 10 ms.
    pub first: Duration,
    /// At most. Default: 2 s.
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(10),
            most: Duration::from_secs(2),
        }
    }
}

impl Backoff {
    /// How long to wait after `failures` failures in a row; `random` picks the jitter.
    #[must_use]
    pub fn delay(&self, failures: u32, random: u64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let whole = self.first.saturating_mul(1 << doublings).min(self.most);
        let half = whole / 2;
        let span = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).max(1);
        whole.saturating_sub(Duration::from_nanos(random % span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_most_and_jitter_takes_less_than_half() {
        let backoff = Backoff::default();
        assert_eq!(backoff.delay(1, 0), Duration::from_millis(10));
        assert_eq!(backoff.delay(3, 0), Duration::from_millis(40));
        assert_eq!(backoff.delay(u32::MAX, 0), Duration::from_secs(2));
        for random in [1, 7, u64::MAX] {
            let delay = backoff.delay(2, random);
            assert!(delay > Duration::from_millis(10) && delay <= Duration::from_millis(20));
        }
    }
}
