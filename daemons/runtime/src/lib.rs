//! What every daemon needs around its engine: configuration, logs, metrics, health and signals.
//!
//! Only the daemons read configuration files, the environment and signals, and they do it here.
//! The flags of a command line are parsed by each daemon; their meaning is [`config`]'s.

pub mod config;
mod huge_pages;
mod open_files;
pub mod signals;
pub mod telemetry;
pub mod ticker;

pub use config::{Config, ConfigError, Sources};
pub use huge_pages::allow_huge_pages;
pub use open_files::raise_open_files;
