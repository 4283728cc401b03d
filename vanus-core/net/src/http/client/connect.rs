//! Making connections to hosts: TCP, then TLS if asked for, then HTTP/1.1 or HTTP/2.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{HttpClientOptions, target::Origin};
use crate::egress::{Egress, EgressRefused, Resolve};
use crate::quic::{add_authorities, provider, public_roots};

/// Addresses of one host that are tried.
const MAX_ADDRESSES: usize = 16;

/// Most bytes of an answer's head.
const MAX_HEAD_LEN: usize = 64 * 1024;

/// Connects to `host`, a name or an address without brackets. What is written is sent at once.
/// Cancellation safe: nothing is left behind.
///
/// # Errors
/// What the system says, for example that nobody listens there.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where sockets are opened"
)]
pub async fn connect_tcp(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection and where it leads.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: Sender,
    pub(super) peer: IpAddr,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NotConnected {
    /// No address of the host may be connected to.
    Refused(EgressRefused),
    /// Something failed on the way.
    Failed(String),
}

impl From<String> for NotConnected {
    fn from(detail: String) -> Self {
        Self::Failed(detail)
    }
}

/// A connection that takes requests.
#[derive(Debug)]
pub(super) enum Sender {
    /// One request at a time.
    Http1(http1::SendRequest<Full<Bytes>>),
    /// Many requests at a time.
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Makes connections.
#[derive(Debug)]
pub(super) struct Connector {
    tls: Arc<ClientConfig>,
    /// Offers nothing but HTTP/2.
    tls_http2: Arc<ClientConfig>,
    resolver: Arc<dyn Resolve>,
}

impl Connector {
    pub(super) fn new(options: &HttpClientOptions) -> Result<Self, String> {
        let mut roots = public_roots();
        if let Some(pem) = &options.authorities {
            add_authorities(&mut roots, pem)?;
        }
        let mut tls = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let tls_http2 = Arc::new(tls.clone());
        tls.alpn_protocols.push(b"http/1.1".to_vec());
        Ok(Self {
            tls: Arc::new(tls),
            tls_http2,
            resolver: Arc::clone(&options.resolver),
        })
    }

    /// Connects to `origin`, at an address that `egress` allows. Cancellation safe: nothing is left
    /// behind.
    pub(super) async fn connect(
        &self,
        origin: &Origin,
        egress: &Egress,
    ) -> Result<Connection, NotConnected> {
        let (tcp, peer) = self.reach(origin, egress).await?;
        let sender = self.speak(origin, tcp).await?;
        Ok(Connection { sender, peer })
    }

    /// Opens a socket to the first address of `origin` that is allowed and answers. What is
    /// connected to is the address that was checked, never the name once more.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where sockets are opened"
    )]
    async fn reach(
        &self,
        origin: &Origin,
        egress: &Egress,
    ) -> Result<(TcpStream, IpAddr), NotConnected> {
        let addresses = match origin.address {
            Some(address) => vec![address],
            None => {
                let found = self.resolver.resolve(&origin.host).await;
                found.map_err(|error| error.to_string())?
            }
        };
        let mut refused = None;
        let mut failed = None;
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            if let Err(error) = egress.check(&origin.host, address) {
                refused.get_or_insert(error);
                continue;
            }
            match TcpStream::connect(SocketAddr::new(address, origin.port)).await {
                Ok(stream) => {
                    stream
                        .set_nodelay(true)
                        .map_err(|error| error.to_string())?;
                    return Ok((stream, address));
                }
                Err(error) => failed = Some(error.to_string()),
            }
        }
        Err(match (failed, refused) {
            (Some(detail), _) => NotConnected::Failed(detail),
            (None, Some(refused)) => NotConnected::Refused(refused),
            (None, None) => NotConnected::Failed("the name has no address".to_owned()),
        })
    }

    async fn speak(&self, origin: &Origin, tcp: TcpStream) -> Result<Sender, String> {
        match (origin.tls, origin.http2) {
            (false, false) => return http1(tcp).await,
            (false, true) => return http2(tcp).await,
            (true, _) => {}
        }
        let name = ServerName::try_from(origin.host.to_string())
            .map_err(|error| format!("no certificate can be for this host: {error}"))?;
        let config = if origin.http2 {
            &self.tls_http2
        } else {
            &self.tls
        };
        let tls = TlsConnector::from(Arc::clone(config))
            .connect(name, tcp)
            .await
            .map_err(|error| error.to_string())?;
        match (tls.get_ref().1.alpn_protocol(), origin.http2) {
            (Some(b"h2"), _) => http2(tls).await,
            (_, true) => Err("the host does not speak HTTP/2".to_owned()),
            (_, false) => http1(tls).await,
        }
    }
}

async fn http1<I>(io: I) -> Result<Sender, String>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_LEN)
        .handshake(TokioIo::new(io))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a sink ended");
        }
    });
    Ok(Sender::Http1(sender))
}

async fn http2<I>(io: I) -> Result<Sender, String>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(MAX_HEAD_LEN).unwrap_or(u32::MAX))
        .handshake(TokioIo::new(io))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a sink ended");
        }
    });
    Ok(Sender::Http2(sender))
}
