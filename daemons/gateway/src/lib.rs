//! The HTTP front door: CloudEvents come in, REST manages and reads.
//!
//! * `front`: the service itself, with the short way for events.
//! * `ingress`: publishing events in every content mode.
//! * `rest`: namespaces, eventbuses, subscriptions, reading events; described by
//!   `/openapi.json`.
//! * `http`: bodies, errors as problem+json, limits.
//!
//! Nothing is decided here that is not about HTTP: names, rules and storage are the engine's.

mod front;
mod gateway;
mod http;
mod ingress;
mod metrics;
mod options;
mod rest;
mod routes;

pub use front::Front;
pub use gateway::Gateway;
pub use metrics::{GatewayMetrics, RequestLabels};
pub use options::GatewayOptions;
