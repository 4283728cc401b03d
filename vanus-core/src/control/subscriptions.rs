//! Subscriptions: created, changed, paused, moved, deleted.

use std::sync::Arc;

use vanus_expr::{Transformer, Trial};
use vanus_storage::meta::MetaBatch;
use vanus_types::{
    Event, EventlogId, SubscriptionId,
    control::{
        Consent, FilterSpec, RouteSlots, RoutesSpec, StartFrom, SubscriptionInfo,
        SubscriptionRecord, SubscriptionReset, SubscriptionSpec, TransformerSpec, WaitingRetries,
    },
    limits::MAX_SUBSCRIPTIONS,
};

use super::{
    catalog::Bus,
    control::Control,
    error::ControlError,
    tables::{self, Garbage},
    timers::is_hidden,
};
use crate::trigger::{self, Sink, Triggers};

impl Control {
    /// Creates a subscription. Where it starts is fixed and stored before this answers.
    ///
    /// `sink` is the function of an embedded subscription.
    pub(crate) async fn create_subscription(
        &self,
        spec: SubscriptionSpec,
        sink: Option<Arc<dyn Sink>>,
    ) -> Result<SubscriptionInfo, ControlError> {
        self.check(&spec)?;
        let _turn = self.change().await?;
        let bus = self.bus(&spec.namespace, &spec.eventbus)?;
        if is_hidden(&bus.record) {
            let (what, name, action) = ("eventbus", bus.record.name.clone(), "subscribed to");
            return Err(ControlError::SystemOwned { what, name, action });
        }
        self.look(|catalog| {
            if catalog.subscriptions().len() >= MAX_SUBSCRIPTIONS {
                let (what, limit) = ("subscriptions", MAX_SUBSCRIPTIONS);
                return Err(ControlError::TooMany { what, limit });
            }
            match spec.id {
                Some(id) if catalog.subscription(id).is_some() => Err(ControlError::IdTaken {
                    kind: "subscription",
                    id: id.get(),
                }),
                _ => Ok(()),
            }
        })?;
        check_dead_letters(&bus, &spec)?;
        self.check_reply(&spec)?;
        let now_ms = self.clock.now_ms();
        let consent = self.new_consent(&spec);
        let record = SubscriptionRecord {
            id: spec
                .id
                .unwrap_or_else(|| SubscriptionId::from_u64(self.next_id())),
            eventbus_id: bus.record.id,
            namespace_id: bus.record.namespace_id,
            route_slots: slots(&spec, None),
            spec,
            disabled_reason: None,
            consent,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        let batch = self.put_subscription(MetaBatch::new(), &record);
        let batch = self
            .put_start(batch, &record, &bus, record.spec.config.start_from)
            .await?;
        self.commit(batch).await?;
        self.catalog.write().put_subscription(record.clone());
        if let Some(sink) = sink {
            self.triggers.attach(record.id, sink);
        }
        self.triggers.start(&record, self.route(&bus)?).await?;
        self.subscription_info(&record).await
    }

    fn check(&self, spec: &SubscriptionSpec) -> Result<(), ControlError> {
        spec.check()?;
        Triggers::check(spec)?;
        if let Some(transformer) = &spec.transformer {
            Transformer::compile(transformer)?;
        }
        Ok(self.triggers.check_sink(spec)?)
    }

    /// What a sink shows that agrees later; it has not agreed yet.
    fn new_consent(&self, spec: &SubscriptionSpec) -> Consent {
        let handshake = spec.delivery.handshake.as_ref();
        let later = handshake.is_some_and(|handshake| handshake.callback.is_some());
        let key = later.then(|| self.vault.make_secret());
        Consent {
            key: key.unwrap_or_default(),
            ..Consent::default()
        }
    }

    /// Takes note that a sink agrees to deliveries, of which it wants at most `rate` a minute.
    pub(crate) async fn grant_consent(
        &self,
        id: SubscriptionId,
        key: &str,
        rate: Option<u32>,
    ) -> Result<(), ControlError> {
        let _turn = self.change().await?;
        let old = self.subscription(id)?;
        let asked = old.spec.delivery.handshake.as_ref();
        let right = old
            .consent
            .key
            .expose()
            .is_some_and(|right| same(right, key));
        // Who guesses is not told what was wrong.
        if !right || asked.is_none_or(|asked| asked.callback.is_none()) {
            return Err(ControlError::SubscriptionNotFound(id));
        }
        let mut record = old.as_ref().clone();
        if record.consent.granted && record.consent.rate == rate {
            return Ok(());
        }
        record.consent.granted = true;
        record.consent.rate = rate;
        let bus = self.bus_by_id(record.eventbus_id)?;
        self.replace(record, &bus).await.map(drop)
    }

    /// Replies go to an eventbus that is there and that anybody may publish to.
    fn check_reply(&self, spec: &SubscriptionSpec) -> Result<(), ControlError> {
        let Some(reply) = &spec.delivery.reply else {
            return Ok(());
        };
        let bus = self.bus(&spec.namespace, reply)?;
        if bus.record.name.is_system() {
            let (what, name, action) = ("eventbus", bus.record.name.clone(), "published to");
            return Err(ControlError::SystemOwned { what, name, action });
        }
        Ok(())
    }

    /// What would become of an event; nothing is stored or delivered.
    pub(crate) fn try_event(
        &self,
        filters: &[FilterSpec],
        transformer: Option<&TransformerSpec>,
        event: &Event,
    ) -> Result<Trial, ControlError> {
        let (now_ms, entropy) = (self.clock.now_ms(), self.triggers.entropy());
        Ok(Trial::of(filters, transformer, event, now_ms, entropy)?)
    }

    /// Adds to `batch` the offsets at which the subscription starts.
    async fn put_start(
        &self,
        batch: MetaBatch,
        record: &SubscriptionRecord,
        bus: &Bus,
        from: StartFrom,
    ) -> Result<MetaBatch, ControlError> {
        let mut batch = batch;
        for eventlog in &bus.record.eventlogs {
            let offset = self.start_offset(*eventlog, from).await?;
            batch = trigger::put_cursor(batch, record.id, *eventlog, offset);
        }
        Ok(batch)
    }

    /// The offset that `from` means in `eventlog` now.
    pub(crate) async fn start_offset(
        &self,
        eventlog: EventlogId,
        from: StartFrom,
    ) -> Result<u64, ControlError> {
        let info = self.logs.store().info(eventlog)?;
        match from {
            StartFrom::Latest => Ok(info.end_offset),
            StartFrom::Earliest => Ok(info.start_offset),
            StartFrom::Timestamp(ms) => Ok(self.logs.offset_at(eventlog, ms).await?),
            StartFrom::Offset(offset) => Ok(offset.clamp(info.start_offset, info.end_offset)),
        }
    }

    /// The subscription with this id.
    pub(crate) fn subscription(
        &self,
        id: SubscriptionId,
    ) -> Result<Arc<SubscriptionRecord>, ControlError> {
        let found = self.look(|catalog| catalog.subscription(id));
        found.ok_or(ControlError::SubscriptionNotFound(id))
    }

    /// Tells about a subscription.
    pub(crate) async fn subscription_info(
        &self,
        record: &SubscriptionRecord,
    ) -> Result<SubscriptionInfo, ControlError> {
        let bus = self.bus_by_id(record.eventbus_id)?;
        let mut progress = self
            .triggers
            .progress(record.id, &self.route(&bus)?)
            .await?;
        for log in &mut progress {
            if let Ok(info) = self.logs.store().info(log.eventlog) {
                log.end_offset = info.end_offset;
            }
        }
        Ok(SubscriptionInfo {
            phase: self.triggers.phase(record),
            totals: self.triggers.totals(record.id),
            problem: self.triggers.problem(record.id),
            record: record.clone().masked(),
            progress,
        })
    }

    /// Changes a subscription; a running one pauses for a moment and goes on changed.
    pub(crate) async fn update_subscription(
        &self,
        id: SubscriptionId,
        spec: SubscriptionSpec,
    ) -> Result<SubscriptionInfo, ControlError> {
        let _turn = self.change().await?;
        let old = self.subscription(id)?;
        let spec = spec.keeping_secret(&old.spec);
        self.check(&spec)?;
        let bus = self.bus(&spec.namespace, &spec.eventbus)?;
        if bus.record.id != old.eventbus_id {
            return Err(ControlError::EventbusFixed(id));
        }
        check_dead_letters(&bus, &spec)?;
        self.check_reply(&spec)?;
        let spec = SubscriptionSpec {
            id: old.spec.id,
            ..spec
        };
        let record = SubscriptionRecord {
            route_slots: slots(&spec, Some(&old)),
            disabled_reason: old.disabled_reason.clone().filter(|_| spec.disabled),
            // Consent is that of one sink to one origin.
            consent: if spec.sink == old.spec.sink
                && spec.delivery.handshake == old.spec.delivery.handshake
            {
                old.consent.clone()
            } else {
                self.new_consent(&spec)
            },
            spec,
            updated_at_ms: self.clock.now_ms(),
            ..old.as_ref().clone()
        };
        if differs_in_routes_only(&old.spec, &record.spec) {
            return self.reroute(record, &bus).await;
        }
        self.replace(record, &bus).await
    }

    /// Stores changed routes, and lets a running subscription take them from the next attempt on,
    /// without a pause.
    async fn reroute(
        &self,
        record: SubscriptionRecord,
        bus: &Bus,
    ) -> Result<SubscriptionInfo, ControlError> {
        self.commit(tables::put(MetaBatch::new(), &record)).await?;
        self.catalog.write().put_subscription(record.clone());
        let weights = record.spec.routes.iter().flat_map(RoutesSpec::every_route);
        let weights: Vec<String> = weights
            .map(|route| match route.weight {
                Some(weight) => format!("{} {weight}", route.name),
                None => route.name.clone(),
            })
            .collect();
        tracing::info!(subscription = %record.id, routes = weights.join(", "), "the routes of a subscription are changed");
        let exchanged = self.triggers.exchange_routes(&record);
        if !exchanged.is_ok_and(|exchanged| exchanged) {
            self.triggers.stop(record.id).await;
            self.triggers.start(&record, self.route(bus)?).await?;
        }
        self.subscription_info(&record).await
    }

    /// Stores a changed record and lets the subscription go on with it.
    async fn replace(
        &self,
        record: SubscriptionRecord,
        bus: &Bus,
    ) -> Result<SubscriptionInfo, ControlError> {
        self.commit(self.put_subscription(MetaBatch::new(), &record))
            .await?;
        self.catalog.write().put_subscription(record.clone());
        self.triggers.stop(record.id).await;
        self.triggers.start(&record, self.route(bus)?).await?;
        self.subscription_info(&record).await
    }

    /// Pauses or resumes a subscription; doing so twice changes nothing.
    pub(crate) async fn set_disabled(
        &self,
        id: SubscriptionId,
        disabled: bool,
    ) -> Result<SubscriptionInfo, ControlError> {
        let _turn = self.change().await?;
        let old = self.subscription(id)?;
        if old.spec.disabled == disabled {
            return self.subscription_info(&old).await;
        }
        let bus = self.bus_by_id(old.eventbus_id)?;
        let spec = SubscriptionSpec {
            disabled,
            ..old.spec.clone()
        };
        let updated_at_ms = self.clock.now_ms();
        self.replace(
            SubscriptionRecord {
                spec,
                disabled_reason: None,
                updated_at_ms,
                ..old.as_ref().clone()
            },
            &bus,
        )
        .await
    }

    /// Disables a subscription for a reason, if its record is still as `wanted`.
    #[cfg(feature = "http")]
    pub(super) async fn disable_if(
        &self,
        id: SubscriptionId,
        wanted: impl Fn(&SubscriptionRecord) -> bool,
        reason: String,
    ) -> Result<(), ControlError> {
        let _turn = self.change().await?;
        let old = self.subscription(id)?;
        if !wanted(&old) {
            return Ok(());
        }
        let bus = self.bus_by_id(old.eventbus_id)?;
        let mut record = old.as_ref().clone();
        record.spec.disabled = true;
        record.disabled_reason = Some(reason);
        record.updated_at_ms = self.clock.now_ms();
        self.replace(record, &bus).await.map(drop)
    }

    /// Gives an embedded subscription its function and starts it.
    pub(crate) async fn attach(
        &self,
        id: SubscriptionId,
        sink: Arc<dyn Sink>,
    ) -> Result<SubscriptionInfo, ControlError> {
        let _turn = self.change().await?;
        let record = self.subscription(id)?;
        let bus = self.bus_by_id(record.eventbus_id)?;
        self.triggers.stop(id).await;
        self.triggers.attach(id, sink);
        self.triggers.start(&record, self.route(&bus)?).await?;
        self.subscription_info(&record).await
    }

    /// Moves a disabled subscription. Of the events that wait for their next attempt those are
    /// forgotten that it will read again anyway, and the others if that is wished.
    pub(crate) async fn reset_subscription(
        &self,
        id: SubscriptionId,
        reset: SubscriptionReset,
    ) -> Result<SubscriptionInfo, ControlError> {
        let _turn = self.change().await?;
        let record = self.subscription(id)?;
        if !record.spec.disabled {
            return Err(ControlError::NotDisabled(id));
        }
        let bus = self.bus_by_id(record.eventbus_id)?;
        self.triggers.settle(id).await?;
        let mut batch = MetaBatch::new();
        let eventlogs = match &reset.eventlog {
            Some(one) if !bus.record.eventlogs.contains(one) => {
                return Err(ControlError::EventlogNotFound(*one));
            }
            Some(one) => std::slice::from_ref(one),
            None => bus.record.eventlogs.as_slice(),
        };
        for eventlog in eventlogs {
            let offset = self.start_offset(*eventlog, reset.to).await?;
            batch = trigger::put_cursor(batch, id, *eventlog, offset);
            let meta = Arc::clone(&self.meta);
            let eventlog = *eventlog;
            let loading = tokio::task::spawn_blocking(move || trigger::load(&meta, id, eventlog));
            let waiting = loading.await.map_err(|_| ControlError::Closing)??;
            for (at, _) in waiting.retries {
                if at >= offset || reset.retries == WaitingRetries::Drop {
                    batch = trigger::delete_retry(batch, id, eventlog, at);
                }
            }
        }
        self.commit(batch).await?;
        self.subscription_info(&record).await
    }

    /// Deletes a subscription. Its dead letters stay.
    pub(crate) async fn delete_subscription(&self, id: SubscriptionId) -> Result<(), ControlError> {
        let _turn = self.change().await?;
        let record = self.subscription(id)?;
        let bus = self.bus_by_id(record.eventbus_id)?;
        let garbage = Garbage::Subscription(id);
        let batch = tables::delete(MetaBatch::new(), record.as_ref());
        self.commit_stopped(garbage.put(batch), &bus, &[record])
            .await?;
        self.catalog.write().remove_subscription(id);
        self.triggers.remove(id);
        self.collect(vec![garbage]).await
    }
}

/// Who keeps which keys, with as few changes as can be.
fn slots(spec: &SubscriptionSpec, old: Option<&SubscriptionRecord>) -> RouteSlots {
    let none = RouteSlots::new();
    let before = old.map_or(&none, |old| &old.route_slots);
    let routes = spec.routes.as_ref();
    routes.map_or_else(RouteSlots::new, |routes| trigger::slots_of(routes, before))
}

fn differs_in_routes_only(old: &SubscriptionSpec, new: &SubscriptionSpec) -> bool {
    let same = SubscriptionSpec {
        routes: old.routes.clone(),
        ..new.clone()
    };
    old.routes.is_some() && new.routes.is_some() && same == *old
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
fn same(one: &str, other: &str) -> bool {
    let pairs = one.bytes().zip(other.bytes());
    let differing = pairs.fold(0, |all, (a, b)| all | (a ^ b));
    !one.is_empty() && one.len() == other.len() && differing == 0
}

/// A dead letter eventbus has none itself: a subscription to it that left dead letters would read
/// them again, for ever.
fn check_dead_letters(bus: &Bus, spec: &SubscriptionSpec) -> Result<(), ControlError> {
    if bus.record.dead_letter.is_none() && spec.config.dead_letter {
        return Err(ControlError::NoDeadLetters(bus.record.name.clone()));
    }
    Ok(())
}
