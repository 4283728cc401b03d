//! What is asked, and what is answered.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::HttpTarget;

/// A request.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// What is to be done.
    pub method: Method,
    /// Where it goes.
    pub target: HttpTarget,
    /// Its headers; `Host` and those about the body are added.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// How long everything may take: resolving, connecting, sending, and the whole answer.
    pub limit: Duration,
    /// Most bytes of the answer's body that are kept; else what the client's options say.
    pub max_response_len: Option<usize>,
}

impl HttpRequest {
    /// A `POST` of `body`.
    #[must_use]
    pub const fn post(
        target: HttpTarget,
        headers: HeaderMap,
        body: Bytes,
        limit: Duration,
    ) -> Self {
        Self {
            method: Method::POST,
            target,
            headers,
            body,
            limit,
            max_response_len: None,
        }
    }
}

/// What a host answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or its first bytes.
    pub body: Bytes,
    /// Whether the body was longer than what is kept.
    pub truncated: bool,
    /// What came after the body; empty if nothing did.
    pub trailers: HeaderMap,
}
