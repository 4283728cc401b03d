//! `vsctl subscription`: the verbs; what they print is in `show`, what they send in `options`.

mod attempt;
mod dead_letter;
mod delivery;
mod options;
mod receive;
mod show;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;
use vanus_types::{
    EventlogId, Name, SubscriptionId,
    control::{StartFrom, SubscriptionReset, WaitingRetries},
};

use self::{
    attempt::Attempt,
    dead_letter::DeadLetterCommand,
    options::{Create, Update},
    receive::Receive,
};
use crate::{context::Context, error::CliError, eventbus, parse::start_from};

/// What can be done with subscriptions.
#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionCommand {
    /// Create a subscription: deliver the events of an eventbus to a sink
    #[command(after_help = options::CREATE_EXAMPLES)]
    Create(Box<Create>),
    /// Change a subscription; what is not named stays
    #[command(after_help = options::UPDATE_EXAMPLES)]
    Update(Box<Update>),
    /// List the subscriptions of a namespace or an eventbus, or all
    #[command(after_help = "Examples:
  vsctl subscription list
  vsctl subscription list --eventbus orders
  vsctl subscription list -A --name bill")]
    List {
        /// The namespace of their eventbus
        #[arg(long, env = "VANUS_NAMESPACE", default_value = "default")]
        namespace: Name,
        /// Only those of this eventbus
        #[arg(long)]
        eventbus: Option<Name>,
        /// Only those of this name
        #[arg(long)]
        name: Option<Name>,
        /// Those of all namespaces
        #[arg(short = 'A', long, conflicts_with = "eventbus")]
        all: bool,
    },
    /// Describe a subscription: what it is, what it does, how far it is
    #[command(after_help = "Examples:\n  vsctl subscription info --id 00000000000000AB")]
    Info(IdFlag),
    /// Delete a subscription and its offsets; its dead letters stay
    #[command(after_help = "Examples:\n  vsctl subscription delete --id 00000000000000AB")]
    Delete(IdFlag),
    /// Pause a subscription; it keeps its offsets
    #[command(after_help = "Examples:\n  vsctl subscription disable --id 00000000000000AB")]
    Disable(IdFlag),
    /// Let a paused subscription go on where it was
    #[command(after_help = "Examples:\n  vsctl subscription resume --id 00000000000000AB")]
    Resume(IdFlag),
    /// Move a paused subscription to a point in time or an offset
    #[command(after_help = "Examples:
  vsctl subscription reset-offset --id 00000000000000AB --time 2026-01-31T12:00:00Z
  vsctl subscription reset-offset --id 00000000000000AB --time earliest --drop-retries
  vsctl subscription reset-offset --id 00000000000000AB --eventlog 00000000000000CD --offset 1500")]
    #[command(group(ArgGroup::new("to").required(true)))]
    ResetOffset {
        #[command(flatten)]
        id: IdFlag,
        /// Where it goes on: an RFC 3339 time, earliest or latest
        #[arg(long, value_parser = start_from, value_name = "TIME", group = "to")]
        time: Option<StartFrom>,
        /// Where it goes on: an offset of the eventlog, or of each one
        #[arg(long, value_name = "NUMBER", group = "to")]
        offset: Option<u64>,
        /// The eventlog in which it is moved, hexadecimal; else in all
        #[arg(long, value_name = "HEX")]
        eventlog: Option<EventlogId>,
        /// Forget the events that wait for their next attempt
        #[arg(long)]
        drop_retries: bool,
    },
    /// Show what would become of an event: whether it passes, and what would be delivered
    #[command(after_help = attempt::EXAMPLES)]
    Try(Attempt),
    /// Receive the deliveries of a subscription with the sink pull, as they come
    #[command(after_help = receive::EXAMPLES)]
    Receive(Receive),
    /// Read what could not be delivered, and deliver it once more
    #[command(subcommand)]
    DeadLetter(DeadLetterCommand),
}

/// Which subscription.
#[derive(Debug, Args)]
pub(crate) struct IdFlag {
    /// Its id, hexadecimal
    #[arg(long, value_name = "HEX")]
    id: SubscriptionId,
}

impl SubscriptionCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output();
        let info = match self {
            Self::List {
                namespace,
                eventbus,
                name,
                all,
            } => {
                let namespace = (!all).then_some(namespace);
                return list(context, namespace, eventbus, name).await;
            }
            Self::DeadLetter(command) => return command.run(context).await,
            Self::Try(attempt) => return attempt.run(context).await,
            Self::Receive(receive) => return receive.run(context).await,
            Self::Delete(IdFlag { id }) => {
                context.admin().await?.delete_subscription(id).await?;
                let value = json!({ "deleted": { "subscription": id } });
                return output.done(&value, &format!("Subscription {id} is deleted."));
            }
            Self::Create(create) => {
                let spec = create.spec()?;
                context.admin().await?.create_subscription(spec).await?
            }
            Self::Update(update) => {
                let changes = update.changes()?;
                let admin = context.admin().await?;
                let now = admin.get_subscription(update.id).await?.record.spec;
                let spec = changes.apply(now)?;
                spec.check_change()
                    .map_err(|error| CliError::invalid(&error))?;
                admin.update_subscription(update.id, spec).await?
            }
            Self::Info(IdFlag { id }) => context.admin().await?.get_subscription(id).await?,
            Self::Disable(IdFlag { id }) => context.admin().await?.disable_subscription(id).await?,
            Self::Resume(IdFlag { id }) => context.admin().await?.resume_subscription(id).await?,
            Self::ResetOffset {
                id,
                time,
                offset,
                eventlog,
                drop_retries,
            } => {
                let to = time.or(offset.map(StartFrom::Offset)).unwrap_or_default();
                let reset = SubscriptionReset {
                    to,
                    eventlog,
                    retries: match drop_retries {
                        true => WaitingRetries::Drop,
                        false => WaitingRetries::Keep,
                    },
                };
                let admin = context.admin().await?;
                admin.reset_subscription(id.id, reset).await?
            }
        };
        show::info(output, &info)
    }
}

async fn list(
    context: &Context,
    namespace: Option<Name>,
    eventbus: Option<Name>,
    name: Option<Name>,
) -> Result<(), CliError> {
    let admin = context.admin().await?;
    let bus = match (&namespace, &eventbus) {
        (Some(namespace), Some(bus)) => Some(eventbus::key(namespace, bus)),
        _ => None,
    };
    let mut infos = admin.list_subscriptions(bus).await?;
    infos.retain(|info| {
        let spec = &info.record.spec;
        namespace
            .as_ref()
            .is_none_or(|namespace| spec.namespace == *namespace)
            && name.as_ref().is_none_or(|name| spec.name == *name)
    });
    show::list(context.output(), &infos)
}
