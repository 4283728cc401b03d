//! Endpoints: connecting and listening.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream::FuturesUnordered};
use parking_lot::Mutex;
use quinn::{ClientConfig, Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::task::AbortOnDropHandle;
use vanus_proto::transport::{Connection, Listener, Transport, TransportError};

use super::{
    LOOPBACK_PACKET_LEN, QuicOptions, ResetSeed,
    connection::QuicConnection,
    listener::{QuicListener, ServerConfigs},
    socket::bind_udp,
    tls,
};
use crate::{bind::is_loopback, idle_poll::IdlePoll};

/// Most addresses of one name that are tried.
const MAX_TRIES: usize = 4;

/// QUIC as a [`Transport`]. Addresses are `host:port`.
///
/// Must be used within a tokio runtime.
#[derive(Debug)]
pub struct QuicTransport {
    options: QuicOptions,
    loopback: ClientConfig,
    remote: ClientConfig,
    /// Endpoints to connect from, made when first needed.
    endpoints: Mutex<Endpoints>,
}

#[derive(Debug, Default)]
struct Endpoints {
    v4: Option<Endpoint>,
    v6: Option<Endpoint>,
    polling: Option<(Arc<IdlePoll>, AbortOnDropHandle<()>)>,
}

impl QuicTransport {
    /// A transport with these options.
    ///
    /// # Errors
    /// [`TransportError::Address`] when the trusted authorities cannot be read.
    pub fn new(options: QuicOptions) -> Result<Self, TransportError> {
        let client = |loopback| {
            let crypto = tls::client_config(&options.trust, loopback).map_err(|detail| {
                TransportError::Address {
                    address: "the trusted authorities".to_owned(),
                    detail,
                }
            })?;
            let mut config = ClientConfig::new(crypto);
            config.transport_config(Arc::new(options.transport_config(loopback)));
            Ok::<_, TransportError>(config)
        };
        Ok(Self {
            loopback: client(true)?,
            remote: client(false)?,
            options,
            endpoints: Mutex::default(),
        })
    }

    fn endpoint_towards(&self, peer: SocketAddr) -> std::io::Result<Endpoint> {
        let mut endpoints = self.endpoints.lock();
        let (slot, any) = if peer.is_ipv4() {
            (
                &mut endpoints.v4,
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            )
        } else {
            (
                &mut endpoints.v6,
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
            )
        };
        if let Some(endpoint) = slot {
            return Ok(endpoint.clone());
        }
        let endpoint = endpoint(any, EndpointConfig::default(), None)?;
        *slot = Some(endpoint.clone());
        Ok(endpoint)
    }

    /// What keeps the thread of this runtime awake, if that is of use.
    fn idle_poll(&self) -> Option<Arc<IdlePoll>> {
        // Among several threads another one waits for the system, and has to be woken all the same.
        let alone = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        if self.options.idle_poll.is_zero() || !alone {
            return None;
        }
        let mut endpoints = self.endpoints.lock();
        let (poll, _) = endpoints.polling.get_or_insert_with(|| {
            let poll = Arc::new(IdlePoll::while_worth_it(self.options.idle_poll));
            let polling = Arc::clone(&poll);
            let task = tokio::spawn(async move { polling.run().await });
            (poll, AbortOnDropHandle::new(task))
        });
        Some(Arc::clone(poll))
    }

    async fn connect_to(&self, peer: SocketAddr, host: &str) -> Result<quinn::Connection, String> {
        let endpoint = self
            .endpoint_towards(peer)
            .map_err(|error| error.to_string())?;
        let config = if is_loopback(peer.ip()) {
            &self.loopback
        } else {
            &self.remote
        };
        let connecting = endpoint
            .connect_with(config.clone(), peer, host)
            .map_err(|error| error.to_string())?;
        match tokio::time::timeout(self.options.handshake_timeout, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("nobody answered in time".to_owned()),
        }
    }
}

#[async_trait]
impl Transport for QuicTransport {
    async fn connect(&self, address: &str) -> Result<Arc<dyn Connection>, TransportError> {
        let host = host_of(address)?;
        let peers = resolve(address).await?;
        // All at once: over UDP nobody says that nobody is there, so that trying one after the
        // other would wait for each in full.
        let mut tries: FuturesUnordered<_> = peers
            .into_iter()
            .take(MAX_TRIES)
            .map(|peer| async move { (peer, self.connect_to(peer, host).await) })
            .collect();
        let mut failures = Vec::new();
        while let Some((peer, tried)) = tries.next().await {
            match tried {
                Ok(connection) => {
                    return Ok(Arc::new(QuicConnection::new(connection, self.idle_poll())));
                }
                Err(error) => failures.push(format!("{peer}: {error}")),
            }
        }
        Err(TransportError::Connect {
            address: address.to_owned(),
            detail: failures.join("; "),
        })
    }

    async fn listen(&self, address: &str) -> Result<Box<dyn Listener>, TransportError> {
        let failed = |detail: String| TransportError::Listen {
            address: address.to_owned(),
            detail,
        };
        let local = resolve(address).await?;
        let local = local
            .first()
            .ok_or_else(|| failed("it names no address".to_owned()))?;
        let crypto = tls::server_config(&self.options.identity).map_err(failed)?;
        let config = |loopback| {
            let mut config = ServerConfig::with_crypto(crypto.clone());
            config.transport_config(Arc::new(self.options.transport_config(loopback)));
            Arc::new(config)
        };
        let configs = ServerConfigs {
            loopback: config(true),
            remote: config(false),
        };
        let seed = self.options.reset_seed.as_ref();
        let rules = seed.map_or_else(EndpointConfig::default, ResetSeed::endpoint_config);
        let server = ServerConfig::clone(&configs.remote);
        let endpoint =
            endpoint(*local, rules, Some(server)).map_err(|error| failed(error.to_string()))?;
        let bound = endpoint
            .local_addr()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Box::new(QuicListener::new(
            endpoint,
            bound,
            configs,
            self.options.max_handshakes,
            self.options.handshake_timeout,
        )))
    }
}

fn endpoint(
    local: SocketAddr,
    mut config: EndpointConfig,
    server: Option<ServerConfig>,
) -> std::io::Result<Endpoint> {
    config
        .max_udp_payload_size(LOOPBACK_PACKET_LEN)
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    Endpoint::new(config, server, bind_udp(local)?, Arc::new(TokioRuntime))
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host_of(address: &str) -> Result<&str, TransportError> {
    let (host, _) = address
        .rsplit_once(':')
        .ok_or_else(|| TransportError::Address {
            address: address.to_owned(),
            detail: "write it as host:port".to_owned(),
        })?;
    Ok(host.trim_start_matches('[').trim_end_matches(']'))
}

async fn resolve(address: &str) -> Result<Vec<SocketAddr>, TransportError> {
    let bad = |detail: String| TransportError::Address {
        address: address.to_owned(),
        detail,
    };
    let found: Vec<_> = tokio::net::lookup_host(address)
        .await
        .map_err(|error| bad(error.to_string()))?
        .collect();
    if found.is_empty() {
        return Err(bad("the name has no address".to_owned()));
    }
    Ok(found)
}
