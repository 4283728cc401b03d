//! Under construction.

pub mod meta;
