//! Logs, metrics and health.

mod health;
mod logs;
mod metrics;
mod server;

pub use health::{Health, HealthProbe};
pub use logs::{LogsError, init_logs};
pub use metrics::Metrics;
pub use server::serve_telemetry;
