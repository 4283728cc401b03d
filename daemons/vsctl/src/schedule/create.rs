//! `vsctl schedule create`.

use clap::{Args, ValueEnum};
use vanus_types::{
    Name, ScheduleId,
    control::{EventTemplate, Missed, ScheduleInfo, ScheduleSpec},
};

use crate::{
    context::Context,
    error::CliError,
    event::DataFormat,
    input,
    parse::{Pair, pair, time_ms},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl schedule create jobs --name nightly --cron '30 2 * * *' --time-zone Europe/Lisbon
  vsctl schedule create jobs --name poll --cron '@every 90' --type poll --data '{\"shop\": 7}'
  vsctl schedule create jobs --name december --cron '0 9 * * MON-FRI' \\
    --start 2026-12-01T00:00:00Z --end 2026-12-31T23:59:59Z --missed skip --jitter-ms 5000

The schedule has 5 fields (minute, hour, day of the month, month, day of the week), or 6 with seconds first;
or it is @hourly, @daily, @weekly, @monthly, @yearly, or @every and a duration.";

/// What becomes of occurrences that were missed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum MissedFlag {
    /// They are left out.
    Skip,
    /// The last of them is made.
    Once,
    /// Each of them is made.
    All,
}

/// A new schedule.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The eventbus its events go to
    #[arg(value_name = "EVENTBUS")]
    eventbus: Name,
    /// Its name: 1 to 128 characters out of 0-9 a-z A-Z . - _
    #[arg(long)]
    name: Name,
    /// The namespace of both
    #[arg(long, env = "VANUS_NAMESPACE", default_value = "default")]
    namespace: Name,
    /// When: fields of cron, @daily and the like, or @every and a duration
    #[arg(long, value_name = "SCHEDULE")]
    cron: String,
    /// The time zone the fields are in
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    time_zone: String,
    /// No occurrence before this time, RFC 3339; else from now on
    #[arg(long, value_name = "TIME", value_parser = time_ms)]
    start: Option<i64>,
    /// No occurrence after this time, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time_ms)]
    end: Option<i64>,
    /// How many events at most
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Each event comes up to so many milliseconds after its time
    #[arg(long, default_value_t = 0, value_name = "MS")]
    jitter_ms: u64,
    /// What becomes of occurrences whose time passed while the node was down
    #[arg(long, value_enum, default_value = "once")]
    missed: MissedFlag,
    /// What people should know about it
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// The type of its events
    #[arg(long = "type", value_name = "TYPE", default_value = "vsctl.event")]
    ty: String,
    /// The source of its events [default: /namespaces/NAMESPACE/schedules/NAME]
    #[arg(long)]
    source: Option<String>,
    /// The subject of its events
    #[arg(long)]
    subject: Option<String>,
    /// An extension attribute of its events; may be given more than once
    #[arg(long, value_parser = pair, value_name = "NAME=VALUE")]
    extension: Vec<Pair>,
    /// The data of its events: text, or @file
    #[arg(long, value_name = "TEXT|@FILE")]
    data: Option<String>,
    /// What the data is
    #[arg(long, value_enum, default_value_t = DataFormat::Json, value_name = "FORMAT")]
    data_format: DataFormat,
    /// An id of your choice, hexadecimal; else one is made
    #[arg(long, value_name = "HEX")]
    id: Option<ScheduleId>,
}

impl Create {
    pub(super) async fn run(self, context: &Context) -> Result<ScheduleInfo, CliError> {
        let data = self.data.as_deref().map(input::text_or_file).transpose()?;
        let media_type = match self.data_format {
            DataFormat::Json => "application/json",
            DataFormat::Plain => "text/plain",
        };
        let event = EventTemplate {
            ty: self.ty,
            source: self.source,
            subject: self.subject,
            datacontenttype: data.is_some().then(|| media_type.to_owned()),
            data,
            attributes: self.extension.into_iter().collect(),
        };
        let spec = ScheduleSpec {
            time_zone: self.time_zone,
            start_ms: self.start,
            end_ms: self.end,
            count: self.count,
            jitter_ms: self.jitter_ms,
            missed: match self.missed {
                MissedFlag::Skip => Missed::Skip,
                MissedFlag::Once => Missed::Once,
                MissedFlag::All => Missed::All,
            },
            description: self.description,
            id: self.id,
            ..ScheduleSpec::new(self.name, self.eventbus, self.cron, event)
        };
        spec.check().map_err(|error| CliError::invalid(&error))?;
        let admin = context.admin().await?;
        Ok(admin.create_schedule(&self.namespace, spec).await?)
    }
}
