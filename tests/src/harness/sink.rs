//! An HTTP server to which events are delivered, and which may behave badly.

use std::{
    convert::Infallible,
    future::Future as _,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::Sleep,
};

use super::Result;

/// What a sink does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// It answers with this status.
    Status(StatusCode),
    /// It cuts the connection.
    Cut,
    /// It never answers.
    Never,
    /// It answers with a body that never ends.
    Endless,
}

/// A server that is there until it is dropped.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Sink {
    /// Starts a sink on a free port of the loopback interface; `handle` decides what it does.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start<F>(handle: F) -> Result<Self>
    where
        F: Fn(&HeaderMap, &[u8]) -> Reply + Clone + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, handle.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<F>(stream: TcpStream, handle: F)
where
    F: Fn(&HeaderMap, &[u8]) -> Reply + Clone + Send + Sync + 'static,
{
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let handle = handle.clone();
        async move {
            let (parts, body) = request.into_parts();
            // Who cuts the connection within a request has not delivered anything.
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            match handle(&parts.headers, &body) {
                Reply::Status(status) => {
                    let mut response = Response::new(Full::<Bytes>::default().boxed());
                    *response.status_mut() = status;
                    Ok(response)
                }
                Reply::Endless => Ok(Response::new(Endless::new().boxed())),
                Reply::Cut => Err(io::Error::other("cut on purpose")),
                Reply::Never => match std::future::pending::<Infallible>().await {},
            }
        }
    });
    // Broken connections are what sinks are for here; there is nobody to tell.
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

/// A body without an end: 16 KiB a millisecond, so that what is measured is not the work of making it.
#[derive(Debug)]
struct Endless {
    next: Pin<Box<Sleep>>,
}

impl Endless {
    fn new() -> Self {
        Self {
            next: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        std::task::ready!(self.next.as_mut().poll(context));
        self.next = Box::pin(tokio::time::sleep(Duration::from_millis(1)));
        let data = Bytes::from_static(&[b'x'; 16 * 1024]);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Connection;

    async fn sink() -> Sink {
        Sink::start(
            |headers, body| match headers.get("do").map(|v| v.as_bytes()) {
                Some(b"cut") => Reply::Cut,
                Some(b"never") => Reply::Never,
                _ if body == b"x" => Reply::Status(StatusCode::NO_CONTENT),
                _ => Reply::Status(StatusCode::BAD_REQUEST),
            },
        )
        .await
        .unwrap()
    }

    async fn ask(sink: &Sink, what: &str) -> Result<StatusCode> {
        let request = Request::post("/").header("do", what);
        let mut connection = Connection::open(&sink.address().to_string()).await?;
        let answer = connection.send(request.body(Bytes::from("x"))?).await?;
        Ok(answer.status)
    }

    #[tokio::test]
    async fn a_sink_answers_cuts_or_never_answers() {
        let sink = sink().await;
        assert_eq!(ask(&sink, "").await.unwrap(), StatusCode::NO_CONTENT);
        assert!(ask(&sink, "cut").await.is_err());
        let never = tokio::time::timeout(Duration::from_millis(50), ask(&sink, "never"));
        assert!(never.await.is_err());
        assert_eq!(ask(&sink, "").await.unwrap(), StatusCode::NO_CONTENT);
    }
}
