//! Errors as `application/problem+json` (RFC 9457).

use axum::{
    body::Body,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;
use vanus_types::{Coded, ErrorCode, Fault, RetryClass};

/// After how many seconds it makes sense to ask again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// An error as it is told to HTTP clients: a stable code, and a sentence.
///
/// The answer is written by [`super::finish`], which knows the path that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: u16,
    fault: Fault,
}

impl Problem {
    /// The problem `code` with the status that belongs to it.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            status: code.http_status(),
            fault: Fault::new(code, detail),
        }
    }

    /// The same problem with another status.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    /// The JSON object.
    pub(crate) fn json(&self, instance: &str) -> String {
        json!({
            "type": format!("urn:vanus:error:{}", self.fault.code),
            "title": self.fault.code.title(),
            "status": self.status,
            "detail": self.fault.message,
            "code": self.fault.code.to_string(),
            "instance": instance,
        })
        .to_string()
    }

    /// Makes `response` tell this problem; headers it has, such as `Allow`, stay.
    pub(super) fn write(&self, mut response: Response, instance: &str) -> Response {
        *response.body_mut() = Body::from(self.json(instance));
        let status = StatusCode::from_u16(self.status);
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.remove("content-length");
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, media_type);
        let may_pass = self.fault.retry_class() == RetryClass::Safe;
        if self.status == 429 || (self.status == 503 && may_pass) {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response
    }

    /// The problem that an answer of some other hand tells by its status alone.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => (ErrorCode::NotFound, "there is no such path"),
            StatusCode::METHOD_NOT_ALLOWED => (
                ErrorCode::MethodNotAllowed,
                "the path has no such method, see the header Allow",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (ErrorCode::TooLarge, "the request is too large"),
            status if status.is_client_error() => {
                (ErrorCode::InvalidRequest, "the request is malformed")
            }
            _ => (ErrorCode::Internal, "the request could not be answered"),
        };
        Self::new(code, detail).with_status(status.as_u16())
    }
}

impl<E: Coded + std::error::Error> From<E> for Problem {
    fn from(error: E) -> Self {
        let fault = Fault::of(&error);
        Self {
            status: fault.code.http_status(),
            fault,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}
