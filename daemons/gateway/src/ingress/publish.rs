//! `POST` of one event or a batch, in any content mode.

use std::fmt::Display;

use axum::{
    body::{Body, HttpBody},
    extract::{Path, Request, State},
    http::{HeaderValue, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
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
    let (head, body) = request.into_parts();
    answer(&gateway, &namespace, &eventbus, &head, body).await
}

/// Publishes to an eventbus of the default namespace, by its older path.
pub(crate) async fn publish_default(
    State(gateway): State<Gateway>,
    Path(eventbus): Path<String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    answer(&gateway, DEFAULT_NAMESPACE, &eventbus, &head, body).await
}

/// Namespace and eventbus that a path to publish to names, if it names them plainly: what is
/// percent-encoded, and every other path, is for the router to tell.
pub(crate) fn plain_target(path: &str) -> Option<(&str, &str)> {
    let (namespace, eventbus) = if let Some(eventbus) = path.strip_prefix("/gateway/") {
        (DEFAULT_NAMESPACE, eventbus)
    } else {
        let rest = path.strip_prefix("/namespaces/")?.strip_suffix("/events")?;
        rest.split_once("/eventbus/")?
    };
    let plain = |name: &str| !name.is_empty() && !name.contains(['/', '%']);
    (plain(namespace) && plain(eventbus)).then_some((namespace, eventbus))
}

/// Publishes what a request carries, counts it and answers.
pub(crate) async fn answer<B>(
    gateway: &Gateway,
    namespace: &str,
    eventbus: &str,
    head: &Parts,
    body: B,
) -> Response
where
    B: HttpBody<Data = Bytes>,
    B::Error: Display,
{
    let clock = gateway.vanus().clock();
    let start = clock.monotonic_ns();
    let mut events = 0;
    let answer = take(gateway, namespace, eventbus, head, body, &mut events).await;
    let response = match answer {
        Ok(ack) => {
            let mut response = Response::new(Body::from(ack.into_json()));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            response
        }
        Err(problem) => problem.into_response(),
    };
    let nanos = clock.monotonic_ns().saturating_sub(start);
    let status = response.status().as_u16();
    gateway.metrics().published(status, events, nanos);
    response
}

async fn take<B>(
    gateway: &Gateway,
    namespace: &str,
    eventbus: &str,
    head: &Parts,
    body: B,
    received: &mut usize,
) -> Result<Ack, Problem>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Display,
{
    // Before the body is read, so that a wrong path costs nothing.
    let bus = gateway.vanus().eventbus(namespace, eventbus)?;
    let headers = &head.headers;
    let options = asked::options(headers, gateway.options().durability)?;
    let body = read_body(head, body, gateway.options().max_body).await?;
    let pairs = || {
        let all = headers.iter();
        all.map(|(name, value)| (name.as_str(), value.as_bytes()))
    };
    let events = decode_http(content_type(headers)?, pairs, &body)?;
    *received = events.len();
    // The events have copies of what they need; the rest of the connection's buffer is free again.
    drop(body);
    let published = bus.publish_with(&events, options).await?;
    Ok(Ack::new(&published, options.durability))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_name_their_eventbus() {
        let path = "/namespaces/shop/eventbus/orders/events";
        assert_eq!(plain_target(path), Some(("shop", "orders")));
        let path = "/gateway/orders";
        assert_eq!(plain_target(path), Some((DEFAULT_NAMESPACE, "orders")));
    }

    #[test]
    fn other_paths_are_left_to_the_router() {
        for path in [
            "/",
            "/gateway/",
            "/gateway/a/b",
            "/gateway/a/",
            "/gateway/a%20b",
            "/namespaces/a/eventbus//events",
            "/namespaces//eventbus/b/events",
            "/namespaces/a/b/eventbus/c/events",
            "/namespaces/a/eventbus/b/c/events",
            "/namespaces/a/eventbus/b/events/",
            "/namespaces/a/eventbus/events",
            "/namespaces/%61/eventbus/b/events",
            "/api/v1/namespaces/a/eventbus/b/events",
        ] {
            assert_eq!(plain_target(path), None, "{path}");
        }
    }
}
