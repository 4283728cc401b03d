//! Whether a daemon lives and whether it can be used.

use std::{fmt, sync::Arc};

/// How a daemon is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It takes and answers requests.
    Ready,
    /// It lives, but cannot be used now: it starts, drains, or waits for room on the disk.
    NotReady(String),
    /// It does not get well without being started again.
    Dead(String),
}

/// Asks how the daemon is.
#[derive(Clone)]
pub struct HealthProbe(Arc<dyn Fn() -> Health + Send + Sync>);

impl HealthProbe {
    /// A probe that asks `ask`, which must not block.
    pub fn new(ask: impl Fn() -> Health + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// How the daemon is now.
    #[must_use]
    pub fn ask(&self) -> Health {
        (self.0)()
    }
}

impl fmt::Debug for HealthProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HealthProbe").field(&self.ask()).finish()
    }
}
