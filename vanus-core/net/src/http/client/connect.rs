//! Making connections to hosts: TCP, then TLS if asked for, then HTTP/1.1 or HTTP/2.

use std::sync::Arc;

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
use crate::quic::{add_authorities, provider, public_roots};

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
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(tls) })
    }

    /// Connects to `origin`. Cancellation safe: nothing is left behind.
    pub(super) async fn connect(&self, origin: &Origin) -> Result<Sender, String> {
        let tcp = connect_tcp(&origin.host, origin.port)
            .await
            .map_err(|error| error.to_string())?;
        if !origin.tls {
            return http1(tcp).await;
        }
        let name = ServerName::try_from(origin.host.to_string())
            .map_err(|error| format!("no certificate can be for this host: {error}"))?;
        let tls = TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, tcp)
            .await
            .map_err(|error| error.to_string())?;
        if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
            http2(tls).await
        } else {
            http1(tls).await
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
