//! What time it is, and how times and delays are written. Pure: clocks are read elsewhere.
//!
//! [`ClusterClock`] is the time that timers go by: the wall clock without its jumps.
//! [`delivery_time`] and [`delay`] read what events ask for.

mod cluster;

mod delay;

pub use cluster::{ClockSample, ClockState, ClusterClock};
pub use delay::{InvalidDelay, InvalidDeliveryTime, delay, delivery_time};
