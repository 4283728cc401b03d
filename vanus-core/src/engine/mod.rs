//! The façade: open an engine, find an eventbus, publish, read, subscribe.

mod builder;
mod consent;
mod eventbus;
mod maintenance;
mod metrics;
mod reader;
mod retention;
mod schedules;
mod timers;
mod trial;
mod vanus;

pub use builder::{OpenOptions, VanusBuilder};
pub use eventbus::Eventbus;
pub use metrics::{EngineHealth, EngineMetrics, SubscriptionMetrics};
pub use reader::{ReadOptions, ReadPage, Tail};
pub use vanus::Vanus;
