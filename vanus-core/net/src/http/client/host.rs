//! The connections to one host.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::Instant};

use super::connect::{Connection, Sender};

/// The connections to one host and port.
#[derive(Debug)]
pub(super) struct Host {
    /// One permit per request under way; bounds the connections too.
    pub(super) permits: Arc<Semaphore>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    /// Unused connections; the last one is used first.
    idle: Vec<Kept<http1::SendRequest<Full<Bytes>>>>,
    shared: Option<Kept<http2::SendRequest<Full<Bytes>>>>,
}

/// A connection that was used before.
#[derive(Debug)]
struct Kept<S> {
    sender: S,
    /// Where it leads.
    peer: IpAddr,
    used: Instant,
}

impl Host {
    pub(super) fn new(max_connections: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(max_connections)),
            connections: Mutex::default(),
        }
    }

    /// A connection that was used before, if there is one to an address that `allowed` accepts:
    /// whoever made it may have been allowed more.
    pub(super) fn take(
        &self,
        now: Instant,
        allowed: impl Fn(IpAddr) -> bool,
    ) -> Option<Connection> {
        let mut connections = self.connections.lock();
        if let Some(shared) = &mut connections.shared {
            if shared.sender.is_closed() {
                connections.shared = None;
            } else if allowed(shared.peer) {
                shared.used = now;
                return Some(Connection {
                    sender: Sender::Http2(shared.sender.clone()),
                    peer: shared.peer,
                });
            }
        }
        // The last one is nearly always open and allowed.
        let mut at = connections.idle.len();
        while let Some(before) = at.checked_sub(1) {
            at = before;
            let Some(kept) = connections.idle.get(at) else {
                continue;
            };
            let (open, allowed) = (!kept.sender.is_closed(), allowed(kept.peer));
            if open && !allowed {
                continue;
            }
            let kept = connections.idle.remove(at);
            if open {
                return Some(Connection {
                    sender: Sender::Http1(kept.sender),
                    peer: kept.peer,
                });
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(&self, connection: Connection, now: Instant) {
        let mut connections = self.connections.lock();
        let Connection { sender, peer } = connection;
        match sender {
            Sender::Http1(sender) if !sender.is_closed() => connections.idle.push(Kept {
                sender,
                peer,
                used: now,
            }),
            Sender::Http2(sender) if !sender.is_closed() => {
                connections.shared = Some(Kept {
                    sender,
                    peer,
                    used: now,
                });
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
            .retain(|kept| fresh(kept.used) && !kept.sender.is_closed());
        connections.shared = connections
            .shared
            .take()
            .filter(|kept| fresh(kept.used) && !kept.sender.is_closed());
        connections.idle.is_empty() && connections.shared.is_none()
    }
}
