//! Errors as facts with stable codes.
//!
//! Each crate has narrow error types of its own; what they share is a stable [`ErrorCode`]
//! through [`Coded`], and [`Fault`], the form in which an error crosses a wire.

mod code;
mod fault;

pub use code::{Coded, ErrorCode, RetryClass};
pub use fault::Fault;
