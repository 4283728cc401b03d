//! `vsctl schedule`: events that are made again and again.

mod create;

use clap::{Args, Subcommand};
use serde_json::json;
use vanus_types::{
    Name,
    control::{Missed, ScheduleInfo, SchedulePhase},
    event::timestamp::format_ms,
};

use self::create::Create;
use crate::{context::Context, error::CliError, output::Field};

/// What can be done with schedules.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Create a schedule: its events go to an eventbus, each occurrence once
    #[command(after_help = create::EXAMPLES)]
    Create(Box<Create>),
    /// List schedules
    #[command(
        after_help = "Examples:\n  vsctl schedule list\n  vsctl schedule list --namespace shop --format json"
    )]
    List {
        /// Only those of this namespace
        #[arg(long)]
        namespace: Option<Name>,
    },
    /// Describe a schedule
    #[command(after_help = "Examples:\n  vsctl schedule info --name nightly")]
    Info(Which),
    /// Let a schedule make no events until it is resumed
    #[command(after_help = "Examples:\n  vsctl schedule pause --name nightly")]
    Pause(Which),
    /// Let a schedule go on; what would have happened meanwhile does not
    #[command(after_help = "Examples:\n  vsctl schedule resume --name nightly")]
    Resume(Which),
    /// Delete a schedule; what it made stays
    #[command(after_help = "Examples:\n  vsctl schedule delete --name nightly")]
    Delete(Which),
}

/// Which schedule.
#[derive(Debug, Clone, Args)]
pub(crate) struct Which {
    /// Its name
    #[arg(long)]
    name: Name,
    /// The namespace it is in
    #[arg(long, env = "VANUS_NAMESPACE", default_value = "default")]
    namespace: Name,
}

const COLUMNS: &[&str] = &[
    "NAMESPACE",
    "NAME",
    "EVENTBUS",
    "CRON",
    "ZONE",
    "PHASE",
    "NEXT",
    "MADE",
];

impl ScheduleCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let (admin, output) = (context.admin().await?, context.output());
        let info = match self {
            Self::Create(create) => create.run(context).await?,
            Self::List { namespace } => {
                let infos = admin.list_schedules(namespace.as_ref()).await?;
                return output.many(&infos, "There are no schedules.", COLUMNS, row);
            }
            Self::Info(Which { name, namespace }) => admin.get_schedule(&namespace, &name).await?,
            Self::Pause(Which { name, namespace }) => {
                admin.pause_schedule(&namespace, &name).await?
            }
            Self::Resume(Which { name, namespace }) => {
                admin.resume_schedule(&namespace, &name).await?
            }
            Self::Delete(Which { name, namespace }) => {
                admin.delete_schedule(&namespace, &name).await?;
                let told = json!({ "namespace": namespace, "name": name, "deleted": true });
                return output.done(&told, &format!("Schedule \"{name}\" is deleted."));
            }
        };
        output.one(&info, || fields(&info))
    }
}

fn time(ms: Option<i64>) -> String {
    ms.map_or_else(|| "-".to_owned(), format_ms)
}

const fn phase(phase: SchedulePhase) -> &'static str {
    match phase {
        SchedulePhase::Active => "active",
        SchedulePhase::Paused => "paused",
        SchedulePhase::Ended => "ended",
    }
}

fn row(info: &ScheduleInfo) -> Vec<String> {
    let record = &info.record;
    vec![
        record.namespace.to_string(),
        record.name.to_string(),
        record.eventbus.to_string(),
        record.cron.clone(),
        record.time_zone.clone(),
        phase(info.phase).to_owned(),
        time(info.next_ms),
        info.made.to_string(),
    ]
}

fn fields(info: &ScheduleInfo) -> Vec<Field> {
    let record = &info.record;
    let missed = match record.missed {
        Missed::Skip => "skip",
        Missed::Once => "once",
        Missed::All => "all",
    };
    vec![
        ("ID", record.id.to_string()),
        ("Namespace", record.namespace.to_string()),
        ("Name", record.name.to_string()),
        ("Eventbus", record.eventbus.to_string()),
        ("Cron", record.cron.clone()),
        ("Time zone", record.time_zone.clone()),
        ("Start", format_ms(record.start_ms)),
        ("End", time(record.end_ms)),
        (
            "Count",
            record
                .count
                .map_or_else(|| "-".to_owned(), |count| count.to_string()),
        ),
        ("Jitter", format!("{} ms", record.jitter_ms)),
        ("Missed", missed.to_owned()),
        ("Event type", record.event.ty.clone()),
        ("Phase", phase(info.phase).to_owned()),
        ("Next", time(info.next_ms)),
        ("Last", time(info.last_ms)),
        ("Made", info.made.to_string()),
    ]
}
