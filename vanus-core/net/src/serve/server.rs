//! The accept loop and its end.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use vanus_proto::{
    service::Handler,
    transport::{CloseCode, Listener},
};

use super::{ServeOptions, session::Session};
use crate::idle_poll::IdlePoll;

/// What the sessions of one server share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) options: ServeOptions,
    pub(super) idle_poll: IdlePoll,
    /// Cancelled when the server shall stop.
    pub(super) stopping: CancellationToken,
    /// Cancelled when the grace is over.
    pub(super) stopped: CancellationToken,
}

/// Serves sessions until `stopping` is cancelled and what was under way has been answered, or the
/// drain grace is over.
///
/// On stopping: no connection is taken in any more, clients are told, new requests are answered
/// `NotRunning`, waiting reads and tails end, and everything else is answered before its
/// connection is closed.
pub async fn serve(
    listener: Box<dyn Listener>,
    handler: Arc<dyn Handler>,
    options: ServeOptions,
    stopping: CancellationToken,
) {
    let sessions = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(options.max_sessions));
    let shared = Arc::new(Shared {
        handler,
        idle_poll: IdlePoll::always(options.idle_poll),
        options,
        stopping,
        stopped: CancellationToken::new(),
    });
    let polling = Arc::clone(&shared);
    let polling = AbortOnDropHandle::new(tokio::spawn(async move {
        polling.idle_poll.run().await;
    }));
    loop {
        let connection = tokio::select! {
            biased;
            () = shared.stopping.cancelled() => break,
            connection = listener.accept() => connection,
        };
        let Some(connection) = connection else { break };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            tracing::warn!(
                peer = connection.peer(),
                limit = shared.options.max_sessions,
                "refused a connection: the limit of sessions is reached"
            );
            connection.close(CloseCode::Refused, "the limit of sessions is reached");
            continue;
        };
        let session = Session::new(Arc::clone(&shared), connection);
        sessions.spawn(async move {
            session.run().await;
            drop(permit);
        });
    }
    drop(polling);
    listener.close();
    sessions.close();
    if tokio::time::timeout(shared.options.drain_grace, sessions.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            sessions = sessions.len(),
            "closed sessions whose requests took too long"
        );
        shared.stopped.cancel();
        sessions.wait().await;
    }
}
