//! Dying before, in the midst of, and after any call to the disk.
//!
//! A worker appends to a store through a file system that kills the process with SIGKILL at the
//! chosen call: the n-th write, sync, rename, and so on. Here are that file system, the worker and
//! the judge; who starts workers and chooses calls is the program `failpoints`.

mod fs;
mod judge;
mod worker;

pub use fs::{DyingFs, Failpoint, Kind, When};
pub use judge::{Findings, judge};
pub use worker::work;
