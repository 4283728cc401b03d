//! The seams an engine is opened with: time, randomness and files as arguments.

use std::sync::Arc;

use vanus_storage::fs::Fs;
use vanus_types::{Clock, Entropy};

/// Everything the engine would otherwise reach for.
#[derive(Debug, Clone)]
pub(crate) struct Env {
    /// Wall and monotonic time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Randomness.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Files of the data directory.
    pub(crate) fs: Arc<dyn Fs>,
}
