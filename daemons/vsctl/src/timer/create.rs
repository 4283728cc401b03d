//! `vsctl timer create`.

use clap::Args;
use vanus_types::Name;

use super::set_json;
use crate::{
    context::Context,
    error::CliError,
    event::{EventArgs, TimeArgs},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl timer create orders --delay-time 90 --type order.reminder --data '{\"order\": 7}'
  vsctl timer create orders --delivery-time 2026-12-24T18:00:00Z --extension partitionkey=7";

/// An event that is to wait.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The eventbus the event goes to
    #[arg(value_name = "EVENTBUS")]
    eventbus: Name,
    /// The namespace it is in
    #[arg(long, env = "VANUS_NAMESPACE", default_value = "default")]
    namespace: Name,
    #[command(flatten)]
    time: TimeArgs,
    #[command(flatten)]
    event: EventArgs,
}

impl Create {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        if !self.time.is_given() {
            return Err(CliError::argument(
                "say when it is due: --delivery-time or --delay-time",
            ));
        }
        let event = self.event.event(context, false)?;
        let event = self.time.put_on(&event)?;
        let id = event.id().to_owned();
        let admin = context.admin().await?;
        let events = [(event, None)];
        let set = admin.set_timers(&self.namespace, &self.eventbus, &events);
        let Some(timer) = set.await?.first().copied() else {
            return Err(CliError::argument("the server set no timer"));
        };
        let sentence = format!("Timer {timer} is set for event \"{id}\".");
        context.output().done(&set_json(timer, &id), &sentence)
    }
}
