//! Taking QUIC connections in.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use quinn::{Endpoint, Incoming, ServerConfig};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use vanus_proto::transport::{Connection, Listener};

use super::connection::QuicConnection;
use crate::bind::is_loopback;

/// Most connections that wait to be accepted after their handshake.
const BACKLOG: usize = 64;

/// The rules of connections, by where the peer is.
#[derive(Debug, Clone)]
pub(super) struct ServerConfigs {
    pub(super) loopback: Arc<ServerConfig>,
    pub(super) remote: Arc<ServerConfig>,
}

/// Does handshakes side by side, so that a slow peer holds up nobody.
#[derive(Debug)]
pub(super) struct QuicListener {
    address: SocketAddr,
    endpoint: Endpoint,
    accepted: Mutex<mpsc::Receiver<QuicConnection>>,
    closed: CancellationToken,
    _close_on_drop: DropGuard,
}

impl QuicListener {
    pub(super) fn new(
        endpoint: Endpoint,
        address: SocketAddr,
        configs: ServerConfigs,
        max_handshakes: usize,
        handshake_timeout: Duration,
    ) -> Self {
        let (sender, accepted) = mpsc::channel(BACKLOG);
        let closed = CancellationToken::new();
        let handshakes = Handshakes {
            configs,
            permits: Arc::new(Semaphore::new(max_handshakes)),
            timeout: handshake_timeout,
            sender,
        };
        tokio::spawn(accept(endpoint.clone(), handshakes, closed.clone()));
        Self {
            address,
            endpoint,
            accepted: Mutex::new(accepted),
            _close_on_drop: closed.clone().drop_guard(),
            closed,
        }
    }
}

#[async_trait]
impl Listener for QuicListener {
    async fn accept(&self) -> Option<Arc<dyn Connection>> {
        let mut accepted = self.accepted.lock().await;
        let connection = accepted.recv().await?;
        Some(Arc::new(connection))
    }

    fn address(&self) -> String {
        self.address.to_string()
    }

    fn close(&self) {
        self.closed.cancel();
        // Connections made go on; only new ones are refused.
        self.endpoint.set_server_config(None);
    }
}

struct Handshakes {
    configs: ServerConfigs,
    permits: Arc<Semaphore>,
    timeout: Duration,
    sender: mpsc::Sender<QuicConnection>,
}

impl Handshakes {
    /// Starts the handshake of one connection, or refuses it.
    fn start(&self, incoming: Incoming) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            incoming.refuse();
            return;
        };
        let config = if is_loopback(incoming.remote_address().ip()) {
            Arc::clone(&self.configs.loopback)
        } else {
            Arc::clone(&self.configs.remote)
        };
        let (timeout, sender) = (self.timeout, self.sender.clone());
        tokio::spawn(async move {
            let peer = incoming.remote_address();
            let handshake = async { incoming.accept_with(config)?.await };
            match tokio::time::timeout(timeout, handshake).await {
                Ok(Ok(connection)) => {
                    // Whoever accepted may have stopped meanwhile; the connection ends with it.
                    let _ = sender.send(QuicConnection::new(connection, None)).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a handshake failed"),
                Err(_) => tracing::debug!(%peer, "a handshake took too long"),
            }
            drop(permit);
        });
    }
}

async fn accept(endpoint: Endpoint, handshakes: Handshakes, closed: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = closed.cancelled() => break,
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => handshakes.start(incoming),
                None => break,
            },
        }
    }
    endpoint.set_server_config(None);
}
