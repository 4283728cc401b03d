//! Signals: the first one asks for a drain, the second one for an end.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What signals ask for.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// Cancelled by the first SIGTERM or SIGINT: take nothing in any more, finish what is under
    /// way.
    pub drain: CancellationToken,
    /// Cancelled by the second one: stop waiting.
    pub abort: CancellationToken,
}

impl Shutdown {
    /// Starts to listen for SIGTERM and SIGINT, for as long as the process lives.
    ///
    /// # Errors
    /// What the system says when signals cannot be listened for.
    pub fn listen() -> std::io::Result<Self> {
        let shutdown = Self {
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
        };
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let told = shutdown.clone();
        tokio::spawn(async move {
            for token in [&told.drain, &told.abort] {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                tracing::info!(signal = name, "asked to stop");
                token.cancel();
            }
        });
        Ok(shutdown)
    }
}
