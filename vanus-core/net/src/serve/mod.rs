//! The server loop: sessions come in over any `Transport`, a `Handler` answers them.
//!
//! ```text
//! serve ──► session (one per connection: hello, limits, drain notice)
//!              └──► stream (one per stream: reads frames, submits batches in order,
//!                     │      runs other requests side by side)
//!                     └──► replies, written as they are ready
//! ```
//!
//! Everything is bounded: connections, requests per session, batches per stream, replies queued
//! per stream. What passes a bound waits where waiting holds back only its asker, and is refused
//! otherwise.

mod options;
mod server;
mod session;
mod sink;
mod stream;

pub use options::ServeOptions;
pub use server::serve;
