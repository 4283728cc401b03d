//! The accept loop.

use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::HttpServerOptions;

/// How long accepting pauses after it failed, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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

/// Serves on `listener` until `stopping` is cancelled and the requests under way are answered, or
/// the drain grace is over.
///
/// `make` makes the service of each connection and is told who connected. The service must always
/// be ready: it is called without being asked, on a clone for every request.
pub async fn serve_http<M, S, B>(
    listener: TcpListener,
    mut make: M,
    options: HttpServerOptions,
    stopping: CancellationToken,
) where
    M: FnMut(SocketAddr) -> S,
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
        let service = AlwaysReady(make(peer));
        let (builder, stopping, stopped) = (builder.clone(), stopping.clone(), stopped.clone());
        connections.spawn(async move {
            let mut connection = std::pin::pin!(
                builder.serve_connection_with_upgrades(TokioIo::new(stream), service)
            );
            // One thing to wait for beside the connection at a time: all of them are looked at
            // whenever the connection moves.
            let mut ended = tokio::select! {
                biased;
                ended = connection.as_mut() => Some(ended),
                () = stopping.cancelled() => None,
            };
            if ended.is_none() {
                connection.as_mut().graceful_shutdown();
                ended = tokio::select! {
                    biased;
                    ended = connection.as_mut() => Some(ended),
                    () = stopped.cancelled() => None,
                };
            }
            if let Some(Err(error)) = ended {
                tracing::debug!(%peer, error, "an HTTP connection ended");
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

/// A service that is called without being asked whether it is ready.
#[derive(Debug, Clone)]
struct AlwaysReady<S>(S);

impl<S: tower_service::Service<R> + Clone, R> hyper::service::Service<R> for AlwaysReady<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: R) -> S::Future {
        self.0.clone().call(request)
    }
}
