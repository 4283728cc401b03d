//! The front door itself.

use std::sync::Arc;

use axum::middleware::from_fn;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use vanus_core::Vanus;
use vanus_net::http::serve_http;

use crate::{front::Front, http::finish, metrics::GatewayMetrics, options::GatewayOptions, routes};

/// The front door of one engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    vanus: Vanus,
    options: GatewayOptions,
    metrics: GatewayMetrics,
    requests: Semaphore,
    readers: Arc<Semaphore>,
    stopping: CancellationToken,
}

impl Gateway {
    /// A front door for `vanus`. Cancelling `stopping` ends live tails and long polls.
    #[must_use]
    pub fn new(vanus: Vanus, options: GatewayOptions, stopping: CancellationToken) -> Self {
        let inner = Inner {
            requests: Semaphore::new(options.max_requests.min(Semaphore::MAX_PERMITS)),
            readers: Arc::new(Semaphore::new(
                options.max_readers.min(Semaphore::MAX_PERMITS),
            )),
            metrics: GatewayMetrics::new(),
            vanus,
            options,
            stopping,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Its counters.
    #[must_use]
    pub fn metrics(&self) -> &GatewayMetrics {
        &self.inner.metrics
    }

    /// The service that answers requests.
    #[must_use]
    pub fn front(&self) -> Front {
        let router = routes::table(self)
            .into_router()
            .layer(from_fn(finish))
            .with_state(self.clone());
        Front::new(self.clone(), router)
    }

    /// Serves `listener` until stopping is asked for and the requests under way are answered.
    pub async fn serve(self, listener: TcpListener) {
        let options = self.inner.options.server.clone();
        let stopping = self.inner.stopping.clone();
        let front = self.front();
        serve_http(listener, |_| front.clone(), options, stopping).await;
    }

    pub(crate) fn vanus(&self) -> &Vanus {
        &self.inner.vanus
    }

    pub(crate) fn options(&self) -> &GatewayOptions {
        &self.inner.options
    }

    pub(crate) fn requests(&self) -> &Semaphore {
        &self.inner.requests
    }

    pub(crate) fn readers(&self) -> &Arc<Semaphore> {
        &self.inner.readers
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.inner.stopping
    }
}
