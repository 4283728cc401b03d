//! What publishers, readers and sinks share, and how they are started.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::json;
use tokio::task::JoinHandle;
use vanus_tests::{
    harness::{Connection, Daemon, Result},
    history::Recorder,
};

use crate::{publish_http, publish_quic, read, sinks::Sinks};

/// The eventbus.
pub(crate) const EVENTBUS: &str = "crash";
const EVENTLOGS: u16 = 3;
const DELIVERY_TIMEOUT_MS: u32 = 1_000;

/// What everybody shares. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// Where what happens is written down.
    pub(crate) recorder: Arc<Recorder>,
    /// From what contents and failures follow.
    pub(crate) seed: u64,
    /// Events a second of each publisher.
    pub(crate) rate: u64,
    /// Where the daemon serves HTTP.
    pub(crate) http: String,
    /// Where the daemon serves QUIC.
    pub(crate) quic: String,
    stopped: Arc<AtomicBool>,
}

/// What was made in the daemon.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    /// The eventlogs of the eventbus.
    pub(crate) eventlogs: Vec<String>,
    /// The subscriptions: name in the history, and id.
    pub(crate) subscriptions: Vec<(&'static str, String)>,
}

impl World {
    pub(crate) fn new(raw: &Path, seed: u64, rate: u64, daemon: &Daemon) -> Result<Self> {
        Ok(Self {
            recorder: Arc::new(Recorder::create(raw)?),
            seed,
            rate,
            http: daemon.http(),
            quic: daemon.quic().to_string(),
            stopped: Arc::default(),
        })
    }

    /// Lets publishers and readers come to their end.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether they shall.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn start_publishers(&self) -> Vec<JoinHandle<Result<()>>> {
        let mut tasks = Vec::new();
        for name in ["quic-1", "quic-2"] {
            tasks.push(tokio::spawn(publish_quic::publish(self.clone(), name)));
        }
        for name in ["http-1", "http-2"] {
            tasks.push(tokio::spawn(publish_http::publish(self.clone(), name)));
        }
        tasks
    }

    pub(crate) fn start_readers(&self, scene: &Scene) -> Vec<JoinHandle<Result<()>>> {
        let eventlogs = scene.eventlogs.iter();
        eventlogs
            .map(|eventlog| tokio::spawn(read::follow(self.clone(), eventlog.clone())))
            .collect()
    }
}

/// Makes the eventbus and the subscriptions, those of the other flows if they have sinks.
pub(crate) async fn set_up(connection: &mut Connection, sinks: &Sinks) -> Result<Scene> {
    let spec = json!({ "name": EVENTBUS, "eventlogs": EVENTLOGS });
    let path = "/api/v1/namespaces/default/eventbuses";
    let bus = connection.json("POST", path, &spec).await?;
    let eventlogs: Vec<String> = serde_json::from_value(
        bus.get("eventlogs")
            .cloned()
            .ok_or("an eventbus without eventlogs")?,
    )?;
    let mut subscriptions = Vec::new();
    let filter = json!([{ "prefix": { "type": "keep." } }]);
    for (name, url, filters) in [
        ("all", sinks.all.url(), json!([])),
        ("some", sinks.some.url(), filter),
    ] {
        let spec = json!({
            "name": name,
            "namespace": "default",
            "eventbus": EVENTBUS,
            "sink": url,
            "filters": filters,
            "config": { "start_from": "earliest", "delivery_timeout_ms": DELIVERY_TIMEOUT_MS },
        });
        let made = connection
            .json("POST", "/api/v1/subscriptions", &spec)
            .await?;
        let id = made.get("id").and_then(|id| id.as_str());
        subscriptions.push((name, id.ok_or("a subscription without an id")?.to_owned()));
    }
    if !sinks.others.is_empty() {
        for name in ["strict", "keyed", "dropping", "routed"] {
            let spec = flow(name, sinks, 50);
            let made = connection
                .json("POST", "/api/v1/subscriptions", &spec)
                .await?;
            let id = made.get("id").and_then(|id| id.as_str());
            subscriptions.push((name, id.ok_or("a subscription without an id")?.to_owned()));
        }
    }
    Ok(Scene {
        eventlogs,
        subscriptions,
    })
}

/// The subscription of another flow; `canary` is the weight of that route, in percent.
pub(crate) fn flow(name: &str, sinks: &Sinks, canary: u64) -> serde_json::Value {
    let url = |name: &str| {
        let sink = sinks.others.iter().find(|(known, _)| *known == name);
        sink.map(|(_, sink)| sink.url()).unwrap_or_default()
    };
    let routes = json!({ "routes": [
        { "name": "stable", "sink": url("stable") },
        { "name": "canary", "sink": url("canary"), "weight": canary },
    ], "sticky": { "by": "id" } });
    let (sink, routes) = match name {
        "routed" => ("routes".to_owned(), routes),
        name => (url(name), serde_json::Value::Null),
    };
    let ordering = match name {
        "strict" => json!("strict"),
        "keyed" => json!({ "key": "source" }),
        _ => json!("none"),
    };
    json!({
        "name": name,
        "namespace": "default",
        "eventbus": EVENTBUS,
        "sink": sink,
        "routes": routes,
        "config": {
            "start_from": "earliest",
            "delivery_timeout_ms": DELIVERY_TIMEOUT_MS,
            "ordering": ordering,
            "dead_letter": name != "dropping",
        },
    })
}

/// Changes the weight of the canary, if there are routes.
pub(crate) async fn reweigh(
    world: &World,
    scene: &Scene,
    sinks: &Sinks,
    canary: u64,
) -> Result<()> {
    let routed = scene
        .subscriptions
        .iter()
        .find(|(name, _)| *name == "routed");
    if let Some((name, id)) = routed {
        let mut connection = Connection::open(&world.http).await?;
        let path = format!("/api/v1/subscriptions/{id}");
        let spec = flow(name, sinks, canary);
        connection.json("PUT", &path, &spec).await?;
    }
    Ok(())
}
