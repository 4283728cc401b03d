//! Reading request bodies, never more than allowed.

use std::{fmt::Display, pin::pin};

use axum::{
    body::{Body, HttpBody},
    http::{
        HeaderMap, Request, Version,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
        request::Parts,
    },
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use vanus_types::{ErrorCode, format::is_json, limits::MAX_RECORD_LEN};

use super::problem::Problem;

/// Reads the body of a request with this `head`, at most `limit` bytes.
///
/// # Errors
/// 411 when HTTP/1 tells no length and does not send in chunks, 413 when the body is too large,
/// 415 when it is compressed, 400 when it breaks off.
pub(crate) async fn read_body<B>(head: &Parts, body: B, limit: usize) -> Result<Bytes, Problem>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Display,
{
    let headers = &head.headers;
    let told = headers.get(CONTENT_LENGTH);
    let framed = told.is_some()
        || headers.contains_key(TRANSFER_ENCODING)
        || head.version > Version::HTTP_11;
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
    let mut body = pin!(body);
    // What comes in one piece, as most events do, is not copied.
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let detail = format!("the body broke off: {error}");
            Problem::new(ErrorCode::InvalidRequest, detail)
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + rest.len() + data.len() > limit {
            return Err(too_large());
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&std::mem::take(&mut first));
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
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
    let (head, body) = request.into_parts();
    let body = read_body(&head, body, MAX_RECORD_LEN).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let code = match error.classify() {
            Category::Data => ErrorCode::InvalidArgument,
            Category::Io | Category::Syntax | Category::Eof => ErrorCode::InvalidJson,
        };
        Problem::new(code, error.to_string())
    })
}
