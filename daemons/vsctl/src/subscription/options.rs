//! What a subscription is created with and changed to.

use std::time::Duration;

use clap::{ArgGroup, Args};
use vanus_types::{
    Name, SubscriptionId,
    control::{FilterSpec, StartFrom, SubscriptionConfig, SubscriptionSpec, TransformerSpec},
    limits::{DEFAULT_IN_FLIGHT, MAX_IN_FLIGHT, MAX_RETRY_ATTEMPTS},
};

use super::delivery::DeliveryFlags;
use crate::{
    error::CliError,
    input,
    parse::{Pair, duration, filters, pair, start_from, transformer},
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
    --filters @filters.json --rate-limit 10 --delivery-timeout 30s --ordered-event
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
  vsctl subscription update --id 00000000000000AB --filters '[]' --ordered-event true
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
    #[arg(long, value_name = "URL")]
    sink: String,
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
    /// Deliver the events of an eventlog strictly one after the other
    #[arg(long)]
    ordered_event: bool,
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
        let spec = SubscriptionSpec {
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
                ordered: self.ordered_event,
            },
            headers: self.header.into_iter().collect(),
            description: self.description,
            disabled: self.disable,
            id: self.id,
            ..SubscriptionSpec::new(self.name, self.namespace, self.eventbus, self.sink)
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
    /// Whether the events of an eventlog are delivered strictly one after the other
    #[arg(long, group = "change", value_name = "BOOL")]
    ordered_event: Option<bool>,
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
            transformer: transformer.transpose()?,
        })
    }
}

impl Changes<'_> {
    /// What a subscription becomes.
    pub(super) fn apply(self, now: SubscriptionSpec) -> Result<SubscriptionSpec, CliError> {
        let config = self.config(&now.config);
        // An empty one is none.
        let transformer = match self.transformer {
            Some(new) => Some(new).filter(|new| *new != TransformerSpec::default()),
            None => now.transformer.clone(),
        };
        let headers = self.update.header.iter().cloned();
        let now = self.update.delivery.apply(now)?;
        Ok(SubscriptionSpec {
            name: self.update.name.clone().unwrap_or(now.name),
            sink: self.update.sink.clone().unwrap_or(now.sink),
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
            ordered: update.ordered_event.unwrap_or(now.ordered),
        }
    }
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
mod tests {
    use clap::Parser as _;
    use vanus_types::{control::DeliveryMode, limits::DEFAULT_DELIVERY_TIMEOUT_MS};

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct CreateLine {
        #[command(flatten)]
        create: Create,
    }

    #[derive(Debug, clap::Parser)]
    struct UpdateLine {
        #[command(flatten)]
        update: Update,
    }

    fn create(more: &[&str]) -> Result<SubscriptionSpec, CliError> {
        let line = ["x", "--name", "s", "--eventbus", "b", "--sink", "http://h/"];
        CreateLine::parse_from(line.iter().chain(more))
            .create
            .spec()
    }

    #[test]
    fn what_is_not_said_has_the_documented_defaults() {
        let spec = create(&[]).unwrap();
        assert_eq!(spec.config, SubscriptionConfig::default());
        assert_eq!(spec.config.delivery_timeout_ms, DEFAULT_DELIVERY_TIMEOUT_MS);
        assert_eq!(spec.namespace.as_str(), "default");
        assert!(!spec.disabled && spec.filters.is_empty());
    }

    #[test]
    fn a_subscription_that_breaks_a_rule_is_not_sent() {
        for more in [
            ["--header", "host=x"],
            ["--delivery-timeout", "10h"],
            ["--max-retry-attempts", "33"],
            ["--filters", "{}"],
            ["--transformer", "[]"],
        ] {
            assert_eq!(create(&more).unwrap_err().exit_code(), 2, "{more:?}");
        }
    }

    #[test]
    fn requests_to_the_sink_are_described_and_changed() {
        let words = "--delivery-mode batch --batch-size 8 --batch-linger 50ms --reply answers";
        let old = create(&words.split(' ').collect::<Vec<_>>()).unwrap();
        assert_eq!(old.delivery.mode, DeliveryMode::Batch);
        assert_eq!(
            (old.delivery.batch_events, old.delivery.batch_linger_ms),
            (8, 50)
        );
        assert_eq!(old.delivery.reply, Some(Name::new("answers").unwrap()));
        let line = [
            "x",
            "--id",
            "1",
            "--delivery-mode",
            "structured",
            "--reply",
            "none",
        ];
        let update = UpdateLine::parse_from(line).update;
        let new = update.changes().unwrap().apply(old).unwrap().delivery;
        assert_eq!(
            (new.mode, new.batch_events, new.reply),
            (DeliveryMode::Structured, 8, None)
        );
    }

    #[test]
    fn a_credential_is_read_by_its_type_and_a_mistake_does_not_show_it() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
        let key = r#"{"access_key_id": "AK", "secret_access_key": "s3cret"}"#;
        let lambda = [
            "--protocol",
            "aws-lambda",
            "--sink-credential-type",
            "aws",
            "--sink-credential",
        ];
        let line = ["x", "--name", "s", "--eventbus", "b", "--sink", arn];
        let read = |credential: &str| {
            let words = line.iter().chain(&lambda).copied().chain([credential]);
            CreateLine::parse_from(words).create.spec()
        };
        let spec = read(key).unwrap();
        assert_eq!(
            (spec.protocol.as_str(), spec.credential.kind()),
            ("aws-lambda", "aws")
        );
        assert!(!format!("{spec:?}").contains("s3cret"));
        for bad in [
            "s3cret",
            r#"{"secret": "s3cret"}"#,
            r#"{"access_key_id": "AK"}"#,
            r#"["s3cret"]"#,
        ] {
            let error = read(bad).unwrap_err();
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        let file = r#"{"type": "service_account", "private_key": "k"}"#;
        let words = [
            "--protocol",
            "gcloud-functions",
            "--credential-type",
            "gcloud",
            "--credential",
            file,
        ];
        let spec = create(&words).unwrap();
        let (_, secret) = spec.credential.secret().unwrap();
        assert_eq!(secret.expose(), Some(file));
        assert!(create(&["--credential-type", "bearer"]).is_err());
        assert_eq!(
            create(&["--credential-type", "none"])
                .unwrap()
                .credential
                .kind(),
            "none"
        );
    }

    #[test]
    fn a_secret_that_was_told_masked_is_sent_back_so() {
        let words = [
            "--credential-type",
            "bearer",
            "--credential",
            r#"{"token": "t"}"#,
        ];
        let mut told = create(&words).unwrap();
        told.credential = told.credential.masked();
        let update = UpdateLine::parse_from(["x", "--id", "1", "--description", "d"]).update;
        let new = update.changes().unwrap().apply(told).unwrap();
        assert!(new.check_change().is_ok() && new.check().is_err());
    }

    #[test]
    fn a_sink_is_asked_first_if_the_sender_has_a_name() {
        let words = "--webhook-origin e.example.com --webhook-rate 120 --webhook-callback https://v.example.com";
        let old = create(&words.split(' ').collect::<Vec<_>>()).unwrap();
        let handshake = old.delivery.handshake.clone().unwrap();
        assert_eq!(
            (handshake.origin.as_str(), handshake.rate),
            ("e.example.com", Some(120))
        );
        assert!(create(&["--webhook-rate", "120"]).is_err());
        let update = |words: &[&str]| {
            let update = UpdateLine::parse_from([&["x", "--id", "1"], words].concat()).update;
            let new = update.changes().unwrap().apply(old.clone());
            new.unwrap().delivery.handshake
        };
        assert_eq!(update(&["--webhook-rate", "7"]).unwrap().rate, Some(7));
        assert_eq!(update(&["--webhook-origin", "none"]), None);
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let old = create(&["--header", "a=b", "--rate-limit", "7"]).unwrap();
        let line = [
            "x",
            "--id",
            "1",
            "--ordered-event",
            "true",
            "--disable-dead-letter",
            "true",
        ];
        let update = UpdateLine::parse_from(line).update;
        let new = update.changes().unwrap().apply(old.clone()).unwrap();
        assert!(new.config.ordered && !new.config.dead_letter);
        assert_eq!((&new.headers, new.config.rate_limit), (&old.headers, 7));
        assert_eq!((new.name, new.sink), (old.name, old.sink));
    }
}
