//! What every route shares: bodies, parameters, errors, limits.

mod body;
mod guard;
mod params;
mod problem;

pub(crate) use body::{content_type, json_body, read_body};
pub(crate) use guard::{
    ReaderPermit, bound_reads, bound_requests, bounded, finish, within, written,
};
pub(crate) use params::{Parameters, parse};
pub(crate) use problem::Problem;
