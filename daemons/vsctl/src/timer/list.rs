//! `vsctl timer list`.

use clap::Args;
use vanus_client::EventbusKey;
use vanus_types::{
    Name, control::TimerFilter, event::timestamp::format_ms, limits::MAX_LISTED_TIMERS,
};

use super::eventbus;
use crate::{context::Context, error::CliError, parse::time_ms};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl timer list
  vsctl timer list --eventbus orders --key customer-7
  vsctl timer list --from 2026-12-24T00:00:00Z --until 2026-12-25T00:00:00Z --number 1000";

/// Which timers.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of this eventbus
    #[arg(long, value_name = "EVENTBUS")]
    eventbus: Option<Name>,
    /// The namespace of the eventbus
    #[arg(long, env = "VANUS_NAMESPACE", default_value = "default")]
    namespace: Name,
    /// Only those whose event has this partitionkey
    #[arg(long)]
    key: Option<String>,
    /// Only those due at this time or later, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time_ms)]
    from: Option<i64>,
    /// Only those due before this time, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time_ms)]
    until: Option<i64>,
    /// Most timers
    #[arg(long, default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    number: u32,
}

impl List {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let admin = context.admin().await?;
        let key = self.eventbus.map(|name| EventbusKey::Name {
            namespace: self.namespace,
            name,
        });
        let filter = TimerFilter {
            eventbus_id: None,
            key: self.key,
            from_ms: self.from,
            until_ms: self.until,
        };
        let wanted = usize::try_from(self.number).unwrap_or(usize::MAX);
        let (mut timers, mut after) = (Vec::new(), None);
        while timers.len() < wanted {
            let left = (wanted - timers.len()).min(MAX_LISTED_TIMERS);
            let limit = u32::try_from(left).unwrap_or(u32::MAX);
            let page = admin.list_timers(key.clone(), filter.clone(), after, limit);
            let page = page.await?;
            timers.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let columns = ["TIMER", "DUE", "EVENTBUS", "TYPE", "ID", "KEY"];
        let none = "No timer waits.";
        context.output().many(&timers, none, &columns, |timer| {
            vec![
                timer.id.to_string(),
                format_ms(timer.due_ms),
                eventbus(timer),
                timer.event_type.clone(),
                timer.event_id.clone(),
                timer.key.clone().unwrap_or_else(|| "-".to_owned()),
            ]
        })
    }
}
