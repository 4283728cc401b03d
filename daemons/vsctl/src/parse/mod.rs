//! What is written on the command line, read: durations, sizes, times, key=value pairs, filters,
//! addresses. Nothing here reads a file or a clock.

mod duration;
mod endpoint;
mod filters;
mod order;
mod pair;
mod routes;
mod size;
mod start;

pub(crate) use duration::{duration, duration_or_zero};
pub(crate) use endpoint::endpoint;
pub(crate) use filters::{filters, transformer};
pub(crate) use order::{key_limit, ordering};
pub(crate) use pair::{Pair, pair};
pub(crate) use routes::{Weight, routes, weight};
pub(crate) use size::size_or_none;
pub(crate) use start::{start_from, time_ms};
