//! A small web server that keeps what it is asked and answers what the story says.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use vanus_net::http::{HttpServerOptions, bind_tcp, serve_http};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) type Reply = Response<Full<Bytes>>;

/// The server; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Web {
    address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: CancellationToken,
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Web {
    /// Serves `page`, which is told the number of the request, from 0.
    pub(crate) async fn serve<F>(page: F) -> Self
    where
        F: Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
    {
        let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, stop) = (
            Arc::<Mutex<Vec<Asked>>>::default(),
            CancellationToken::new(),
        );
        let page = Page {
            page: Arc::new(page),
            asked: Arc::clone(&asked),
        };
        let options = HttpServerOptions::default();
        tokio::spawn(serve_http(
            listener,
            move |_| page.clone(),
            options,
            stop.clone(),
        ));
        Self {
            address,
            asked,
            stop,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

type Answering = dyn Fn(usize, &Asked) -> Reply + Send + Sync;

#[derive(Clone)]
struct Page {
    page: Arc<Answering>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl tower_service::Service<Request<Incoming>> for Page {
    type Response = Reply;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let Self { page, asked } = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let request = Asked {
                method: head.method,
                version: head.version,
                uri: head.uri,
                headers: head.headers,
                body: body.collect().await.unwrap().to_bytes(),
            };
            let number = {
                let mut all = asked.lock().unwrap();
                all.push(request.clone());
                all.len() - 1
            };
            Ok(page(number, &request))
        })
    }
}

/// An answer without headers.
pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Reply {
    answer_with(status, &[], body)
}

/// An answer with headers.
pub(crate) fn answer_with(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::new(body.into())).unwrap()
}
