//! The service in front: events go straight in, everything else through the router.

use std::{
    convert::Infallible,
    fmt::Display,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    BoxError, Router,
    body::{Body, HttpBody},
    http::{Method, Request},
    response::Response,
};
use bytes::Bytes;
use tower_service::Service;

use crate::{
    gateway::Gateway,
    http::{bounded, written},
    ingress::{answer, plain_target},
};

/// Answers every request, with the same limits and the same errors either way.
///
/// The router's layers box, clone and look up for every request, which costs more than to take an
/// event in. So a plain `POST` of events does not pass them.
#[derive(Debug, Clone)]
pub struct Front {
    gateway: Gateway,
    router: Router,
}

impl Front {
    pub(crate) const fn new(gateway: Gateway, router: Router) -> Self {
        Self { gateway, router }
    }
}

impl<B> Service<Request<B>> for Front
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError> + Display,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    /// Always ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.method() != Method::POST || plain_target(request.uri().path()).is_none() {
            return Box::pin(self.router.call(request.map(Body::new)));
        }
        let gateway = self.gateway.clone();
        Box::pin(async move { Ok(publish(&gateway, request).await) })
    }
}

async fn publish<B>(gateway: &Gateway, request: Request<B>) -> Response
where
    B: HttpBody<Data = Bytes>,
    B::Error: Display,
{
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let (namespace, eventbus) = plain_target(path).unwrap_or_default();
    let answering = answer(gateway, namespace, eventbus, &head, body);
    written(bounded(gateway, answering).await, path)
}
