//! Publishing events.

mod ack;
mod asked;
mod publish;

pub(crate) use publish::{publish, publish_default};
