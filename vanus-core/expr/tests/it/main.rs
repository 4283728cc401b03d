//! Tests of the public face of the filter dialects.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests may fail loudly, and read the suites and pages from disk"
)]

mod cesql_suite;
mod docs;
#[cfg(feature = "transform")]
mod transform_docs;
#[cfg(feature = "transform")]
mod transform_rules;
#[cfg(feature = "transform")]
mod transform_table;
