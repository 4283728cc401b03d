//! `POST` of one event or a batch, in any content mode.

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use vanus_types::{control::DEFAULT_NAMESPACE, format::decode_http};

use super::{ack::Ack, asked};
use crate::{
    gateway::Gateway,
    http::{Problem, content_type, read_body},
};

/// Publishes to an eventbus of a namespace.
pub(crate) async fn publish(
    State(gateway): State<Gateway>,
    Path((namespace, eventbus)): Path<(String, String)>,
    request: Request,
) -> Response {
    timed(&gateway, &namespace, &eventbus, request).await
}

/// Publishes to an eventbus of the default namespace, by its older path.
pub(crate) async fn publish_default(
    State(gateway): State<Gateway>,
    Path(eventbus): Path<String>,
    request: Request,
) -> Response {
    timed(&gateway, DEFAULT_NAMESPACE, &eventbus, request).await
}

async fn timed(gateway: &Gateway, namespace: &str, eventbus: &str, request: Request) -> Response {
    let clock = gateway.vanus().clock();
    let start = clock.monotonic_ns();
    let mut events = 0;
    let answer = take(gateway, namespace, eventbus, request, &mut events).await;
    let response = match answer {
        Ok(ack) => Json(ack).into_response(),
        Err(problem) => problem.into_response(),
    };
    let nanos = clock.monotonic_ns().saturating_sub(start);
    let status = response.status().as_u16();
    gateway.metrics().published(status, events, nanos);
    response
}

async fn take(
    gateway: &Gateway,
    namespace: &str,
    eventbus: &str,
    request: Request,
    received: &mut usize,
) -> Result<Ack, Problem> {
    // Before the body is read, so that a wrong path costs nothing.
    let bus = gateway.vanus().eventbus(namespace, eventbus)?;
    let headers = request.headers().clone();
    let options = asked::options(&headers, gateway.options().durability)?;
    let body = read_body(request, gateway.options().max_body).await?;
    let pairs = || {
        let all = headers.iter();
        all.map(|(name, value)| (name.as_str(), value.as_bytes()))
    };
    let events = decode_http(content_type(&headers)?, pairs, &body)?;
    *received = events.len();
    let published = bus.publish_with(&events, options).await?;
    Ok(Ack::new(&published, options.durability))
}
