//! An engine in memory, served, and a client of it.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use vanus_client::{Backoff, Client, ClientConfig, SubscribeMode, Subscriber, SubscriberOptions};
use vanus_core::{EventbusSpec, Name, StartFrom, SubscriptionId, SubscriptionSpec, Vanus};
use vanus_net::serve::{ServeOptions, serve};
use vanus_proto::{
    service::Handler,
    transport::{MemoryNetwork, Transport},
};
use vanus_types::Event;

pub struct House {
    pub vanus: Vanus,
    pub client: Client,
    network: MemoryNetwork,
    stopping: CancellationToken,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

impl House {
    pub async fn build() -> Self {
        let vanus = Vanus::builder().in_memory().open().await.unwrap();
        let spec = EventbusSpec::new(Name::new("orders").unwrap());
        vanus.create_eventbus("default", spec).await.unwrap();
        let network = MemoryNetwork::new();
        let (stopping, server) = open(&network, &vanus).await;
        let mut config = ClientConfig::new("engine").over(Arc::new(network.transport("client")));
        config.backoff = Backoff {
            first: Duration::from_millis(1),
            most: Duration::from_millis(5),
        };
        Self {
            vanus,
            client: Client::connect(config).await.unwrap(),
            network,
            stopping,
            server,
        }
    }

    /// Stops serving and serves again; the engine goes on.
    pub async fn serve_again(&mut self) {
        self.stopping.cancel();
        (&mut self.server).await.unwrap();
        (self.stopping, self.server) = open(&self.network, &self.vanus).await;
    }

    pub async fn publish(&self, ids: std::ops::Range<u32>) {
        let bus = self.vanus.eventbus("default", "orders").unwrap();
        for id in ids {
            let event = Event::builder()
                .id(id.to_string())
                .source("/s")
                .ty("t")
                .text("d");
            bus.publish(event.build().unwrap()).await.unwrap();
        }
    }

    /// A subscription whose deliveries go to clients.
    pub async fn subscription(&self, timeout_ms: u32) -> SubscriptionId {
        let name = |text: &str| Name::new(text).unwrap();
        let (bus, sink) = (name("orders"), SubscriptionSpec::PULL);
        let mut spec = SubscriptionSpec::new(name("s"), name("default"), bus, sink);
        spec.config.start_from = StartFrom::Earliest;
        spec.config.delivery_timeout_ms = timeout_ms;
        let info = self.vanus.create_subscription(spec).await.unwrap();
        info.record.id
    }

    pub fn subscriber(
        &self,
        id: SubscriptionId,
        mode: SubscribeMode,
        prefetch: usize,
    ) -> Subscriber {
        self.client
            .subscriber(id, SubscriberOptions { prefetch, mode })
    }

    /// A subscription, and somebody to whom its deliveries go.
    pub async fn pulling(
        &self,
        timeout_ms: u32,
        mode: SubscribeMode,
    ) -> (SubscriptionId, Subscriber) {
        let id = self.subscription(timeout_ms).await;
        (id, self.subscriber(id, mode, 64))
    }

    pub async fn until(
        &self,
        id: SubscriptionId,
        done: impl Fn(vanus_core::SubscriptionTotals) -> bool,
    ) {
        let waiting = async {
            while !done(self.vanus.subscription(id).await.unwrap().totals) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(
            tokio::time::timeout(Duration::from_secs(10), waiting)
                .await
                .is_ok()
        );
    }
}

async fn open(
    network: &MemoryNetwork,
    vanus: &Vanus,
) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = network.transport("server").listen("engine").await.unwrap();
    let stopping = CancellationToken::new();
    let handler: Arc<dyn Handler> = Arc::new(vanus.service());
    let options = ServeOptions::default();
    let server = tokio::spawn(serve(listener, handler, options, stopping.clone()));
    (stopping, server)
}
