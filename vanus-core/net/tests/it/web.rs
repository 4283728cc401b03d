//! A small web server: a closure behind the crate's own server loop.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use vanus_net::http::{HttpServerOptions, bind_tcp, serve_http};

type Answer = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

/// A closure as a service.
#[derive(Clone)]
pub struct Page(Arc<dyn Fn(Request<Incoming>) -> Answer + Send + Sync>);

impl Page {
    pub fn new<F, A>(page: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        Self(Arc::new(move |request| {
            let answer = page(request);
            Box::pin(async move { Ok(answer.await) })
        }))
    }
}

impl tower_service::Service<Request<Incoming>> for Page {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Answer {
        (self.0)(request)
    }
}

/// The address of whoever asks; an extension of every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// A page that is told who asks.
#[derive(Clone)]
struct ToldPeer(Page, Peer);

impl tower_service::Service<Request<Incoming>> for ToldPeer {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Answer {
        request.extensions_mut().insert(self.1);
        self.0.call(request)
    }
}

pub struct Web {
    pub address: SocketAddr,
    pub stopping: CancellationToken,
    pub server: tokio::task::JoinHandle<()>,
}

impl Web {
    pub async fn serve(page: Page, options: HttpServerOptions) -> Self {
        Self::serve_at("127.0.0.1:0".parse().unwrap(), page, options).await
    }

    pub async fn serve_at(address: SocketAddr, page: Page, options: HttpServerOptions) -> Self {
        let listener = bind_tcp(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stopping = CancellationToken::new();
        let make = move |peer| ToldPeer(page.clone(), Peer(peer));
        let server = tokio::spawn(serve_http(listener, make, options, stopping.clone()));
        Self {
            address,
            stopping,
            server,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

pub fn text(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .body(Full::new(body.into()))
        .unwrap()
}
