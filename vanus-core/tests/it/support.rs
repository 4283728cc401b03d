//! What the stories share.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use vanus_core::{
    Delivery, DeliveryError, Event, Eventbus, EventbusSpec, Name, SubscriptionSpec, Vanus,
};

pub(crate) async fn in_memory() -> Vanus {
    Vanus::builder().in_memory().open().await.unwrap()
}

pub(crate) async fn on_disk(path: &std::path::Path) -> Vanus {
    Vanus::builder().data_dir(path).open().await.unwrap()
}

pub(crate) async fn eventbus(vanus: &Vanus, name: &str, eventlogs: u16) -> Eventbus {
    let spec = EventbusSpec {
        eventlogs,
        ..EventbusSpec::new(Name::new(name).unwrap())
    };
    vanus.create_eventbus("default", spec).await.unwrap()
}

pub(crate) fn event(id: impl ToString, ty: &str) -> Event {
    Event::builder()
        .id(id.to_string())
        .source("/test")
        .ty(ty)
        .text("data")
        .build()
        .unwrap()
}

pub(crate) fn subscription(eventbus: &str) -> SubscriptionSpec {
    SubscriptionSpec::embedded("test", "default", eventbus).unwrap()
}

/// Remembers the ids of what was delivered, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn note(&self, delivery: &Delivery) {
        self.0.lock().unwrap().push(delivery.event.id().to_owned());
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// A sink that accepts everything.
    pub(crate) fn sink(
        &self,
    ) -> impl Fn(Delivery) -> std::future::Ready<Result<(), DeliveryError>> + Send + Sync + 'static
    {
        let seen = self.clone();
        move |delivery| {
            seen.note(&delivery);
            std::future::ready(Ok(()))
        }
    }
}

/// Waits until `ready` answers true; panics after ten seconds.
pub(crate) async fn until(what: &str, mut ready: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !ready().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(10), waiting)
            .await
            .is_ok(),
        "never happened: {what}"
    );
}

/// What a crash would leave: the files as they are now.
#[expect(
    clippy::disallowed_methods,
    reason = "the engine does not copy its files"
)]
pub(crate) fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path == *to {
            continue;
        }
        if path.is_dir() {
            copy_inside(&path, &target, to);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn copy_inside(from: &std::path::Path, to: &std::path::Path, not: &std::path::Path) {
    if from != not {
        copy(from, to);
    }
}
