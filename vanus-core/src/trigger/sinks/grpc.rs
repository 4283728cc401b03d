//! A gRPC service as a sink: `vanus.core.cloudevents.CloudEvents/Send` with batches of events.
//!
//! One unary call a batch, over HTTP/2 as in the protocol description of gRPC: a message is its
//! length, in five bytes, and its protobuf encoding; the status comes in the trailers. The service is
//! described in `vanus-core/types/proto`.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use vanus_net::http::{HttpClient, HttpRequest, HttpResponse, HttpTarget};
use vanus_types::{
    EventbusId,
    control::{DeliveryOrder, DeliverySpec, SubscriptionSpec},
    format::protobuf,
    limits::MAX_GRPC_BATCH_LEN,
};

use super::{
    batcher::{Batcher, SendMany},
    encode, judge,
};
use crate::trigger::{
    delivery::{Delivery, DeliveryError},
    sink::{Agreement, Sink, SinkError},
};

/// The method.
const PATH: &str = "/vanus.core.cloudevents.CloudEvents/Send";

/// A gRPC service.
#[derive(Debug)]
pub(super) struct GrpcSink {
    batcher: Batcher,
}

#[derive(Debug)]
struct Service {
    client: HttpClient,
    target: HttpTarget,
    headers: HeaderMap,
    timeout: Duration,
    eventbus: EventbusId,
}

impl GrpcSink {
    pub(super) fn open(
        client: HttpClient,
        spec: &SubscriptionSpec,
        agreement: &Agreement<'_>,
    ) -> Result<Self, SinkError> {
        let target = target(&spec.sink)?;
        target.check(client.egress())?;
        let timeout = Duration::from_millis(spec.config.delivery_timeout_ms.into());
        let mut headers = encode::extra_headers(&spec.headers);
        encode::add_credential(&mut headers, &spec.credential)?;
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/grpc"),
        );
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        // At most eight digits, in milliseconds.
        let limit = HeaderValue::from_str(&format!("{}m", spec.config.delivery_timeout_ms));
        headers.extend(
            limit
                .ok()
                .map(|limit| (http::HeaderName::from_static("grpc-timeout"), limit)),
        );
        let service = Service {
            client,
            target,
            headers,
            timeout,
            eventbus: agreement.eventbus,
        };
        let delivery = DeliverySpec {
            // One event at a time has nobody to wait for.
            batch_linger_ms: if spec.config.ordering == DeliveryOrder::Strict {
                0
            } else {
                spec.delivery.batch_linger_ms
            },
            ..spec.delivery.clone()
        };
        let batcher = Batcher::new(Arc::new(service), &delivery, MAX_GRPC_BATCH_LEN);
        Ok(Self { batcher })
    }
}

/// The method at a service named by a URL, or by host and port alone, which means without TLS.
fn target(sink: &str) -> Result<HttpTarget, SinkError> {
    let sink = sink.trim_end_matches('/');
    let url = if sink.contains("://") {
        format!("{sink}{PATH}")
    } else {
        format!("http://{sink}{PATH}")
    };
    Ok(HttpTarget::parse(&url)?.http2_only())
}

#[async_trait]
impl Sink for GrpcSink {
    async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        self.batcher.deliver(delivery).await
    }

    fn linger(&self) -> Duration {
        self.batcher.linger()
    }
}

#[async_trait]
impl SendMany for Service {
    async fn send_many(&self, deliveries: &[Delivery]) -> Result<(), DeliveryError> {
        let events: Vec<_> = deliveries
            .iter()
            .map(|delivery| delivery.event.clone())
            .collect();
        let message = protobuf::encode_vanus_batch(&events, self.eventbus.get());
        let request = HttpRequest::post(
            self.target.clone(),
            self.headers.clone(),
            framed(&message),
            self.timeout,
        );
        let answer = self.client.request(request).await;
        judge_call(&answer.map_err(|error| judge::judge_error(&error))?)
    }
}

/// A message as it travels: not compressed, its length, itself.
fn framed(message: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(message.len() + 5);
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    body.put_slice(message);
    body.freeze()
}

/// The names of the status codes, by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// What cannot get better by waiting gives the events up; everything else is tried again.
fn judge_call(answer: &HttpResponse) -> Result<(), DeliveryError> {
    // A call that fails at once has its status among the headers.
    let status = answer.trailers.get("grpc-status");
    let status = status.or_else(|| answer.headers.get("grpc-status"));
    let number = status.and_then(|status| status.to_str().ok()?.parse::<usize>().ok());
    let Some(number) = number else {
        let status = answer.status;
        return Err(DeliveryError::retry(format!(
            "{status} without a status of gRPC"
        )));
    };
    let code = CODES.get(number).copied().unwrap_or("UNKNOWN");
    let said = answer.trailers.get("grpc-message");
    let said = said.or_else(|| answer.headers.get("grpc-message"));
    let said = said.map(|said| String::from_utf8_lossy(said.as_bytes()).into_owned());
    let message = format!("{code}: {}", said.unwrap_or_default());
    match code {
        "OK" => Ok(()),
        "INVALID_ARGUMENT"
        | "NOT_FOUND"
        | "ALREADY_EXISTS"
        | "PERMISSION_DENIED"
        | "FAILED_PRECONDITION"
        | "OUT_OF_RANGE"
        | "UNIMPLEMENTED"
        | "UNAUTHENTICATED" => Err(DeliveryError::reject(format!("Grpc{number}"), message)),
        _ => Err(DeliveryError::retry(message)),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn judged(
        headers: &[(&'static str, &str)],
        trailers: &[(&'static str, &str)],
    ) -> Result<(), DeliveryError> {
        let map = |pairs: &[(&'static str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            pairs.collect::<HeaderMap>()
        };
        judge_call(&HttpResponse {
            status: StatusCode::OK,
            headers: map(headers),
            body: Bytes::new(),
            truncated: false,
            trailers: map(trailers),
        })
    }

    #[test]
    fn the_status_is_that_of_the_trailers_or_of_a_call_that_failed_at_once() {
        assert_eq!(judged(&[], &[("grpc-status", "0")]), Ok(()));
        for (number, waits) in [
            (1, true),
            (2, true),
            (4, true),
            (8, true),
            (10, true),
            (13, true),
            (14, true),
            (15, true),
            (99, true),
            (3, false),
            (5, false),
            (7, false),
            (12, false),
            (16, false),
        ] {
            let status = number.to_string();
            let pair = [("grpc-status", status.as_str()), ("grpc-message", "why")];
            for error in [judged(&[], &pair), judged(&pair, &[])] {
                let error = error.unwrap_err();
                assert_eq!(matches!(error, DeliveryError::Retry(_)), waits, "{number}");
                assert!(error.to_string().contains("why"), "{error}");
            }
        }
        assert!(matches!(judged(&[], &[]), Err(DeliveryError::Retry(_))));
    }

    #[test]
    fn a_service_is_named_by_url_or_by_host_and_port() {
        for (sink, host) in [
            ("h:50051", "h:50051"),
            ("http://h:1/", "h:1"),
            ("https://h", "h:443"),
            ("[::1]:7", "::1:7"),
        ] {
            assert_eq!(target(sink).unwrap().host(), host);
        }
        assert!(target("0x7f.1:80").is_err());
    }
}
