//! Sinks that are addresses.
//!
//! * `factory` opens the sink of a subscription.
//! * `http` delivers over HTTP; `encode` writes its requests, `judge` reads its answers, `reply`
//!   publishes the events in them, `pause` keeps away from a sink that asked for it.
//! * `handshake` asks a sink before anything is delivered to it.
//! * `lambda` invokes functions of AWS, with requests signed by `sigv4`; `gcloud` those of Google
//!   Cloud, with tokens from `identity`.
//! * `grpc` calls a gRPC service.
//! * `batcher` lets many deliveries share one request.
//! * `host` is what sinks ask of the engine around them.

mod batcher;
mod context;
mod encode;
mod factory;
mod gcloud;
mod grpc;
mod handshake;
mod host;
mod http;
mod identity;
mod judge;
mod lambda;
mod pause;
mod reply;
mod sigv4;

pub(crate) use factory::AddressSinks;
pub(crate) use host::SinkHost;
