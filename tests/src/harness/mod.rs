//! The means to run real processes and to speak HTTP with them, without any of Vanus's own code.

mod daemon;
mod http;
mod random;
mod sink;
mod wire;

pub use daemon::{Daemon, free_port};
pub use http::{Answer, Connection};
pub use random::Random;
pub use sink::{Reply, Sink};
pub use wire::{of_binary, of_json, percent_encode};

/// What goes wrong in a harness: a process, a connection, an unexpected answer.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What a step of a harness comes to.
pub type Result<T> = std::result::Result<T, Error>;
