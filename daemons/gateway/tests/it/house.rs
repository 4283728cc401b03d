//! An engine in memory with a front door, and a caller.

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, Response},
};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;
use vanus_core::{EventbusSpec, Name, Vanus};
use vanus_gateway::{Front, Gateway, GatewayOptions};

pub(crate) const EVENTS: &str = "/namespaces/default/eventbus/orders/events";
pub(crate) const ONE: &str =
    r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":1}}"#;
pub(crate) const STRUCTURED: &[(&str, &str)] = &[("content-type", "application/cloudevents+json")];
pub(crate) const BATCH: &[(&str, &str)] = &[("content-type", "application/cloudevents-batch+json")];

/// A front door with the eventbus `orders` behind it.
pub(crate) struct House {
    pub(crate) front: Front,
    pub(crate) stopping: CancellationToken,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Asserts that this is a problem with this status and code.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:vanus:error:{code}"));
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
        problem
    }

    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(GatewayOptions::default(), 1).await
    }

    pub(crate) async fn with(options: GatewayOptions, eventlogs: u16) -> Self {
        let vanus = Vanus::builder().in_memory().open().await.unwrap();
        // Not through the gateway: the time limits under test are not for the making of files.
        let mut orders = EventbusSpec::new(Name::new("orders").unwrap());
        orders.eventlogs = eventlogs;
        vanus.create_eventbus("default", orders).await.unwrap();
        let stopping = CancellationToken::new();
        let gateway = Gateway::new(vanus, options, stopping.clone());
        Self {
            front: gateway.front(),
            stopping,
        }
    }

    pub(crate) async fn respond(&self, request: Request<Body>) -> Response<Body> {
        let mut front = self.front.clone();
        front.call(request).await.unwrap()
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.respond(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.call(request("POST", path, headers, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(request("GET", path, &[], "")).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        let json = [("content-type", "application/json")];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.call(request(method, path, &json, &body)).await
    }
}

pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request<Body> {
    let method: Method = method.parse().unwrap();
    let mut builder = Request::builder().method(method.clone()).uri(path);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    if method != Method::GET {
        builder = builder.header("content-length", body.len());
    }
    builder.body(Body::from(body.to_owned())).unwrap()
}
