//! Opens an engine.

use std::{path::PathBuf, sync::Arc, time::Duration};

use vanus_net::egress::EgressPolicy;
use vanus_storage::{
    Store, StoreOptions,
    fs::{DiskFs, Fs, MemoryFs},
    meta::{FjallMeta, FjallOptions, MemoryMeta, MetaStore},
};
use vanus_types::{Clock, Entropy, OsEntropy, SystemClock};

use super::{
    maintenance::Maintenance,
    retention::{HeldBack, Retention},
    vanus::Vanus,
};
use crate::{
    control::{Control, ControlParts, SecretsKey, Vault},
    error::OpenError,
    eventlog::Logs,
    timer::{TimerOptions, Timers},
    trigger::{SinkFactory, Triggers},
};

/// How an engine uses disk and memory, and how often it looks for expired events.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Sizes and limits of the event store.
    pub store: StoreOptions,
    /// How often events past their retention are deleted. Default: 60 s.
    pub retention_interval: Duration,
    /// What subscriptions may deliver to beyond the public internet. Default: this machine, which
    /// suits a program that lets nobody else create subscriptions.
    pub egress: EgressPolicy,
    /// The key with which the secrets of subscriptions are sealed in the metadata store. Default:
    /// none, they are stored as they are.
    pub secrets_key: Option<SecretsKey>,
    /// Where functions of AWS Lambda are called, `https://` or `http://` and a host: a private endpoint,
    /// or a stand-in. Default: none, at the public endpoint of their region.
    pub aws_lambda_endpoint: Option<String>,
    /// How events are kept that wait for their time.
    pub timers: TimerOptions,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            store: StoreOptions::default(),
            retention_interval: Duration::from_secs(60),
            egress: EgressPolicy::loopback(),
            secrets_key: None,
            aws_lambda_endpoint: None,
            timers: TimerOptions::default(),
        }
    }
}

/// Where an engine keeps its data.
#[derive(Debug, Clone)]
enum Place {
    Directory(PathBuf),
    Memory,
}

/// Collects what an engine is opened with.
#[derive(Debug)]
#[must_use]
pub struct VanusBuilder {
    place: Option<Place>,
    options: OpenOptions,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl VanusBuilder {
    pub(crate) fn new() -> Self {
        Self {
            place: None,
            options: OpenOptions::default(),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy),
        }
    }

    /// Keeps everything in this directory, which is made if it is not there. One process at a time
    /// may use it.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Some(Place::Directory(path.into()));
        self
    }

    /// Keeps everything in memory: gone when the engine is closed. For tests.
    pub fn in_memory(mut self) -> Self {
        self.place = Some(Place::Memory);
        self
    }

    /// Uses other options than the default ones.
    pub fn options(mut self, options: OpenOptions) -> Self {
        self.options = options;
        self
    }

    /// Takes time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes randomness from `entropy`.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Opens the engine: recovers what is stored, and lets subscriptions go on where they were.
    ///
    /// Must be called within a tokio runtime with time enabled.
    ///
    /// # Errors
    /// [`OpenError`] when there is no place for data, another process uses it, it was written by
    /// an unknown version, or it is damaged. Nothing is deleted or repaired silently.
    pub async fn open(self) -> Result<Vanus, OpenError> {
        let place = self.place.ok_or(OpenError::NoPlace)?;
        let (clock, entropy) = (self.clock, self.entropy);
        let options = self.options.store.clone();
        let retention_interval = self.options.retention_interval;
        let (store_clock, store_entropy) = (Arc::clone(&clock), Arc::clone(&entropy));
        let vault = Vault::new(self.options.secrets_key.as_ref(), Arc::clone(&entropy));
        let opening = move || open_stores(place, store_clock, store_entropy, options);
        let opened = tokio::task::spawn_blocking(opening).await;
        let (store, meta) = opened.map_err(|_| OpenError::CutOff)??;
        let logs = Logs::new(store);
        let sinks = sinks(&self.options, &clock)?;
        let timers = Timers::new(
            logs.clone(),
            Arc::clone(&meta),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            self.options.timers.clone(),
        );
        let triggers = Triggers::new(
            logs.clone(),
            Arc::clone(&meta),
            Arc::clone(&clock),
            entropy,
            sinks,
        );
        let parts = ControlParts {
            logs: logs.clone(),
            meta: Arc::clone(&meta),
            clock: Arc::clone(&clock),
            timers,
            triggers,
            vault,
        };
        let (control, orphans) = Control::open(parts).await?;
        for eventlog in &orphans {
            tracing::error!(%eventlog, "an eventlog holds events but belongs to no eventbus; it is kept");
        }
        let retention = Retention {
            control: Arc::clone(&control),
            logs: logs.clone(),
            clock: Arc::clone(&clock),
            held: HeldBack::default(),
        };
        let maintenance = Maintenance::start(retention, retention_interval);
        Ok(Vanus::new(clock, logs, meta, control, maintenance))
    }
}

type Stores = (Store, Arc<dyn MetaStore>);

fn open_stores(
    place: Place,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    options: StoreOptions,
) -> Result<Stores, OpenError> {
    let (fs, meta): (Arc<dyn Fs>, Option<PathBuf>) = match place {
        Place::Memory => (Arc::new(MemoryFs::new()), None),
        Place::Directory(path) => {
            let failed = |error: std::io::Error| OpenError::Directory {
                path: path.display().to_string(),
                detail: error.to_string(),
            };
            (
                Arc::new(DiskFs::open(&path).map_err(failed)?),
                Some(path.join("meta")),
            )
        }
    };
    // The store locks the directory, so it comes first.
    let store = Store::open(fs, clock, entropy, options)?;
    for doubt in store.doubts() {
        tracing::warn!(%doubt, "the store is open, but something acknowledged may be missing");
    }
    let meta: Arc<dyn MetaStore> = match meta {
        None => Arc::new(MemoryMeta::new()),
        Some(path) => Arc::new(FjallMeta::open(&FjallOptions::new(path))?),
    };
    Ok((store, meta))
}

#[cfg(feature = "http")]
fn sinks(options: &OpenOptions, clock: &Arc<dyn Clock>) -> Result<Arc<dyn SinkFactory>, OpenError> {
    use vanus_net::http::{HttpClient, HttpClientOptions};
    let client = HttpClient::new(HttpClientOptions::default())
        .map_err(|error| OpenError::HttpClient(error.to_string()))?;
    let sinks = crate::trigger::AddressSinks::new(
        client,
        options.egress.clone(),
        options.aws_lambda_endpoint.clone(),
        Arc::clone(clock),
    );
    Ok(Arc::new(sinks))
}

#[cfg(not(feature = "http"))]
fn sinks(
    _options: &OpenOptions,
    _clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn SinkFactory>, OpenError> {
    Ok(Arc::new(crate::trigger::NoSinks))
}
