//! One shard of timers: what its eventlog says, as a state that somebody else can take over. Pure: entries and time are
//! arguments, what is to be written and done is the answer.
//!
//! *Everything that changes a shard is an entry in its eventlog* (`entry`), and the state is the fold over the entries, so that
//! whoever reads the eventlog comes to the same state. The owner acts only on what was folded: an entry that was proposed may
//! be lost, or void because somebody else has claimed the shard.
//!
//! What is due next is in memory (`near`), everything that waits is in an index by time, which is a cache of the eventlog. What
//! the index does not hold yet is remembered (`changes`) until it was written. How it is written is not known here.

mod changes;
mod entry;
mod firing;
mod near;
mod ranges;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod shard;
#[cfg(test)]
mod tests;

pub(crate) use changes::{Changes, Indexed};
pub(crate) use entry::{Entry, Fire, Goes, Item, Place, Read, Set, Timer, decode, encode};
pub(crate) use firing::{Firing, Target};
pub(crate) use shard::{Applied, Checkpoint, Shard};
