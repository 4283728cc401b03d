//! Reading request bodies, never more than allowed.

use axum::{
    body::Body,
    http::{
        HeaderMap, Request, Version,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
    },
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use vanus_types::{ErrorCode, format::is_json, limits::MAX_RECORD_LEN};

use super::problem::Problem;

/// Reads the body of `request`, at most `limit` bytes.
///
/// # Errors
/// 411 when HTTP/1 tells no length and does not send in chunks, 413 when the body is too large,
/// 415 when it is compressed, 400 when it breaks off.
pub(crate) async fn read_body(request: Request<Body>, limit: usize) -> Result<Bytes, Problem> {
    let headers = request.headers();
    let told = headers.get(CONTENT_LENGTH);
    let framed = told.is_some()
        || headers.contains_key(TRANSFER_ENCODING)
        || request.version() > Version::HTTP_11;
    if !framed {
        let detail = "send a Content-Length, or the body in chunks";
        return Err(Problem::new(ErrorCode::InvalidRequest, detail).with_status(411));
    }
    if let Some(coding) = headers.get(CONTENT_ENCODING)
        && coding != "identity"
    {
        let detail = "compressed bodies are not read; send it without Content-Encoding";
        return Err(Problem::new(ErrorCode::UnsupportedMediaType, detail));
    }
    let too_large = || {
        let detail = format!("the body is larger than {limit} bytes");
        Problem::new(ErrorCode::TooLarge, detail)
    };
    let told = told.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => {
            let detail = format!("the body broke off: {error}");
            Err(Problem::new(ErrorCode::InvalidRequest, detail))
        }
    }
}

/// The only value of `Content-Type`, if there is one.
///
/// # Errors
/// 400 when there are several, or it is no text.
pub(crate) fn content_type(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let bad = |detail| Problem::new(ErrorCode::InvalidRequest, detail);
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(bad("there is more than one Content-Type"));
    }
    let text = |value: &'_ axum::http::HeaderValue| std::str::from_utf8(value.as_bytes()).is_ok();
    match first {
        Some(value) if !text(value) => Err(bad("Content-Type is not UTF-8")),
        first => Ok(first.and_then(|value| std::str::from_utf8(value.as_bytes()).ok())),
    }
}

/// Reads a value out of a JSON body.
///
/// # Errors
/// Those of [`read_body`], 415 when the body is not said to be JSON, 400 when it is none or not
/// of the form asked for.
pub(crate) async fn json_body<T: DeserializeOwned>(request: Request<Body>) -> Result<T, Problem> {
    // A browser sends no JSON to a foreign address without asking first, so insisting on the
    // media type keeps web pages from managing a node on the machine they are shown on.
    if !content_type(request.headers())?.is_some_and(is_json) {
        let detail = "send JSON with Content-Type: application/json";
        return Err(Problem::new(ErrorCode::UnsupportedMediaType, detail));
    }
    let body = read_body(request, MAX_RECORD_LEN).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let code = match error.classify() {
            Category::Data => ErrorCode::InvalidArgument,
            Category::Io | Category::Syntax | Category::Eof => ErrorCode::InvalidJson,
        };
        Problem::new(code, error.to_string())
    })
}
