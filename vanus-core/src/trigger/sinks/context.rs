//! What all sinks of an engine share.

use std::sync::{Arc, OnceLock, Weak};

use vanus_types::Clock;

use super::host::SinkHost;

/// What all sinks of an engine share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) clock: Arc<dyn Clock>,
    /// The engine, once it is there. It owns the sinks, so they do not own it.
    host: OnceLock<Weak<dyn SinkHost>>,
}

impl Context {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            host: OnceLock::new(),
        }
    }

    /// Says who the engine is; only the first time counts.
    pub(super) fn bind(&self, host: Weak<dyn SinkHost>) {
        let _ = self.host.set(host);
    }

    /// The engine, unless it is closed.
    pub(super) fn host(&self) -> Option<Arc<dyn SinkHost>> {
        self.host.get()?.upgrade()
    }
}
