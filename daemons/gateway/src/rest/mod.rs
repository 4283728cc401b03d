//! REST: managing and reading, as `/openapi.json` describes.

pub(crate) mod cluster;
pub(crate) mod dead_letters;
pub(crate) mod eventbuses;
pub(crate) mod events;
pub(crate) mod namespaces;
pub(crate) mod openapi;
mod page;
mod place;
pub(crate) mod schedules;
mod stored;
pub(crate) mod stream;
pub(crate) mod subscriptions;
pub(crate) mod timers;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::LOCATION},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use crate::http::Problem;

/// What a handler answers.
type Answer<T> = Result<Json<T>, Problem>;

/// 201 with the new resource and where it is.
fn created<T: Serialize>(location: &str, resource: T) -> Response {
    let mut response = (StatusCode::CREATED, Json(resource)).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
