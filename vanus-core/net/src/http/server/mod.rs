//! Serving HTTP/1.1 and HTTP/2 (by prior knowledge) on one port.

mod options;
mod serve;

pub use options::HttpServerOptions;
pub use serve::{bind_tcp, serve_http};
