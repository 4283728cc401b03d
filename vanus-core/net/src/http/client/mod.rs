//! A pooling HTTP client for deliveries: capped answers, no redirects, one time limit for all of
//! a request.

mod connect;
mod error;
mod host;
mod options;
mod post;
mod target;

pub use connect::connect_tcp;
pub use error::HttpError;
pub use options::HttpClientOptions;
pub use post::{HttpClient, HttpResponse};
pub use target::HttpTarget;
