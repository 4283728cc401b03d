//! A pooling HTTP client for deliveries: guarded connections, capped answers, no redirects, one
//! time limit for all of a request.

mod connect;
mod error;
mod exchange;
mod host;
mod options;
mod request;
mod target;

pub use connect::connect_tcp;
pub use error::HttpError;
pub use exchange::HttpClient;
pub use options::HttpClientOptions;
pub use request::{HttpRequest, HttpResponse};
pub use target::HttpTarget;
