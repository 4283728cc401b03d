//! Being interrupted: measurements end early, report, and clean up.

use tokio_util::sync::CancellationToken;

/// Tells measurements that the user has had enough.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    token: CancellationToken,
}

impl Stop {
    /// Starts to listen for the interrupt.
    pub(super) fn on_interrupt() -> Self {
        let token = CancellationToken::new();
        let told = token.clone();
        tokio::spawn(async move {
            // Without a handler the interrupt ends the program as usual.
            if tokio::signal::ctrl_c().await.is_ok() {
                told.cancel();
            }
        });
        Self { token }
    }

    /// Whether to end.
    pub(super) fn is_asked(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until asked to end. Cancellation safe.
    pub(super) async fn asked(&self) {
        self.token.cancelled().await;
    }
}
