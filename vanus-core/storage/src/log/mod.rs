//! One eventlog: the recent batches in memory, the chain of segments behind them, who may append what, and what
//! is found of it after a stop. It knows no other eventlog and no write-ahead log.

mod active;
mod hole;
mod job;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod log;
pub(crate) mod producers;
mod read;
mod recover;
pub(crate) mod snapshot;
mod tail;
mod writer;

pub(crate) use self::{
    log::{FileContext, Log, Staged},
    recover::{AppendFault, RecoveredLog},
    tail::Tail,
    writer::Writer,
};
