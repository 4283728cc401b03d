//! What the workers of one subscription share.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use vanus_expr::{Filter, Transformer};
use vanus_types::{Clock, Entropy, EventlogId, SubscriptionId, control::SubscriptionConfig};

use super::{
    health::Health, keys::Keys, limiter::RateLimiter, place::Place, route::Router, saver::Saver,
    sink::Sink, totals::Totals,
};
use crate::eventlog::Logs;

/// The fixed parts of a running subscription.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: SubscriptionId,
    /// Its number among those of its eventbus.
    pub(crate) number: u32,
    pub(crate) config: SubscriptionConfig,
    pub(crate) keys: Keys,
    pub(crate) filter: Filter,
    /// What is made of an event for each attempt to deliver it.
    pub(crate) transformer: Option<Transformer>,
    pub(crate) sink: Arc<dyn Sink>,
    /// Decides which of several sinks an event goes to; it is the sink then.
    pub(crate) router: Option<Arc<Router>>,
    pub(crate) logs: Logs,
    pub(crate) saver: Arc<Saver>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Where events go that cannot be delivered.
    pub(crate) dead_letters: EventlogId,
    pub(crate) totals: Arc<Totals>,
    pub(crate) window: Arc<Semaphore>,
    pub(crate) limiter: Mutex<RateLimiter>,
    pub(crate) health: Health,
    /// The filter takes too long to be evaluated where others wait for it.
    pub(crate) solitary: AtomicBool,
}

impl Shared {
    /// Whether the subscription reads by itself for good.
    pub(crate) fn is_solitary(&self) -> bool {
        self.solitary.load(Ordering::SeqCst)
    }

    /// Lets the subscription read by itself for good; answers whether it did not before.
    pub(crate) fn set_solitary(&self) -> bool {
        !self.solitary.swap(true, Ordering::SeqCst)
    }

    /// Waits for a place in the in-flight window, for the rate limit and for the sink: longer for one
    /// that only fails.
    pub(crate) fn pass(self: &Arc<Self>) -> impl Future<Output = Option<Place>> + use<> {
        let shared = Arc::clone(self);
        async move {
            let permit = Arc::clone(&shared.window).acquire_owned().await.ok();
            let now_ns = shared.clock.monotonic_ns();
            let wait_ns = shared.limiter.lock().book(now_ns);
            let wait_ns = wait_ns.max(shared.health.book(now_ns));
            if wait_ns > 0 {
                tokio::time::sleep(Duration::from_nanos(wait_ns)).await;
            }
            shared.sink.ready().await;
            Some(Place::new(Arc::clone(&shared.sink), permit?))
        }
    }

    /// A place in the in-flight window, if one is free now, there is no rate limit, and the sink is
    /// well and ready.
    pub(crate) fn try_pass(&self) -> Option<Place> {
        if self.config.rate_limit > 0 || self.health.is_spared() {
            return None;
        }
        let permit = Arc::clone(&self.window).try_acquire_owned().ok()?;
        let ready = self.sink.try_ready();
        ready.then(|| Place::new(Arc::clone(&self.sink), permit))
    }
}
