//! The store as its users see it, on file systems that lose, fail and lie.

mod basics;
mod common;
mod concurrency;
mod crash;
mod damage;
mod faults;
mod producers;
mod retention;
