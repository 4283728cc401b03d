//! Opening the sinks of subscriptions, and exchanging their routes.

use std::sync::Arc;

use vanus_expr::FilterError;
use vanus_storage::meta::MetaError;
use vanus_types::SubscriptionId;
use vanus_types::control::{SubscriptionRecord, SubscriptionSpec};

use super::{
    desk::DeskSink,
    progress,
    route::Router,
    sink::{Agreement, Sink, SinkError},
    triggers::{StartError, Triggers},
};

/// A sink, and what decides where events go if it is several.
type Opened = (Arc<dyn Sink>, Option<Arc<Router>>);

impl Triggers {
    /// Whether this node can deliver to the sinks of `spec`, as far as that is known beforehand.
    pub(crate) fn check_sink(&self, spec: &SubscriptionSpec) -> Result<(), SinkError> {
        for sink in spec.every_sink() {
            if ![SubscriptionSpec::EMBEDDED, SubscriptionSpec::PULL].contains(&sink) {
                self.sinks.open(&spec.to_sink(sink), &Agreement::none())?;
            }
        }
        Ok(())
    }

    /// The sink of a subscription, and what decides where events go if it has routes; nothing if
    /// it cannot deliver yet.
    pub(super) async fn sink_of(
        &self,
        record: &SubscriptionRecord,
        attached: Option<&Arc<dyn Sink>>,
    ) -> Result<Option<Opened>, StartError> {
        let agreement = Agreement::of(record);
        let opened = match &record.spec.routes {
            None => self
                .open(record.id, &agreement, &record.spec, attached)
                .map(|sink| (sink, None)),
            Some(_) => {
                let (meta, id) = (Arc::clone(&self.meta), record.id);
                let loading = tokio::task::spawn_blocking(move || progress::load_pins(&meta, id));
                let pins = loading.await.unwrap_or(Err(MetaError::Closed))?;
                let open = |spec: &SubscriptionSpec| self.open(id, &agreement, spec, attached);
                let router = Router::new(id, &record.spec, &record.route_slots, pins, &open);
                router.map(Arc::new).map(|router| {
                    let sink: Arc<dyn Sink> = router.clone();
                    (sink, Some(router))
                })
            }
        };
        let (opened, problem) = match opened {
            Ok(opened) => (Some(opened), None),
            Err(OpenError::Detached) => (None, None),
            Err(OpenError::Filter(error)) => return Err(error.into()),
            Err(OpenError::Sink(error)) => {
                tracing::error!(subscription = %record.id, %error,
                    "a subscription has no sink; its events wait");
                (None, Some(error))
            }
        };
        let mut entries = self.entries.lock();
        let entry = entries.entry(record.id).or_default();
        entry.problem = problem;
        if record.spec.sink != SubscriptionSpec::PULL {
            // Who came when it was another one is told so.
            entry.desk.dismiss();
        }
        drop(entries);
        Ok(opened)
    }

    fn open(
        &self,
        id: SubscriptionId,
        agreement: &Agreement<'_>,
        spec: &SubscriptionSpec,
        attached: Option<&Arc<dyn Sink>>,
    ) -> Result<Arc<dyn Sink>, OpenError> {
        match spec.sink.as_str() {
            SubscriptionSpec::EMBEDDED => attached.cloned().ok_or(OpenError::Detached),
            SubscriptionSpec::PULL => {
                let mut entries = self.entries.lock();
                let desk = Arc::clone(&entries.entry(id).or_default().desk);
                Ok(Arc::new(DeskSink(desk)))
            }
            _ => Ok(self.sinks.open(spec, agreement)?),
        }
    }

    /// Why the subscription does not deliver, if something is in its way.
    pub(crate) fn problem(&self, id: SubscriptionId) -> Option<String> {
        let entries = self.entries.lock();
        let entry = entries.get(&id)?;
        let problem = entry.problem.as_ref().map(ToString::to_string);
        problem.or_else(|| entry.runner.as_ref()?.problem())
    }

    /// Lets a running subscription go on by the routes of `record`, from the next attempt on.
    /// Answers whether it does: it has to run and to have routes already.
    ///
    /// # Errors
    /// [`OpenError`] when the routes cannot be used; the old ones stay.
    pub(crate) fn exchange_routes(&self, record: &SubscriptionRecord) -> Result<bool, OpenError> {
        let (router, attached) = {
            let entries = self.entries.lock();
            let entry = entries.get(&record.id);
            let runner = entry.and_then(|entry| entry.runner.as_ref());
            let router = runner.and_then(|runner| runner.router().cloned());
            (router, entry.and_then(|entry| entry.attached.clone()))
        };
        let Some(router) = router else {
            return Ok(false);
        };
        let agreement = Agreement::of(record);
        let id = record.id;
        let open = |spec: &SubscriptionSpec| self.open(id, &agreement, spec, attached.as_ref());
        router.exchange(&record.spec, &record.route_slots, &open)?;
        Ok(true)
    }
}

/// Why a sink cannot be opened.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum OpenError {
    /// It is a function that is not attached.
    #[error("a sink is a function of the embedding program that is not attached")]
    Detached,
    /// Nothing can be delivered to it.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A condition of a route cannot be compiled.
    #[error(transparent)]
    Filter(#[from] FilterError),
}
