//! Load generators for the brokers that Vanus is measured beside, as lean as our own: one
//! connection, no client library, many messages in one write, acknowledgements counted as they
//! come.

mod connection;
mod drive;
mod measure;
mod nats;
mod redis;

pub use measure::{Figures, Load, Row};
pub use nats::Nats;
pub use redis::Redis;

/// What goes wrong in a load generator: the connection, or an answer that is an error.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What a load generator comes to.
pub type Result<T> = std::result::Result<T, Error>;
