//! `vsctl timer`: events that wait for their time.

mod create;
mod list;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;
use vanus_client::ClientError;
use vanus_types::{
    ErrorCode, Fault, TimerId,
    control::{TimerInfo, TimerOutcome},
    event::timestamp::format_ms,
};

use self::{create::Create, list::List};
use crate::{context::Context, error::CliError, event::raw_json, parse::time_ms};

/// What can be done with timers.
#[derive(Debug, Subcommand)]
pub(crate) enum TimerCommand {
    /// Let an event wait; it is stored in its eventbus when it is due, once
    #[command(after_help = create::EXAMPLES)]
    Create(Box<Create>),
    /// List timers that wait, by the time they are due
    #[command(after_help = list::EXAMPLES)]
    List(List),
    /// Describe a timer that waits, and its event
    #[command(after_help = "Examples:\n  vsctl timer get --id 2-1A4")]
    Get(IdFlag),
    /// Cancel a timer; tells whether it was in time
    #[command(after_help = "Examples:\n  vsctl timer cancel --id 2-1A4")]
    Cancel(IdFlag),
    /// Let a timer be due at another time; it keeps its id
    #[command(
        after_help = "Examples:\n  vsctl timer update --id 2-1A4 --delivery-time 2026-12-24T18:00:00Z"
    )]
    Update {
        #[command(flatten)]
        id: IdFlag,
        /// When it shall be due, RFC 3339
        #[arg(long, value_name = "TIME", value_parser = time_ms)]
        delivery_time: i64,
    },
    /// Let a timer be due now
    #[command(after_help = "Examples:\n  vsctl timer fire-now --id 2-1A4")]
    FireNow(IdFlag),
}

/// Which timer.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct IdFlag {
    /// The id of the timer
    #[arg(long, value_name = "ID")]
    id: TimerId,
}

/// What became of a wish.
#[derive(Debug, Serialize)]
struct Granted {
    timer: TimerId,
    outcome: TimerOutcome,
}

impl TimerCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let admin = context.admin().await?;
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Get(IdFlag { id }) => get(context, id).await,
            Self::Cancel(IdFlag { id }) => {
                let outcome = admin.cancel_timer(id).await?;
                tell(context, id, outcome, "is cancelled")
            }
            Self::Update { id, delivery_time } => {
                let outcome = admin.update_timer(id.id, delivery_time).await?;
                let due = format!("is due at {}", format_ms(delivery_time));
                tell(context, id.id, outcome, &due)
            }
            Self::FireNow(IdFlag { id }) => {
                let outcome = admin.fire_timer(id).await?;
                tell(context, id, outcome, "is due now")
            }
        }
    }
}

/// Says what became of a wish; one that came too late is a failure.
fn tell(
    context: &Context,
    timer: TimerId,
    outcome: TimerOutcome,
    done: &str,
) -> Result<(), CliError> {
    match outcome {
        TimerOutcome::Done => {
            let granted = Granted { timer, outcome };
            let sentence = format!("Timer {timer} {done}.");
            context.output().done(&granted, &sentence)
        }
        TimerOutcome::TooLate => {
            let message = format!("too late: timer {timer} has fired, was cancelled, or never was");
            let fault = Fault::new(ErrorCode::TimerNotFound, message);
            Err(ClientError::Refused(fault).into())
        }
    }
}

/// A timer and its event.
#[derive(Debug, Serialize)]
struct Detail {
    #[serde(flatten)]
    info: TimerInfo,
    event: Box<serde_json::value::RawValue>,
}

async fn get(context: &Context, id: TimerId) -> Result<(), CliError> {
    let (info, event) = context.admin().await?.get_timer(id).await?;
    let event = raw_json(&event).map_err(CliError::argument)?;
    let detail = Detail { info, event };
    context.output().one(&detail, || {
        let info = &detail.info;
        vec![
            ("Timer", info.id.to_string()),
            ("Due", format_ms(info.due_ms)),
            ("Eventbus", eventbus(info)),
            ("Key", info.key.clone().unwrap_or_else(|| "-".to_owned())),
            ("Event", detail.event.get().to_owned()),
        ]
    })
}

/// The name of the eventbus of a timer.
fn eventbus(info: &TimerInfo) -> String {
    match (&info.namespace, &info.eventbus) {
        (Some(namespace), Some(eventbus)) => format!("{namespace}/{eventbus}"),
        _ => format!("{} (deleted)", info.eventbus_id),
    }
}

/// The JSON of a timer that was set.
fn set_json(timer: TimerId, event_id: &str) -> serde_json::Value {
    json!({ "timer": timer, "event_id": event_id })
}
