//! Subscriptions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    credential::{Credential, Masks, Protocol},
    delivery::DeliverySpec,
    filter::FilterSpec,
    invalid::{InvalidSpec, check_length, check_range},
    ordering::{DeliveryOrder, KeyLimit},
    routes::{RouteSlots, RoutesSpec},
    secret::Secret,
    secret_header,
    sink::{check_header, check_sink, server_of},
    transformer::TransformerSpec,
};
use crate::{
    codec::{Decode, Encode},
    id::{EventbusId, EventlogId, NamespaceId, SubscriptionId},
    limits::{
        DEFAULT_DELIVERY_TIMEOUT_MS, DEFAULT_IN_FLIGHT, MAX_DELIVERY_TIMEOUT_MS,
        MAX_DESCRIPTION_LEN, MAX_IN_FLIGHT, MAX_RETRY_ATTEMPTS, MAX_SINK_HEADERS, MAX_SINK_LEN,
    },
    name::{InvalidName, Name},
};

/// Where a new subscription, or a reader, starts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum StartFrom {
    /// With the next event to be published.
    #[default]
    Latest,
    /// With the oldest event that is still kept.
    Earliest,
    /// With the first event appended at this time or later, in milliseconds since the Unix epoch.
    Timestamp(i64),
    /// With this offset of each eventlog, or the nearest one there is.
    Offset(u64),
}

/// How a subscription delivers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubscriptionConfig {
    /// Most deliveries a second, retries included; 0 is unlimited.
    pub rate_limit: u32,
    /// Where it starts when it is created.
    pub start_from: StartFrom,
    /// How long the sink may take to answer, in milliseconds.
    pub delivery_timeout_ms: u32,
    /// How often an event is tried again after its first attempt before it is dead-lettered.
    pub max_retry_attempts: u32,
    /// Whether an event that cannot be delivered is kept in the dead letter eventbus. Without it
    /// such an event is dropped, and counted as dropped.
    pub dead_letter: bool,
    /// Most deliveries in flight at a time.
    pub in_flight: u32,
    /// Which events wait for each other. `ordered: true` is read as strict.
    #[serde(alias = "ordered", deserialize_with = "DeliveryOrder::or_flag")]
    pub ordering: DeliveryOrder,
    /// Most deliveries in flight of events that have a value in common. What is ordered has one.
    pub key_limit: Option<KeyLimit>,
}

impl Default for SubscriptionConfig {
    fn default() -> Self {
        Self {
            rate_limit: 0,
            start_from: StartFrom::Latest,
            delivery_timeout_ms: DEFAULT_DELIVERY_TIMEOUT_MS,
            max_retry_attempts: MAX_RETRY_ATTEMPTS,
            dead_letter: true,
            in_flight: DEFAULT_IN_FLIGHT,
            ordering: DeliveryOrder::None,
            key_limit: None,
        }
    }
}

impl SubscriptionConfig {
    fn check(&self) -> Result<(), InvalidSpec> {
        let timeout = u64::from(self.delivery_timeout_ms);
        check_range(
            "delivery_timeout_ms",
            timeout,
            1,
            MAX_DELIVERY_TIMEOUT_MS.into(),
        )?;
        let attempts = u64::from(self.max_retry_attempts);
        check_range("max_retry_attempts", attempts, 0, MAX_RETRY_ATTEMPTS.into())?;
        check_range("in_flight", self.in_flight.into(), 1, MAX_IN_FLIGHT.into())?;
        self.ordering.check()?;
        match &self.key_limit {
            Some(_) if self.ordering != DeliveryOrder::None => Err(InvalidSpec::KeyLimitOfOrdered),
            Some(limit) => limit.check(),
            None => Ok(()),
        }
    }
}

/// What a caller asks for: a subscription, new or changed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionSpec {
    /// Its name; need not be unique.
    pub name: Name,
    /// The namespace of its eventbus.
    pub namespace: Name,
    /// The eventbus it reads.
    pub eventbus: Name,
    /// Where events go: an `http://` or `https://` URL, for other protocols an ARN or a host and its
    /// port, [`SubscriptionSpec::PULL`] for deliveries that clients fetch,
    /// [`SubscriptionSpec::EMBEDDED`] for a function of the embedding program, or
    /// [`SubscriptionSpec::ROUTES`], which it is if it is not said.
    #[serde(default = "routes_sink")]
    pub sink: String,
    /// Where events go if the sink is [`SubscriptionSpec::ROUTES`]: to one of several sinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<RoutesSpec>,
    /// How the sink is spoken to.
    #[serde(default)]
    pub protocol: Protocol,
    /// What is shown to the sink to be let in.
    #[serde(default)]
    pub credential: Credential,
    /// What passes: every filter must. No filter passes everything.
    #[serde(default)]
    pub filters: Vec<FilterSpec>,
    /// What is made of an event before it is delivered; without it events are delivered as they
    /// were published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformer: Option<TransformerSpec>,
    /// How it delivers.
    #[serde(default)]
    pub config: SubscriptionConfig,
    /// How requests to the sink look, and what is done with its answers.
    #[serde(default)]
    pub delivery: DeliverySpec,
    /// Headers added to every request to the sink.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What people should know about it.
    #[serde(default)]
    pub description: String,
    /// Whether it is created paused.
    #[serde(default)]
    pub disabled: bool,
    /// An id of the caller's choice; else one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SubscriptionId>,
}

impl SubscriptionSpec {
    /// The sink of a subscription whose events go to a function of the embedding program.
    pub const EMBEDDED: &'static str = "embedded";

    /// The sink of a subscription whose events go to one of its [`routes`](Self::routes).
    pub const ROUTES: &'static str = "routes";

    /// The sink of a subscription whose deliveries wait until a client fetches them.
    pub const PULL: &'static str = "pull";

    /// A subscription that passes everything and starts with the next event.
    #[must_use]
    pub fn new(name: Name, namespace: Name, eventbus: Name, sink: impl Into<String>) -> Self {
        Self {
            name,
            namespace,
            eventbus,
            sink: sink.into(),
            routes: None,
            protocol: Protocol::Http,
            credential: Credential::None,
            filters: Vec::new(),
            transformer: None,
            config: SubscriptionConfig::default(),
            delivery: DeliverySpec::default(),
            headers: BTreeMap::new(),
            description: String::new(),
            disabled: false,
            id: None,
        }
    }

    /// A subscription of the embedding program that passes everything and starts with the next
    /// event.
    ///
    /// # Errors
    /// [`InvalidName`] when one of the names has the wrong form.
    pub fn embedded(name: &str, namespace: &str, eventbus: &str) -> Result<Self, InvalidName> {
        let (name, namespace) = (Name::new(name)?, Name::new(namespace)?);
        Ok(Self::new(
            name,
            namespace,
            Name::new(eventbus)?,
            Self::EMBEDDED,
        ))
    }

    /// Whether something is delivered to a function of the embedding program.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.every_sink().any(|sink| sink == Self::EMBEDDED)
    }

    /// Checks what can be checked without the store.
    ///
    /// # Errors
    /// [`InvalidSpec`] names the field.
    pub fn check(&self) -> Result<(), InvalidSpec> {
        self.check_with(Masks::Refused)
    }

    /// Checks a changed specification, whose secret may be the mask that was told.
    ///
    /// # Errors
    /// [`InvalidSpec`] names the field.
    pub fn check_change(&self) -> Result<(), InvalidSpec> {
        self.check_with(Masks::Allowed)
    }

    /// The specification with the secrets of `old` where only their masks were sent back.
    ///
    /// A password, a token, or the value of a header that goes to another server than before is not
    /// kept: whoever may change a subscription could have it sent to a server of his own.
    #[must_use]
    pub fn keeping_secret(mut self, old: &Self) -> Self {
        let sent_as_it_is = matches!(
            self.credential,
            Credential::Plain { .. } | Credential::Bearer { .. }
        );
        let before: Vec<String> = old.every_sink().map(server_of).collect();
        let known = |sink: &str| before.contains(&server_of(sink));
        let all_known = self.every_sink().all(known);
        if !sent_as_it_is || all_known {
            self.credential = self.credential.keeping(&old.credential);
        }
        if all_known {
            secret_header::keep(&mut self.headers, &old.headers);
        }
        for route in self.routes.iter_mut().flat_map(RoutesSpec::every_route_mut) {
            let mut before = old.routes.iter().flat_map(RoutesSpec::every_route);
            let server = route.sink.as_deref().map(server_of);
            let same = before
                .find(|old| old.name == route.name && old.sink.as_deref().map(server_of) == server);
            if let Some(old) = same {
                secret_header::keep(&mut route.headers, &old.headers);
            }
        }
        self
    }

    /// Hides secrets: what is left may be shown.
    fn mask(&mut self) {
        self.credential = std::mem::take(&mut self.credential).masked();
        secret_header::mask(&mut self.headers);
        let routes = self.routes.iter_mut().flat_map(RoutesSpec::every_route_mut);
        routes.for_each(|route| secret_header::mask(&mut route.headers));
    }

    fn check_with(&self, masks: Masks) -> Result<(), InvalidSpec> {
        self.config.check()?;
        check_length("description", &self.description, MAX_DESCRIPTION_LEN)?;
        self.check_sinks()?;
        self.credential.check(masks)?;
        self.credential.check_for(self.protocol)?;
        let strict = self.config.ordering == DeliveryOrder::Strict;
        self.delivery.check(self.protocol, strict)?;
        check_range(
            "headers",
            self.headers.len() as u64,
            0,
            MAX_SINK_HEADERS as u64,
        )?;
        if masks == Masks::Refused {
            let routes = self.routes.iter().flat_map(RoutesSpec::every_route);
            let all = routes.map(|route| &route.headers);
            all.chain([&self.headers])
                .try_for_each(secret_header::refuse_mask)?;
        }
        let credential = self.credential != Credential::None;
        for (name, value) in &self.headers {
            check_header(name, value)?;
            if credential && name.eq_ignore_ascii_case("authorization") {
                return Err(InvalidSpec::Header {
                    name: name.clone(),
                    why: "is set by the credential",
                });
            }
        }
        FilterSpec::check_all(&self.filters)?;
        if let Some(transformer) = &self.transformer {
            transformer.check()?;
        }
        Ok(())
    }

    /// The same subscription with one sink, such as that of a route.
    #[must_use]
    pub fn to_sink(&self, sink: impl Into<String>) -> Self {
        Self {
            sink: sink.into(),
            routes: None,
            ..self.clone()
        }
    }

    /// Everything it may deliver to.
    pub fn every_sink(&self) -> impl Iterator<Item = &str> {
        let routes = self.routes.iter().flat_map(RoutesSpec::every_route);
        let routed = routes.filter_map(|route| route.sink.as_deref());
        let alone = self.routes.is_none().then_some(self.sink.as_str());
        routed.chain(alone)
    }

    fn check_sinks(&self) -> Result<(), InvalidSpec> {
        let bad = |why| {
            let sink = self.sink.clone();
            Err(InvalidSpec::Sink { sink, why })
        };
        match (&self.routes, self.sink == Self::ROUTES) {
            (None, true) => return bad("needs routes"),
            (Some(_), false) => return bad("is not \"routes\", although there are routes"),
            (Some(_), true) if self.delivery.handshake.is_some() => {
                return bad("asks for no handshake");
            }
            (Some(routes), true) => routes.check()?,
            (None, false) => {}
        }
        for sink in self.every_sink() {
            check_length("sink", sink, MAX_SINK_LEN)?;
            if self.routes.is_some() && sink == Self::PULL {
                return bad("leads to no sink that is pulled from");
            }
            check_sink(&self.to_sink(sink))?;
        }
        let routes = self.routes.iter().flat_map(RoutesSpec::every_route);
        for (name, value) in routes.flat_map(|route| &route.headers) {
            check_header(name, value)?;
        }
        Ok(())
    }
}

fn routes_sink() -> String {
    SubscriptionSpec::ROUTES.to_owned()
}

/// What is stored about a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct SubscriptionRecord {
    /// Its id.
    pub id: SubscriptionId,
    /// Its eventbus.
    pub eventbus_id: EventbusId,
    /// Its namespace.
    pub namespace_id: NamespaceId,
    /// What was asked for.
    #[serde(flatten)]
    pub spec: SubscriptionSpec,
    /// Which keys stay on which of its routes.
    #[serde(skip)]
    pub route_slots: RouteSlots,
    /// Why Vanus disabled it, if nobody else did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// What the sink has agreed to out of turn, where it is asked first.
    #[serde(default, skip_serializing_if = "Consent::is_none")]
    pub consent: Consent,
    /// When it was created, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// When it was changed last, in milliseconds since the Unix epoch.
    pub updated_at_ms: i64,
}

impl SubscriptionRecord {
    /// The same as it may be shown: without secrets.
    #[must_use]
    pub fn masked(mut self) -> Self {
        self.spec.mask();
        self.consent.key = Secret::masked();
        self
    }
}

/// What a sink has agreed to at its callback.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
pub struct Consent {
    /// Whoever knows it speaks for the sink.
    #[serde(skip)]
    pub key: Secret,
    /// Whether the sink has agreed.
    pub granted: bool,
    /// The most deliveries a minute it has agreed to, if not any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
}

impl Consent {
    const fn is_none(&self) -> bool {
        !self.granted
    }
}

/// What a subscription is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubscriptionPhase {
    /// It reads and delivers.
    Running,
    /// It is disabled and its last deliveries are finishing.
    Stopping,
    /// It is disabled.
    Stopped,
    /// It has no sink: the function of the embedding program is not attached yet, or its address
    /// cannot be delivered to.
    Detached,
}

/// What is told about a subscription.
#[derive(Debug, Clone, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct SubscriptionInfo {
    /// What is stored.
    #[serde(flatten)]
    pub record: SubscriptionRecord,
    /// What it is doing.
    pub phase: SubscriptionPhase,
    /// Why it does not deliver, if something is in its way that somebody has to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How far it is in each eventlog.
    pub progress: Vec<EventlogProgress>,
    /// What became of its events since the engine was opened.
    pub totals: SubscriptionTotals,
}

/// How far a subscription is in one eventlog.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct EventlogProgress {
    /// The eventlog.
    pub eventlog: EventlogId,
    /// Every event before this offset is delivered, filtered out or dead-lettered.
    pub committed: u64,
    /// The next offset to be looked at.
    pub position: u64,
    /// The offset the next published event gets.
    pub end_offset: u64,
    /// Events that wait for their next attempt.
    pub retrying: u64,
}

/// What became of the events a subscription looked at, since the engine was opened.
///
/// `read = delivered + filtered + dead_lettered + dropped + expired + in_flight + retrying`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct SubscriptionTotals {
    /// Events looked at: read, or taken over as pending retries when the engine was opened.
    pub read: u64,
    /// Events the sink acknowledged.
    pub delivered: u64,
    /// Events the filters held back.
    pub filtered: u64,
    /// Events left in the dead letter eventbus.
    pub dead_lettered: u64,
    /// Events given up because dead letters are turned off.
    pub dropped: u64,
    /// Events whose retention ended before they could be delivered.
    pub expired: u64,
    /// Deliveries under way.
    pub in_flight: u64,
    /// Events that wait for their next attempt.
    pub retrying: u64,
    /// Attempts made, failed ones included.
    pub attempts: u64,
}
