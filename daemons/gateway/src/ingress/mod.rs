//! Publishing events.

mod ack;
mod asked;
mod publish;

pub(crate) use publish::{answer, plain_target, publish, publish_default};
