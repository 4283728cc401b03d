//! The engine as an embedding program uses it.

mod control;
mod delivery;
mod publish;
mod restart;
mod support;
