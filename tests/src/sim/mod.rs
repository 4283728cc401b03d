//! The simulation of one node: the real store in virtual time on one thread, on a disk that fails, fills up, forgets
//! and lies as often as a seed says. What happened is a trace; invariants, one file each, judge it.
//!
//! The same seed gives the same trace, to the last call of the disk. Bugs are planted between store and disk, to
//! show that the invariants find them.

mod bug;
mod clock;
mod faults;
mod forge;
pub mod invariants;
mod logs;
mod node;
mod seam;
pub mod trace;
mod workload;

pub use self::{
    bug::Bug,
    clock::SimClock,
    node::Figures,
    seam::SeamFs,
    workload::{Run, run},
};
