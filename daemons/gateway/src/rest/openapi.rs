//! The OpenAPI 3.1 document; a test holds it against the routes.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};

/// The document, as it is served.
pub(crate) const DOCUMENT: &str = include_str!("../../openapi.json");

/// Tells the document.
pub(crate) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
