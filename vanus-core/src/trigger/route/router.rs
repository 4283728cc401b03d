//! The routes of a running subscription: a sink that hands each delivery to one of several.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use vanus_expr::{EventView, Filter, FilterError};
use vanus_types::{
    Event, EventId, SubscriptionId,
    control::{RouteRetry, RouteSlots, RouteSpec, RoutesSpec, SubscriptionSpec},
};

use super::{
    pins::{PinChanges, Pins},
    table::{Draw, Table, compiled, mix},
};
use crate::trigger::{
    delivery::{Delivery, DeliveryError},
    saver::Saver,
    sink::Sink,
};

/// Why a delivery found no route: it was removed meanwhile.
const NO_ROUTE: &str = "the route of the event is gone";

/// Decides where events go, and delivers them there.
#[derive(Debug)]
pub(crate) struct Router {
    subscription: SubscriptionId,
    routes: RwLock<Arc<Routes>>,
    pins: Mutex<Pins>,
}

/// What is exchanged when routes change.
#[derive(Debug)]
struct Routes {
    table: Table,
    sinks: BTreeMap<String, RouteSink>,
}

/// The sinks of one route.
#[derive(Debug)]
struct RouteSink {
    sink: Arc<dyn Sink>,
    /// With another path, for the events that pass the filter.
    rewritten: Vec<(Filter, Arc<dyn Sink>)>,
}

/// Opens the sink of a subscription.
pub(crate) type Open<'o, E> = &'o dyn Fn(&SubscriptionSpec) -> Result<Arc<dyn Sink>, E>;

impl Router {
    /// The routes of `spec`, whose sinks are opened by `open`, with the pins that are stored.
    ///
    /// # Errors
    /// That of `open`, or of a filter that cannot be compiled.
    pub(crate) fn new<E: From<FilterError>>(
        subscription: SubscriptionId,
        spec: &SubscriptionSpec,
        slots: &RouteSlots,
        pins: Vec<(u64, String)>,
        open: Open<'_, E>,
    ) -> Result<Self, E> {
        let mut known = Pins::default();
        known.restore(pins);
        Ok(Self {
            subscription,
            routes: RwLock::new(Arc::new(Routes::open(spec, slots, open)?)),
            pins: Mutex::new(known),
        })
    }

    /// Exchanges the routes; the next attempt of every event goes by the new ones.
    ///
    /// # Errors
    /// That of `open`, or of a filter that cannot be compiled; then nothing is exchanged.
    pub(crate) fn exchange<E: From<FilterError>>(
        &self,
        spec: &SubscriptionSpec,
        slots: &RouteSlots,
        open: Open<'_, E>,
    ) -> Result<(), E> {
        let routes = Arc::new(Routes::open(spec, slots, open)?);
        *self.routes.write() = routes;
        Ok(())
    }

    /// The route of the next attempt of an event, which went to `before` the last time, and the keys
    /// that are pinned for it and not stored yet.
    pub(crate) fn choose(
        self: &Arc<Self>,
        saver: &Arc<Saver>,
        event: &Event,
        id: EventId,
        attempt: u32,
        before: Option<&str>,
    ) -> (Option<String>, Vec<u64>) {
        let routes = Arc::clone(&self.routes.read());
        let known = before.filter(|name| routes.table.has(name));
        if let Some(name) = known
            && routes.table.retry == RouteRetry::Same
        {
            return (Some(name.to_owned()), Vec::new());
        }
        let seed = mix(self.subscription.get()) ^ mix(id.eventlog.get() ^ mix(id.offset));
        let draw = Draw {
            event: match known {
                Some(_) => mix(seed ^ u64::from(attempt)),
                None => seed,
            },
            avoid: known,
        };
        let mut pins = self.pins.lock();
        let chosen = routes.table.choose(&EventView::new(event), draw, &mut pins);
        if pins.has_unsaved() {
            saver.list_router(self);
        }
        (chosen.map(str::to_owned), pins.take_unstored())
    }

    /// Whether the pin of a key survives a crash.
    pub(crate) fn is_stored(&self, key: u64) -> bool {
        self.pins.lock().is_stored(key)
    }

    /// Pins were stored.
    pub(crate) fn saved(&self, changes: &PinChanges) {
        self.pins.lock().saved(changes);
    }

    /// The subscription.
    pub(crate) const fn subscription(&self) -> SubscriptionId {
        self.subscription
    }

    /// Takes at most `most` changed pins, to be stored.
    pub(crate) fn take_unsaved(&self, most: usize) -> PinChanges {
        self.pins.lock().take_unsaved(most)
    }

    /// Takes back what could not be stored.
    pub(crate) fn put_back(&self, changes: PinChanges) {
        self.pins.lock().put_back(changes);
    }

    /// Whether pins are to be stored.
    pub(crate) fn has_unsaved(&self) -> bool {
        self.pins.lock().has_unsaved()
    }
}

impl Routes {
    fn open<E: From<FilterError>>(
        spec: &SubscriptionSpec,
        slots: &RouteSlots,
        open: Open<'_, E>,
    ) -> Result<Self, E> {
        let none = RoutesSpec::default();
        let routes = spec.routes.as_ref().unwrap_or(&none);
        let table = Table::new(routes, slots)?;
        let mut sinks = BTreeMap::new();
        for route in routes.every_route() {
            if let Some(sink) = &route.sink {
                sinks.insert(
                    route.name.clone(),
                    RouteSink::open(spec, route, sink, open)?,
                );
            }
        }
        Ok(Self { table, sinks })
    }
}

impl RouteSink {
    fn open<E: From<FilterError>>(
        spec: &SubscriptionSpec,
        route: &RouteSpec,
        sink: &str,
        open: Open<'_, E>,
    ) -> Result<Self, E> {
        let of = |sink: String| {
            let mut spec = SubscriptionSpec {
                sink,
                routes: None,
                ..spec.clone()
            };
            spec.headers.extend(route.headers.clone());
            open(&spec)
        };
        let mut rewritten = Vec::new();
        for rewrite in &route.rewrites {
            let condition = rewrite.condition.as_ref().map(compiled).transpose()?;
            let filter = condition.unwrap_or_else(Filter::pass);
            rewritten.push((filter, of(with_path(sink, &rewrite.path))?));
        }
        Ok(Self {
            sink: of(sink.to_owned())?,
            rewritten,
        })
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn Sink>> {
        let rewritten = self.rewritten.iter().map(|(_, sink)| sink);
        std::iter::once(&self.sink).chain(rewritten)
    }

    fn of(&self, event: &Event) -> &Arc<dyn Sink> {
        let view = EventView::new(event);
        let rewritten = self
            .rewritten
            .iter()
            .find(|(filter, _)| filter.matches(&view));
        rewritten.map_or(&self.sink, |(_, sink)| sink)
    }
}

/// An address with another path.
fn with_path(address: &str, path: &str) -> String {
    let start = address.find("://").map_or(0, |at| at + 3);
    let rest = address.get(start..).unwrap_or_default();
    let end = rest
        .find(['/', '?', '#'])
        .map_or(address.len(), |at| start + at);
    format!("{}{path}", address.get(..end).unwrap_or_default())
}

#[async_trait]
impl Sink for Router {
    async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        let routes = Arc::clone(&self.routes.read());
        let sink = delivery
            .route
            .as_ref()
            .and_then(|name| routes.sinks.get(name));
        match sink {
            Some(sink) => Arc::clone(sink.of(&delivery.event)).deliver(delivery).await,
            None => Err(DeliveryError::retry(NO_ROUTE)),
        }
    }

    fn linger(&self) -> Duration {
        let routes = Arc::clone(&self.routes.read());
        let sinks = routes.sinks.values().flat_map(RouteSink::all);
        sinks.map(|sink| sink.linger()).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::with_path;

    #[test]
    fn a_path_is_exchanged_with_its_query() {
        for (address, expected) in [
            ("http://h:1/a/b?c=d", "http://h:1/v2?x=y"),
            ("https://h", "https://h/v2?x=y"),
            ("http://h?q", "http://h/v2?x=y"),
        ] {
            assert_eq!(with_path(address, "/v2?x=y"), expected);
        }
    }
}
