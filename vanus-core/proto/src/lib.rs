//! The Vanus wire protocol, without sockets.
//!
//! From the bottom up: [`frame`] cuts a stream into checked frames, [`Op`] names what a frame
//! means and which [`Role`] may ask it, [`message`] holds the messages by family, [`transport`]
//! is the seam through which frames travel (with an in-memory implementation for tests and
//! simulation), and [`service`] is what a server offers to whoever speaks the protocol to it.
//!
//! The protocol is described for people in `docs/wire.md`.

pub mod frame;
pub mod message;
mod op;
pub mod service;
pub mod transport;

pub use op::{Op, Role};
