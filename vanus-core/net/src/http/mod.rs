//! HTTP: a client that delivers, a loop that serves.
//!
//! Both speak HTTP/1.1 and HTTP/2 and bound everything a peer could make grow. What is asked and
//! answered is decided elsewhere.

mod client;
mod server;

pub use client::{
    HttpClient, HttpClientOptions, HttpError, HttpRequest, HttpResponse, HttpTarget, connect_tcp,
};
pub use server::{HttpServerOptions, bind_tcp, serve_http};
