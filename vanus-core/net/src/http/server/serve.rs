//! The accept loop.

use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::HttpServerOptions;

/// How long accepting pauses after it failed, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The address of the peer; an extension of every request served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Opens a TCP socket that listens on `address`.
///
/// # Errors
/// What the system says, for example that the port is in use.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where sockets are opened"
)]
pub async fn bind_tcp(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves `service` on `listener` until `stopping` is cancelled and the requests under way are
/// answered, or the drain grace is over.
///
/// The service is cloned for every connection. Each request carries its [`Peer`] as an extension.
pub async fn serve_http<S, B>(
    listener: TcpListener,
    service: S,
    options: HttpServerOptions,
    stopping: CancellationToken,
) where
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let builder = builder(&options);
    let permits = Arc::new(Semaphore::new(options.max_connections));
    let (connections, stopped) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopping.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let (stream, peer, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(WithPeer {
            service: service.clone(),
            peer,
        });
        let (builder, stopping, stopped) = (builder.clone(), stopping.clone(), stopped.clone());
        connections.spawn(async move {
            let mut connection = std::pin::pin!(
                builder.serve_connection_with_upgrades(TokioIo::new(stream), service)
            );
            let mut told = false;
            loop {
                tokio::select! {
                    biased;
                    ended = connection.as_mut() => {
                        if let Err(error) = ended {
                            tracing::debug!(%peer, error, "an HTTP connection ended");
                        }
                        break;
                    }
                    () = stopping.cancelled(), if !told => {
                        told = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    () = stopped.cancelled() => break,
                }
            }
            drop(permit);
        });
    }
    drop(listener);
    drain(&connections, &stopped, options.drain_grace).await;
}

/// Waits for what is under way, and closes what takes longer than the grace.
async fn drain(connections: &TaskTracker, stopped: &CancellationToken, grace: Duration) {
    connections.close();
    if tokio::time::timeout(grace, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            open = connections.len(),
            "closed HTTP connections that took too long"
        );
        stopped.cancel();
        connections.wait().await;
    }
}

fn builder(options: &HttpServerOptions) -> Builder<TokioExecutor> {
    let head_len = u32::try_from(options.max_head_len).unwrap_or(u32::MAX);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .max_headers(options.max_headers)
        .max_buf_size(options.max_head_len);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(options.max_streams)
        .max_header_list_size(head_len)
        .keep_alive_interval(options.head_timeout);
    builder
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits)
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, permit))
}

/// Tells the service who asks.
#[derive(Debug, Clone)]
struct WithPeer<S> {
    service: S,
    peer: SocketAddr,
}

impl<S, B> tower_service::Service<Request<Incoming>> for WithPeer<S>
where
    S: tower_service::Service<Request<Incoming>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> S::Future {
        request.extensions_mut().insert(Peer(self.peer));
        self.service.call(request)
    }
}
