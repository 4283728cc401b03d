//! Subscriptions at work: read, filter, deliver, try again, give up, and remember how far.
//!
//! The decisions are pure and apart: when to try again (`schedule`), what is settled (`tracker`),
//! who waits (`pending`), how fast (`limiter`), what a dead letter looks like (`dead_letter`). A
//! `worker` drives them for one subscription and eventlog, a `runner` holds the workers of one
//! subscription, and [`Triggers`] all runners. Which subscriptions exist is decided elsewhere.

mod attempt;
mod dead_letter;
mod delivery;
mod desk;
mod limiter;
mod pending;
mod progress;
mod runner;
mod schedule;
mod shared;
mod sink;
#[cfg(feature = "http")]
mod sinks;
mod totals;
mod tracker;
mod triggers;
mod worker;

pub(crate) use dead_letter::belongs_to as is_dead_letter_of;
pub use delivery::{Delivery, DeliveryError};
pub(crate) use desk::{Desk, Handed};
pub(crate) use pending::Retry;
pub(crate) use progress::{delete_retry, forget, load, put_cursor, put_retry};
#[cfg(any(test, not(feature = "http")))]
pub(crate) use sink::NoSinks;
pub(crate) use sink::{FnSink, SinkFactory};
pub use sink::{Sink, SinkError};
#[cfg(feature = "http")]
pub(crate) use sinks::{AddressSinks, SinkHost};
pub(crate) use triggers::{Route, StartError, Triggers};
