//! An HTTP endpoint as a sink: one event a request, in the binary mode of the HTTP binding.
//!
//! Beside the attributes a request carries the extra headers of the subscription and
//! `vanus-subscription`, `vanus-event-id` and `vanus-attempt`, so that a receiver can recognise a
//! repetition. The event itself is delivered as it was published.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use vanus_net::{
    egress::EgressPolicy,
    http::{HttpClient, HttpError, HttpTarget},
};
use vanus_types::{control::SubscriptionSpec, format::http as binding};

use super::{
    delivery::{Delivery, DeliveryError},
    sink::{Sink, SinkError, SinkFactory},
};

/// Characters of an answer's body that are kept with a failure.
const SHOWN_LEN: usize = 200;

/// Opens HTTP sinks that share one client and its connections.
#[derive(Debug)]
pub(crate) struct HttpSinks {
    client: HttpClient,
    egress: EgressPolicy,
}

impl HttpSinks {
    /// Sinks that are connected to as far as `egress` allows it.
    pub(crate) const fn new(client: HttpClient, egress: EgressPolicy) -> Self {
        Self { client, egress }
    }
}

impl SinkFactory for HttpSinks {
    fn open(&self, spec: &SubscriptionSpec) -> Result<Arc<dyn Sink>, SinkError> {
        let target = HttpTarget::parse(&spec.sink)?;
        let client = self.client.guarded(self.egress.of(&spec.namespace));
        // Names are checked each time they are resolved for a connection.
        target.check(client.egress())?;
        let timeout = Duration::from_millis(spec.config.delivery_timeout_ms.into());
        let headers = extra_headers(&spec.headers);
        Ok(Arc::new(HttpSink {
            client,
            target,
            headers,
            timeout,
        }))
    }
}

#[derive(Debug)]
struct HttpSink {
    client: HttpClient,
    target: HttpTarget,
    headers: HeaderMap,
    timeout: Duration,
}

#[async_trait]
impl Sink for HttpSink {
    async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        let headers = self.headers_of(&delivery);
        let body = delivery.event.data_bytes();
        let answer = self
            .client
            .post(&self.target, headers, body, self.timeout)
            .await;
        let answer = answer.map_err(|error| judge_error(&error))?;
        let text = || {
            let text = String::from_utf8_lossy(&answer.body);
            text.chars().take(SHOWN_LEN).collect::<String>()
        };
        judge_status(answer.status, text)
    }
}

impl HttpSink {
    fn headers_of(&self, delivery: &Delivery) -> HeaderMap {
        let mut headers = self.headers.clone();
        let mut put = |name: &str, value: &str| {
            // Attribute names and percent-encoded values are always valid in a header.
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        };
        binding::for_each_header(&delivery.event, &mut put);
        put("vanus-subscription", &delivery.subscription.to_string());
        put("vanus-event-id", &delivery.id.to_string());
        put("vanus-attempt", &delivery.attempt.to_string());
        if let Some(content_type) = binding::content_type(&delivery.event)
            && let Ok(value) = HeaderValue::from_bytes(content_type.as_bytes())
        {
            headers.insert(CONTENT_TYPE, value);
        }
        headers
    }
}

/// Headers that a subscription adds. They were checked when it was stored.
fn extra_headers(extra: &BTreeMap<String, String>) -> HeaderMap {
    let valid = extra.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(value).ok()?;
        // It may be a credential: it is kept out of every log.
        value.set_sensitive(true);
        Some((name, value))
    });
    valid.collect()
}

/// 2xx acknowledges; 429, 5xx and what is no final answer may pass; everything else stays.
fn judge_status(status: StatusCode, text: impl Fn() -> String) -> Result<(), DeliveryError> {
    if status.is_success() {
        return Ok(());
    }
    let message = format!("{status}: {}", text());
    if status == StatusCode::TOO_MANY_REQUESTS
        || status.is_server_error()
        || status.is_informational()
    {
        return Err(DeliveryError::retry(message));
    }
    Err(DeliveryError::reject(
        format!("Response{}", status.as_u16()),
        message,
    ))
}

fn judge_error(error: &HttpError) -> DeliveryError {
    DeliveryError::retry(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_judged_by_their_class() {
        let judge = |status: u16| judge_status(StatusCode::from_u16(status).unwrap(), String::new);
        for good in [200, 202, 204] {
            assert_eq!(judge(good), Ok(()));
        }
        for passing in [429, 500, 503, 599] {
            assert!(
                matches!(judge(passing), Err(DeliveryError::Retry(_))),
                "{passing}"
            );
        }
        for staying in [301, 400, 404, 408, 410, 415] {
            let reason = format!("Response{staying}");
            assert!(
                matches!(judge(staying), Err(DeliveryError::Reject { reason: r, .. }) if r == reason)
            );
        }
    }
}
