//! A place in the window of a subscription.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::sink::Sink;

/// The right to one delivery: a place in the window, and a sink that was ready for it. The sink is
/// told if no delivery comes of it.
#[derive(Debug)]
pub(crate) struct Place {
    sink: Arc<dyn Sink>,
    taken: bool,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// A place with a sink that has just said that it is ready.
    pub(crate) const fn new(sink: Arc<dyn Sink>, permit: OwnedSemaphorePermit) -> Self {
        Self {
            sink,
            taken: false,
            _permit: permit,
        }
    }

    /// The delivery is made now.
    pub(crate) const fn take(&mut self) {
        self.taken = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.taken {
            self.sink.passed_over();
        }
    }
}
