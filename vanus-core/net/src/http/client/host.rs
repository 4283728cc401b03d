//! The connections to one host.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::Instant};

use super::connect::Sender;

/// The connections to one host and port.
#[derive(Debug)]
pub(super) struct Host {
    /// One permit per request under way; bounds the connections too.
    pub(super) permits: Arc<Semaphore>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    /// Unused connections with the time of their last use; the last one is used first.
    idle: Vec<(http1::SendRequest<Full<Bytes>>, Instant)>,
    shared: Option<(http2::SendRequest<Full<Bytes>>, Instant)>,
}

impl Host {
    pub(super) fn new(max_connections: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(max_connections)),
            connections: Mutex::default(),
        }
    }

    /// A connection that was used before, if there is one.
    pub(super) fn take(&self, now: Instant) -> Option<Sender> {
        let mut connections = self.connections.lock();
        if let Some((shared, used)) = &mut connections.shared {
            if !shared.is_closed() {
                *used = now;
                return Some(Sender::Http2(shared.clone()));
            }
            connections.shared = None;
        }
        while let Some((sender, _)) = connections.idle.pop() {
            if !sender.is_closed() {
                return Some(Sender::Http1(sender));
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(&self, sender: Sender, now: Instant) {
        let mut connections = self.connections.lock();
        match sender {
            Sender::Http1(sender) if !sender.is_closed() => connections.idle.push((sender, now)),
            Sender::Http2(sender) if !sender.is_closed() => {
                connections.shared = Some((sender, now));
            }
            Sender::Http1(_) | Sender::Http2(_) => {}
        }
    }

    /// Drops connections that were not used for `limit`; says whether none is left.
    pub(super) fn sweep(&self, now: Instant, limit: Duration) -> bool {
        let mut connections = self.connections.lock();
        let fresh = |used: Instant| now.saturating_duration_since(used) < limit;
        connections
            .idle
            .retain(|(sender, used)| fresh(*used) && !sender.is_closed());
        connections.shared = connections
            .shared
            .take()
            .filter(|(sender, used)| fresh(*used) && !sender.is_closed());
        connections.idle.is_empty() && connections.shared.is_none()
    }
}
