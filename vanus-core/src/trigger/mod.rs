//! Subscriptions at work: read, filter, deliver, try again, give up, and remember how far.
//!
//! One reader of an eventlog (`feed`) matches every event against the filters of all subscriptions
//! of the eventbus at once (`index`), and brings it to the *seats* of those that want it (`seat`).
//! A seat is one subscription at one eventlog; while there is something to deliver it has a
//! `worker`. What all seats have to remember is stored together (`saver`, `progress`).
//!
//! The decisions are pure and apart: when to try again (`schedule`), what is settled (`tracker`),
//! who is next (`line`), who waits (`pending`), which key an event has (`keys`), how fast
//! (`limiter`), how far a sink that fails is spared (`health`), what a dead letter looks like (`dead_letter`). A `runner` holds the seats of one
//! subscription, and [`Triggers`] all runners. Which subscriptions exist is decided elsewhere.

mod attempt;
mod dead_letter;
mod delivery;
mod desk;
mod feed;
mod health;
mod index;
mod keys;
mod limiter;
mod line;
mod opening;
mod pending;
mod place;
mod progress;
mod route;
mod runner;
mod saver;
mod schedule;
mod seat;
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
pub(crate) use desk::{Attendant, Desk, Handed};
pub(crate) use pending::Retry;
pub(crate) use progress::{delete_retry, forget, load, part_from_feeds, put_cursor, put_retry};
pub(crate) use route::slots_of;
#[cfg(any(test, not(feature = "http")))]
pub(crate) use sink::NoSinks;
pub(crate) use sink::{FnSink, SinkFactory};
pub use sink::{Sink, SinkError};
#[cfg(feature = "http")]
pub(crate) use sinks::{AddressSinks, SinkHost};
pub(crate) use triggers::{Route, StartError, Triggers};

#[cfg(test)]
mod tests;
