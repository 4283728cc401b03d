//! How a subscriber behaves.

use std::time::Duration;

/// How a [`Subscriber`](super::Subscriber) behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriberOptions {
    /// Most deliveries held at a time; 1 to 1,000. All of them are to be settled within the delivery
    /// time-out of the subscription, so hold no more than you get done. Default: 64.
    pub prefetch: usize,
    /// How deliveries come. Default: [`SubscribeMode::Push`].
    pub mode: SubscribeMode,
}

impl Default for SubscriberOptions {
    fn default() -> Self {
        Self {
            prefetch: 64,
            mode: SubscribeMode::Push,
        }
    }
}

/// How deliveries come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscribeMode {
    /// The server pushes them, as long as fewer than `prefetch` are unsettled.
    Push,
    /// They are asked for when none is left; the server waits this long for some before it answers
    /// with none, and is asked again.
    Fetch {
        /// The time to wait, at most a minute.
        wait: Duration,
    },
}
