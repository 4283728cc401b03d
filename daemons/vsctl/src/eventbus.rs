//! `vsctl eventbus`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use vanus_client::Admin;
use vanus_proto::message::EventbusKey;
use vanus_types::{
    EventbusId, Name,
    control::{EventbusInfo, EventbusRecord, EventbusSpec, EventbusUpdate, RetainFor},
    limits::MAX_EVENTLOGS,
};

use crate::{
    context::Context,
    error::CliError,
    human,
    output::{Field, Output},
    parse::{duration, size_or_none},
};

/// What can be done with eventbuses.
#[derive(Debug, Subcommand)]
pub(crate) enum EventbusCommand {
    /// Create an eventbus
    #[command(after_help = "Examples:
  vsctl eventbus create --name orders
  vsctl eventbus create --name orders --eventlog 4 --retention 7d --retention-size 10GiB
  vsctl eventbus create --name orders --retain-for subscriptions
  vsctl eventbus create --name orders --namespace shop --description 'what was ordered'")]
    Create(Create),
    /// List the eventbuses of a namespace, or of all
    #[command(after_help = "Examples:
  vsctl eventbus list
  vsctl eventbus list --namespace shop
  vsctl eventbus list -A")]
    List {
        #[command(flatten)]
        namespace: NamespaceFlag,
        /// Those of all namespaces but the system's
        #[arg(short = 'A', long)]
        all: bool,
    },
    /// Describe eventbuses: their eventlogs, how far they are, their segments
    #[command(after_help = "Examples:
  vsctl eventbus info --name orders
  vsctl eventbus info --name orders,bills --segment")]
    Info {
        /// Their names
        #[arg(long, alias = "eventbus", required = true, value_delimiter = ',')]
        #[arg(value_name = "NAME,…")]
        name: Vec<Name>,
        #[command(flatten)]
        namespace: NamespaceFlag,
        /// The segments of each eventlog too
        #[arg(long)]
        segment: bool,
    },
    /// Change the description or the retention of an eventbus; what is past it goes at once
    #[command(after_help = "Examples:
  vsctl eventbus update --name orders --retention 24h --retention-size 10GiB
  vsctl eventbus update --name orders --retention-size none --retain-for none
  vsctl eventbus update --name orders --description 'what was ordered'")]
    Update(Update),
    /// Delete an eventbus, its events, its subscriptions and its dead letters
    #[command(after_help = "Examples:\n  vsctl eventbus delete --name orders")]
    Delete {
        /// Its name
        #[arg(long, alias = "eventbus")]
        name: Name,
        #[command(flatten)]
        namespace: NamespaceFlag,
    },
}

/// The namespace an eventbus is in.
#[derive(Debug, Args)]
pub(crate) struct NamespaceFlag {
    /// The namespace it is in
    #[arg(long, env = "VANUS_NAMESPACE", default_value = "default")]
    pub(crate) namespace: Name,
}

/// A new eventbus.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name: 1 to 128 characters out of 0-9 a-z A-Z . - _
    #[arg(long)]
    name: Name,
    #[command(flatten)]
    namespace: NamespaceFlag,
    /// How many eventlogs it has, 1 to 64: order is kept within each
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_EVENTLOGS)))]
    eventlog: u16,
    /// What people should know about it
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Age after which events may be deleted
    #[arg(long, default_value = "72h", value_parser = duration, value_name = "DURATION")]
    retention: Duration,
    /// Bytes its eventlogs may hold together before the oldest segments are deleted, or none
    #[arg(long, default_value = "none", value_parser = size_or_none, value_name = "SIZE")]
    retention_size: u64,
    /// Whose unread events retention leaves alone
    #[arg(long, default_value = "none", value_name = "READERS")]
    retain_for: Readers,
    /// An id of your choice, hexadecimal; else one is made
    #[arg(long, value_name = "HEX")]
    id: Option<EventbusId>,
}

/// A change of an eventbus.
#[derive(Debug, Args)]
#[command(override_usage = "vsctl eventbus update --name <NAME> [OPTIONS]")]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
pub(crate) struct Update {
    /// Its name
    #[arg(long, alias = "eventbus")]
    name: Name,
    #[command(flatten)]
    namespace: NamespaceFlag,
    /// What people should know about it
    #[arg(long, group = "change")]
    description: Option<String>,
    /// Age after which events may be deleted
    #[arg(long, group = "change", value_parser = duration, value_name = "DURATION")]
    retention: Option<Duration>,
    /// Bytes its eventlogs may hold together before the oldest segments are deleted, or none
    #[arg(long, group = "change", value_parser = size_or_none, value_name = "SIZE")]
    retention_size: Option<u64>,
    /// Whose unread events retention leaves alone
    #[arg(long, group = "change", value_name = "READERS")]
    retain_for: Option<Readers>,
}

/// Whose unread events retention leaves alone.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Readers {
    /// Nobody's
    None,
    /// Those of the subscriptions of the eventbus, disabled ones included
    Subscriptions,
}

impl From<Readers> for RetainFor {
    fn from(readers: Readers) -> Self {
        match readers {
            Readers::None => Self::None,
            Readers::Subscriptions => Self::Subscriptions,
        }
    }
}

impl EventbusCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output();
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List { namespace, all } => {
                let namespace = (!all).then_some(namespace.namespace);
                let records = context
                    .admin()
                    .await?
                    .list_eventbuses(namespace.clone())
                    .await?;
                let none = match namespace {
                    Some(name) => format!("There are no eventbuses in namespace \"{name}\"."),
                    None => "There are no eventbuses.".to_owned(),
                };
                output.many(&records, &none, COLUMNS, row)
            }
            Self::Info {
                name,
                namespace,
                segment,
            } => {
                let admin = context.admin().await?;
                describe(&admin, output, &namespace.namespace, &name, segment).await
            }
            Self::Update(update) => update.run(context).await,
            Self::Delete { name, namespace } => {
                let admin = context.admin().await?;
                admin
                    .delete_eventbus(key(&namespace.namespace, &name))
                    .await?;
                let namespace = namespace.namespace;
                output.done(
                    &json!({ "deleted": { "namespace": namespace, "eventbus": name } }),
                    &format!("Eventbus \"{name}\" of namespace \"{namespace}\" is deleted."),
                )
            }
        }
    }
}

impl Create {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let spec = EventbusSpec {
            name: self.name,
            eventlogs: self.eventlog,
            description: self.description,
            retention_ms: whole_ms(self.retention),
            retention_bytes: (self.retention_size > 0).then_some(self.retention_size),
            retain_for: self.retain_for.into(),
            id: self.id,
        };
        spec.check().map_err(|error| CliError::invalid(&error))?;
        let admin = context.admin().await?;
        let info = admin
            .create_eventbus(self.namespace.namespace, spec)
            .await?;
        context.output().one(&info, || fields(&info.record))
    }
}

impl Update {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let update = EventbusUpdate {
            description: self.description,
            retention_ms: self.retention.map(whole_ms),
            retention_bytes: self.retention_size,
            retain_for: self.retain_for.map(RetainFor::from),
        };
        update.check().map_err(|error| CliError::invalid(&error))?;
        let key = key(&self.namespace.namespace, &self.name);
        let info = context.admin().await?.update_eventbus(key, update).await?;
        context.output().one(&info, || fields(&info.record))
    }
}

/// The key of the eventbus of this name.
pub(crate) fn key(namespace: &Name, name: &Name) -> EventbusKey {
    EventbusKey::Name {
        namespace: namespace.clone(),
        name: name.clone(),
    }
}

async fn describe(
    admin: &Admin,
    output: &Output,
    namespace: &Name,
    names: &[Name],
    segments: bool,
) -> Result<(), CliError> {
    let mut infos = Vec::with_capacity(names.len());
    for name in names {
        infos.push(admin.get_eventbus(key(namespace, name), segments).await?);
    }
    if let ([info], true) = (infos.as_slice(), output.is_json()) {
        return output.json(info);
    }
    if output.is_json() {
        return output.json(&infos);
    }
    for (index, info) in infos.iter().enumerate() {
        if index > 0 {
            output.text("\n")?;
        }
        output.one(info, || fields(&info.record))?;
        output.text("\n")?;
        print_logs(output, info, segments)?;
    }
    Ok(())
}

fn print_logs(output: &Output, info: &EventbusInfo, segments: bool) -> Result<(), CliError> {
    let columns = ["EVENTLOG", "START", "END", "SIZE", "LAST EVENT"];
    let rows = info.logs.iter().map(|log| {
        vec![
            log.id.to_string(),
            log.start_offset.to_string(),
            log.end_offset.to_string(),
            human::bytes(log.bytes),
            human::time(log.last_time_ms),
        ]
    });
    output.rows(&columns, rows)?;
    if !segments {
        return Ok(());
    }
    output.text("\n")?;
    let columns = ["EVENTLOG", "SEGMENT", "END", "SIZE", "STATE"];
    let rows = info.logs.iter().flat_map(|log| {
        log.segments.iter().map(|segment| {
            vec![
                log.id.to_string(),
                segment.base_offset.to_string(),
                segment.end_offset.to_string(),
                human::bytes(segment.bytes),
                if segment.sealed { "sealed" } else { "open" }.to_owned(),
            ]
        })
    });
    output.rows(&columns, rows)
}

const COLUMNS: &[&str] = &[
    "ID",
    "NAMESPACE",
    "NAME",
    "LOGS",
    "RETENTION",
    "MOST SIZE",
    "DESCRIPTION",
];

fn row(record: &EventbusRecord) -> Vec<String> {
    vec![
        record.id.to_string(),
        record.namespace.to_string(),
        record.name.to_string(),
        record.eventlogs.len().to_string(),
        human::duration(Duration::from_millis(record.retention_ms)),
        most_size(record),
        human::shorten(&record.description, 40),
    ]
}

fn fields(record: &EventbusRecord) -> Vec<Field> {
    let logs: Vec<_> = record.eventlogs.iter().map(ToString::to_string).collect();
    vec![
        ("ID", record.id.to_string()),
        ("Name", record.name.to_string()),
        ("Namespace", record.namespace.to_string()),
        ("Description", human::or_dash(&record.description)),
        ("Eventlogs", logs.join(" ")),
        (
            "Retention",
            human::duration(Duration::from_millis(record.retention_ms)),
        ),
        ("Retention size", most_size(record)),
        ("Retain for", record.retain_for.name().to_owned()),
        ("Created", human::time(Some(record.created_at_ms))),
        ("Updated", human::time(Some(record.updated_at_ms))),
    ]
}

fn most_size(record: &EventbusRecord) -> String {
    record
        .retention_bytes
        .map_or_else(|| "-".to_owned(), human::bytes)
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
