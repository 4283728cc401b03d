//! Histories: what clients, readers and sinks saw, as lines of JSON, one completed operation each.
//!
//! ```text
//! {"t0":ns,"t1":ns,"p":process,"f":"send","type":"ok|fail|info","log":L,"id":E,"hash":H,"off":N}
//! {"t0":ns,"t1":ns,"p":process,"f":"poll","type":"ok","log":L,"at":N,"msgs":[[off,id,hash],…]}
//! {"t0":ns,"t1":ns,"p":process,"f":"deliver","sub":S,"log":L,"id":E,"hash":H,"attempt":n,
//!  "answer":"2xx|retryable|fatal|timeout|none"}
//! {"t0":ns,"t1":ns,"p":process,"f":"drained","log":L}
//! ```
//!
//! A time-out or a dropped connection is `info`: it may or may not have happened. What is not
//! known is `null`. Reading the dead letters of subscription S is a poll of the eventlog
//! `dead-letters/S`.

mod digest;
#[expect(
    clippy::module_inception,
    reason = "one main type per file, named after it"
)]
mod history;
mod operation;
mod recorder;

pub use digest::Digest;
pub use history::{History, Reading};
pub use operation::{Act, Answer, DEAD_LETTERS, Deliver, Message, Operation, Outcome, Poll, Send};
pub use recorder::Recorder;
