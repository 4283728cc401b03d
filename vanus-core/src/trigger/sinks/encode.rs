//! The requests to an HTTP sink: headers and body by content mode. Pure.
//!
//! Beside the event a request carries `vanus-subscription`, `vanus-attempt`, `vanus-route` if there
//! are routes, and, if it holds one
//! event, `vanus-event-id`, so that a receiver can recognise a repetition. The event itself is
//! delivered as it was published.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use vanus_types::{
    Event,
    control::{Credential, DeliveryMode, Secret},
    format::{http as binding, json, json_batch},
};

use crate::trigger::{delivery::Delivery, sink::SinkError};

const STRUCTURED: HeaderValue =
    HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
const BATCH: HeaderValue =
    HeaderValue::from_static("application/cloudevents-batch+json; charset=utf-8");

/// Headers that a subscription adds. They were checked when it was stored.
pub(super) fn extra_headers(extra: &BTreeMap<String, String>) -> HeaderMap {
    let valid = extra.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(value).ok()?;
        // It may be a credential: it is kept out of every log.
        value.set_sensitive(true);
        Some((name, value))
    });
    valid.collect()
}

/// Adds what is shown to the sink to be let in, if that is a header.
pub(super) fn add_credential(
    headers: &mut HeaderMap,
    credential: &Credential,
) -> Result<(), SinkError> {
    let shown = |secret: &Secret| secret.expose().map(str::to_owned).ok_or(SinkError::Sealed);
    let text = match credential {
        Credential::None | Credential::Aws { .. } | Credential::Gcloud { .. } => return Ok(()),
        Credential::Plain { identifier, secret } => {
            let pair = format!("{identifier}:{}", shown(secret)?);
            format!("Basic {}", STANDARD.encode(pair))
        }
        Credential::Bearer { token } => format!("Bearer {}", shown(token)?),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| SinkError::Credential("it cannot be put into a header".to_owned()))?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}

/// The headers, on top of `headers`, and the body of the request that carries `deliveries`: one,
/// unless the mode is batch.
pub(super) fn request(
    mode: DeliveryMode,
    headers: &HeaderMap,
    deliveries: &[Delivery],
) -> (HeaderMap, Bytes) {
    let mut headers = headers.clone();
    if let Some(first) = deliveries.first() {
        put(
            &mut headers,
            "vanus-subscription",
            &first.subscription.to_string(),
        );
    }
    // What is of different routes goes to different sinks.
    if let Some(route) = deliveries.first().and_then(|first| first.route.as_deref()) {
        put(&mut headers, "vanus-route", route);
    }
    let attempt = deliveries.iter().map(|delivery| delivery.attempt).max();
    put(
        &mut headers,
        "vanus-attempt",
        &attempt.unwrap_or(1).to_string(),
    );
    if let [delivery] = deliveries {
        put(&mut headers, "vanus-event-id", &delivery.id.to_string());
    }
    let body = match (mode, deliveries) {
        (DeliveryMode::Binary, [delivery]) => binary(&mut headers, &delivery.event),
        (DeliveryMode::Structured, [delivery]) => structured(&mut headers, &delivery.event),
        (_, deliveries) => {
            headers.insert(CONTENT_TYPE, BATCH);
            let events: Vec<_> = deliveries
                .iter()
                .map(|delivery| delivery.event.clone())
                .collect();
            json_batch::encode(&events).into()
        }
    };
    (headers, body)
}

/// The body of a request with one event as JSON, and its content type among `headers`.
pub(super) fn structured(headers: &mut HeaderMap, event: &Event) -> Bytes {
    headers.insert(CONTENT_TYPE, STRUCTURED);
    json::encode(event).into()
}

fn binary(headers: &mut HeaderMap, event: &Event) -> Bytes {
    binding::for_each_header(event, |name, value| put(headers, name, value));
    if let Some(content_type) = binding::content_type(event)
        && let Ok(value) = HeaderValue::from_bytes(content_type.as_bytes())
    {
        headers.insert(CONTENT_TYPE, value);
    }
    event.data_bytes()
}

/// Attribute names and percent-encoded values are always valid in a header.
fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    // Names that nearly every request has are not made anew for each.
    let known = match name {
        "ce-specversion" => HeaderName::from_static("ce-specversion"),
        "ce-id" => HeaderName::from_static("ce-id"),
        "ce-source" => HeaderName::from_static("ce-source"),
        "ce-type" => HeaderName::from_static("ce-type"),
        "ce-subject" => HeaderName::from_static("ce-subject"),
        "ce-time" => HeaderName::from_static("ce-time"),
        "vanus-subscription" => HeaderName::from_static("vanus-subscription"),
        "vanus-event-id" => HeaderName::from_static("vanus-event-id"),
        "vanus-attempt" => HeaderName::from_static("vanus-attempt"),
        other => match HeaderName::from_bytes(other.as_bytes()) {
            Ok(name) => name,
            Err(_) => return,
        },
    };
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(known, value);
    }
}
