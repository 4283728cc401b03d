//! What a subscription is created with and changed to.

use std::time::Duration;

use clap::{ArgGroup, Args};
use vanus_types::{
    Name, SubscriptionId,
    control::{
        DeliveryOrder, FilterSpec, KeyLimit, RoutesSpec, StartFrom, SubscriptionConfig,
        SubscriptionSpec, TransformerSpec,
    },
    limits::{DEFAULT_IN_FLIGHT, MAX_IN_FLIGHT, MAX_RETRY_ATTEMPTS},
};

use super::delivery::DeliveryFlags;
use crate::{
    error::CliError,
    input,
    parse::{Pair, duration, filters, key_limit, ordering, pair, routes, start_from, transformer},
};

pub(super) const CREATE_EXAMPLES: &str = "\
Examples:
  vsctl subscription create --name bill --eventbus orders --sink http://127.0.0.1:9000/
  vsctl subscription create --name big --eventbus orders --sink https://example.com/in \\
    --filters '[{\"exact\": {\"type\": \"order.placed\"}}, {\"not\": {\"prefix\": {\"subject\": \"test\"}}}]'
  vsctl subscription create --name vip --eventbus orders --sink http://127.0.0.1:9000/ \\
    --filters '[{\"sql\": \"source LIKE \\\"/shop/%\\\" AND EXISTS subject\"}]'
  vsctl subscription create --name all --eventbus orders --sink http://127.0.0.1:9000/ --from earliest
  vsctl subscription create --name slow --eventbus orders --sink http://127.0.0.1:9000/ \\
    --filters @filters.json --rate-limit 10 --delivery-timeout 30s --ordering key=subject
  vsctl subscription create --name split --eventbus orders --routes \
    '[{\"name\": \"stable\", \"sink\": \"http://127.0.0.1:9000/\", \"weight\": 90},
      {\"name\": \"canary\", \"sink\": \"http://127.0.0.1:9001/\", \"weight\": 10}]'
  vsctl subscription create --name text --eventbus orders --sink http://127.0.0.1:9000/ \\
    --transformer '{\"template\": \"order <$.data.id> from <$.subject>\"}'
  vsctl subscription create --name bulk --eventbus orders --sink http://127.0.0.1:9000/ \\
    --delivery-mode batch --batch-size 100 --batch-linger 200ms

Filters: a JSON list, all of which must pass; each is an object with exactly one of exact,
prefix, suffix (attributes, data or data.path to text), not (a filter), all, any (lists),
sql (a CESQL expression over attributes), cel (a CEL expression over event and $path.(type)).
docs/filters.md tells all about them.

Transformer: JSON with define, pipeline and template; docs/transformers.md tells all about it.
What it makes of an event is shown by: vsctl subscription try --help";

pub(super) const UPDATE_EXAMPLES: &str = "\
Examples:
  vsctl subscription update --id 00000000000000AB --sink http://127.0.0.1:9001/
  vsctl subscription update --id 00000000000000AB --filters '[]' --ordering strict
  vsctl subscription update --id 00000000000000AB --transformer '{}'";

/// A new subscription.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("change").multiple(true)))]
pub(crate) struct Create {
    /// Its name; need not be unique
    #[arg(long)]
    name: Name,
    /// The namespace of its eventbus
    #[arg(long, env = "VANUS_NAMESPACE", default_value = "default")]
    namespace: Name,
    /// The eventbus whose events it delivers
    #[arg(long)]
    eventbus: Name,
    /// Where events go: an http:// or https:// URL; for other protocols an ARN or host:port; or pull
    #[arg(long, value_name = "URL", required_unless_present = "routes")]
    sink: Option<String>,
    /// Where events go instead of one sink: routes with weights, as JSON, or @file
    #[arg(long, value_name = "JSON|@FILE", conflicts_with = "sink")]
    routes: Option<String>,
    /// What passes: JSON, or @file; without filters everything passes
    #[arg(long, value_name = "JSON|@FILE")]
    filters: Option<String>,
    /// What is made of events before they are delivered: JSON, or @file
    #[arg(long, value_name = "JSON|@FILE")]
    transformer: Option<String>,
    /// Where it starts: latest, earliest or an RFC 3339 time
    #[arg(long, default_value = "latest", value_parser = start_from)]
    from: StartFrom,
    /// Most deliveries a second, retries included; 0 is unlimited
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    rate_limit: u32,
    /// How long the sink may take to answer
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    #[arg(default_value = "5s")]
    delivery_timeout: Duration,
    /// How often an event is tried again before it is dead-lettered
    #[arg(long, default_value_t = MAX_RETRY_ATTEMPTS, value_name = "NUMBER")]
    max_retry_attempts: u32,
    /// Most deliveries in flight at a time
    #[arg(long, default_value_t = DEFAULT_IN_FLIGHT, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_IN_FLIGHT)))]
    in_flight: u32,
    /// Which events wait for each other: none, strict (all of an eventlog), or key=NAME (those
    /// with the same attribute, data or data.path)
    #[arg(long, value_parser = ordering, value_name = "ORDER")]
    ordering: Option<DeliveryOrder>,
    /// The same as --ordering strict
    #[arg(long, conflicts_with = "ordering")]
    ordered_event: bool,
    /// Most deliveries in flight that have an attribute, data or data.path in common
    #[arg(long, value_parser = key_limit, value_name = "NAME=NUMBER")]
    key_limit: Option<KeyLimit>,
    /// Drop what cannot be delivered instead of keeping it as a dead letter
    #[arg(long)]
    disable_dead_letter: bool,
    /// A header of every request to the sink; may be given more than once
    #[arg(long, value_parser = pair, value_name = "NAME=VALUE")]
    header: Vec<Pair>,
    #[command(flatten)]
    delivery: DeliveryFlags,
    /// Create it paused
    #[arg(long)]
    disable: bool,
    /// What people should know about it
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// An id of your choice, hexadecimal; else one is made
    #[arg(long, value_name = "HEX")]
    id: Option<SubscriptionId>,
}

impl Create {
    /// What is asked of the server.
    pub(super) fn spec(self) -> Result<SubscriptionSpec, CliError> {
        let sink = self.sink;
        let sink = sink.unwrap_or_else(|| SubscriptionSpec::ROUTES.to_owned());
        let spec = SubscriptionSpec {
            routes: self.routes.as_deref().map(read_routes).transpose()?,
            filters: self
                .filters
                .map_or_else(|| Ok(Vec::new()), |text| read_filters(&text))?,
            transformer: self
                .transformer
                .as_deref()
                .map(read_transformer)
                .transpose()?,
            config: SubscriptionConfig {
                rate_limit: self.rate_limit,
                start_from: self.from,
                delivery_timeout_ms: timeout_ms(self.delivery_timeout),
                max_retry_attempts: self.max_retry_attempts,
                dead_letter: !self.disable_dead_letter,
                in_flight: self.in_flight,
                ordering: match self.ordered_event {
                    true => DeliveryOrder::Strict,
                    false => self.ordering.unwrap_or_default(),
                },
                key_limit: self.key_limit,
            },
            headers: self.header.into_iter().collect(),
            description: self.description,
            disabled: self.disable,
            id: self.id,
            ..SubscriptionSpec::new(self.name, self.namespace, self.eventbus, sink)
        };
        let spec = self.delivery.apply(spec)?;
        spec.check().map_err(|error| CliError::invalid(&error))?;
        Ok(spec)
    }
}

/// A change of a subscription. Its eventbus cannot be changed.
#[derive(Debug, Args)]
#[command(override_usage = "vsctl subscription update --id <HEX> [OPTIONS]")]
#[command(group(ArgGroup::new("change").required(true).multiple(true)))]
pub(crate) struct Update {
    /// Its id, hexadecimal
    #[arg(long, value_name = "HEX")]
    pub(super) id: SubscriptionId,
    /// Its name
    #[arg(long, group = "change")]
    name: Option<Name>,
    /// Where events go: an http:// or https:// URL; for other protocols an ARN or host:port; or pull
    #[arg(long, group = "change", value_name = "URL")]
    sink: Option<String>,
    /// Where events go instead of one sink: routes with weights, as JSON, or @file
    #[arg(
        long,
        group = "change",
        value_name = "JSON|@FILE",
        conflicts_with = "sink"
    )]
    routes: Option<String>,
    /// What passes: JSON, or @file; [] passes everything
    #[arg(long, group = "change", value_name = "JSON|@FILE")]
    filters: Option<String>,
    /// What is made of events before they are delivered: JSON, or @file; {} leaves them as they are
    #[arg(long, group = "change", value_name = "JSON|@FILE")]
    transformer: Option<String>,
    /// Most deliveries a second, retries included; 0 is unlimited
    #[arg(long, group = "change", value_name = "NUMBER")]
    rate_limit: Option<u32>,
    /// How long the sink may take to answer
    #[arg(long, group = "change", value_parser = duration, value_name = "DURATION")]
    delivery_timeout: Option<Duration>,
    /// How often an event is tried again before it is dead-lettered
    #[arg(long, group = "change", value_name = "NUMBER")]
    max_retry_attempts: Option<u32>,
    /// Most deliveries in flight at a time
    #[arg(long, group = "change", value_name = "NUMBER")]
    in_flight: Option<u32>,
    /// Which events wait for each other: none, strict (all of an eventlog), or key=NAME
    #[arg(long, group = "change", value_parser = ordering, value_name = "ORDER")]
    ordering: Option<DeliveryOrder>,
    /// The same as --ordering strict, or none
    #[arg(
        long,
        group = "change",
        value_name = "BOOL",
        conflicts_with = "ordering"
    )]
    ordered_event: Option<bool>,
    /// Most deliveries in flight that have an attribute, data or data.path in common; 0 is no limit
    #[arg(long, group = "change", value_parser = key_limit, value_name = "NAME=NUMBER|0")]
    key_limit: Option<KeyLimit>,
    /// Whether what cannot be delivered is dropped instead of kept as a dead letter
    #[arg(long, group = "change", value_name = "BOOL")]
    disable_dead_letter: Option<bool>,
    /// The headers of every request to the sink, in place of those it has
    #[arg(long, group = "change", value_parser = pair, value_name = "NAME=VALUE")]
    header: Vec<Pair>,
    #[command(flatten)]
    delivery: DeliveryFlags,
    /// Whether it is paused
    #[arg(long, group = "change", value_name = "BOOL")]
    disable: Option<bool>,
    /// What people should know about it
    #[arg(long, group = "change")]
    description: Option<String>,
}

/// A change that was read and can be applied.
#[derive(Debug)]
pub(super) struct Changes<'a> {
    update: &'a Update,
    filters: Option<Vec<FilterSpec>>,
    routes: Option<RoutesSpec>,
    transformer: Option<TransformerSpec>,
}

impl Update {
    /// Reads what has to be read.
    pub(super) fn changes(&self) -> Result<Changes<'_>, CliError> {
        let filters = self.filters.as_deref().map(read_filters).transpose()?;
        let transformer = self.transformer.as_deref().map(read_transformer);
        Ok(Changes {
            update: self,
            filters,
            routes: self.routes.as_deref().map(read_routes).transpose()?,
            transformer: transformer.transpose()?,
        })
    }
}

impl Changes<'_> {
    /// What a subscription becomes.
    pub(super) fn apply(self, now: SubscriptionSpec) -> Result<SubscriptionSpec, CliError> {
        let config = self.config(&now.config);
        let (sink, routes) = match (self.update.sink.clone(), self.routes) {
            (_, Some(routes)) => (SubscriptionSpec::ROUTES.to_owned(), Some(routes)),
            (Some(sink), None) => (sink, None),
            (None, None) => (now.sink.clone(), now.routes.clone()),
        };
        // An empty one is none.
        let transformer = match self.transformer {
            Some(new) => Some(new).filter(|new| *new != TransformerSpec::default()),
            None => now.transformer.clone(),
        };
        let headers = self.update.header.iter().cloned();
        let now = self.update.delivery.apply(now)?;
        Ok(SubscriptionSpec {
            name: self.update.name.clone().unwrap_or(now.name),
            sink,
            routes,
            filters: self.filters.unwrap_or(now.filters),
            transformer,
            headers: if self.update.header.is_empty() {
                now.headers
            } else {
                headers.collect()
            },
            description: self.update.description.clone().unwrap_or(now.description),
            disabled: self.update.disable.unwrap_or(now.disabled),
            config,
            ..now
        })
    }

    fn config(&self, now: &SubscriptionConfig) -> SubscriptionConfig {
        let update = self.update;
        SubscriptionConfig {
            rate_limit: update.rate_limit.unwrap_or(now.rate_limit),
            start_from: now.start_from,
            delivery_timeout_ms: update
                .delivery_timeout
                .map_or(now.delivery_timeout_ms, timeout_ms),
            max_retry_attempts: update.max_retry_attempts.unwrap_or(now.max_retry_attempts),
            dead_letter: update
                .disable_dead_letter
                .map_or(now.dead_letter, |off| !off),
            in_flight: update.in_flight.unwrap_or(now.in_flight),
            ordering: match update.ordered_event {
                Some(true) => DeliveryOrder::Strict,
                Some(false) => DeliveryOrder::None,
                None => update
                    .ordering
                    .clone()
                    .unwrap_or_else(|| now.ordering.clone()),
            },
            key_limit: match &update.key_limit {
                Some(none) if none.in_flight == 0 => None,
                Some(limit) => Some(limit.clone()),
                None => now.key_limit.clone(),
            },
        }
    }
}

fn read_routes(text: &str) -> Result<RoutesSpec, CliError> {
    Ok(routes(&input::text_or_file(text)?)?)
}

pub(super) fn read_filters(text: &str) -> Result<Vec<FilterSpec>, CliError> {
    Ok(filters(&input::text_or_file(text)?)?)
}

pub(super) fn read_transformer(text: &str) -> Result<TransformerSpec, CliError> {
    Ok(transformer(&input::text_or_file(text)?)?)
}

fn timeout_ms(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
