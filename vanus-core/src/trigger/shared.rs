//! What the workers of one subscription share.

use std::{future::Future, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vanus_expr::{Filter, Transformer};
use vanus_storage::meta::MetaStore;
use vanus_types::{Clock, Entropy, EventlogId, SubscriptionId, control::SubscriptionConfig};

use super::{limiter::RateLimiter, sink::Sink, totals::Totals};
use crate::eventlog::Logs;

/// The fixed parts of a running subscription.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: SubscriptionId,
    pub(crate) config: SubscriptionConfig,
    pub(crate) filter: Filter,
    /// What is made of an event for each attempt to deliver it.
    pub(crate) transformer: Option<Transformer>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) logs: Logs,
    pub(crate) meta: Arc<dyn MetaStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Where events go that cannot be delivered.
    pub(crate) dead_letters: EventlogId,
    pub(crate) totals: Arc<Totals>,
    pub(crate) window: Arc<Semaphore>,
    pub(crate) limiter: Mutex<RateLimiter>,
}

impl Shared {
    /// Waits for a place in the in-flight window, for the rate limit and for the sink.
    pub(crate) fn pass(
        self: &Arc<Self>,
    ) -> impl Future<Output = Option<OwnedSemaphorePermit>> + use<> {
        let shared = Arc::clone(self);
        async move {
            let permit = Arc::clone(&shared.window).acquire_owned().await.ok();
            let wait_ns = shared.limiter.lock().book(shared.clock.monotonic_ns());
            if wait_ns > 0 {
                tokio::time::sleep(Duration::from_nanos(wait_ns)).await;
            }
            shared.sink.ready().await;
            permit
        }
    }

    /// A place in the in-flight window, if one is free now, there is no rate limit, and the sink is
    /// ready.
    pub(crate) fn try_pass(&self) -> Option<OwnedSemaphorePermit> {
        if self.config.rate_limit > 0 {
            return None;
        }
        let permit = Arc::clone(&self.window).try_acquire_owned().ok()?;
        self.sink.try_ready().then_some(permit)
    }
}
