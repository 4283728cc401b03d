//! `vsctl subscription try`: what would become of an event.

use clap::Args;
use serde_json::{Map, Value};
use vanus_core::Trial;
use vanus_types::{ErrorCode, Event, Fault, SubscriptionId, format};

use super::options;
use crate::{context::Context, error::CliError, input, output::Field};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl subscription try --transformer @transformer.json --event @event.json
  vsctl subscription try --id 00000000000000AB --event '{\"type\": \"order.placed\", \"data\": {\"total\": 12}}'
  vsctl subscription try --filters '[{\"cel\": \"$total.(int64) > 10\"}]' --event '{\"data\": {\"total\": 12}}'

The event is written in the JSON format of CloudEvents; what is not said of specversion, id,
source and type is made up. Nothing is sent or stored; without --id no server is asked.";

/// What is tried.
#[derive(Debug, Args)]
pub(crate) struct Attempt {
    /// The subscription whose filters and transformer are tried, where these are not given
    #[arg(long, value_name = "HEX")]
    id: Option<SubscriptionId>,
    /// The filters: JSON, or @file
    #[arg(long, value_name = "JSON|@FILE")]
    filters: Option<String>,
    /// The transformer: JSON, or @file
    #[arg(long, value_name = "JSON|@FILE")]
    transformer: Option<String>,
    /// The event: JSON, or @file
    #[arg(long, value_name = "JSON|@FILE")]
    event: String,
}

impl Attempt {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let given = self.filters.as_deref().map(options::read_filters);
        let mut filters = given.transpose()?;
        let given = self.transformer.as_deref().map(options::read_transformer);
        let mut transformer = given.transpose()?;
        let event = event(&input::text_or_file(&self.event)?)?;
        if let Some(id) = self.id {
            let spec = context.admin().await?.get_subscription(id).await?;
            let spec = spec.record.spec;
            filters = Some(filters.unwrap_or(spec.filters));
            transformer = transformer.or(spec.transformer);
        }
        let (filters, transformer) = (filters.unwrap_or_default(), transformer.as_ref());
        let (now_ms, entropy) = (context.clock().now_ms(), context.entropy());
        let trial = Trial::of(&filters, transformer, &event, now_ms, entropy)
            .map_err(|error| CliError::invalid(&error))?;
        show(context, &trial)
    }
}

fn show(context: &Context, trial: &Trial) -> Result<(), CliError> {
    let output = context.output();
    output.one(&trial.to_json(), || fields(trial))?;
    if output.is_json() {
        return Ok(());
    }
    if let Ok(event) = &trial.event {
        let text = format::json::encode(event);
        let pretty = serde_json::from_slice::<Value>(&text)
            .and_then(|value| serde_json::to_string_pretty(&value));
        output.text(&format!("\n{}\n", pretty.unwrap_or_default()))?;
    }
    Ok(())
}

fn fields(trial: &Trial) -> Vec<Field> {
    let passes = if trial.passes { "yes" } else { "no" };
    let mut fields = vec![("Passes", passes.to_owned())];
    for skipped in &trial.skipped {
        fields.push(("Left out", skipped.to_string()));
    }
    if let Err(error) = &trial.event {
        fields.push(("Fails", error.to_string()));
    }
    fields
}

/// The event, with what it lacks made up.
fn event(text: &str) -> Result<Event, CliError> {
    let bad = |error: &dyn std::fmt::Display| {
        let message = format!("the event cannot be read: {error}");
        CliError::Invalid(Fault::new(ErrorCode::InvalidEvent, message))
    };
    let mut members: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| bad(&error))?;
    for (name, value) in [
        ("specversion", "1.0"),
        ("id", "1"),
        ("source", "/vsctl"),
        ("type", "vsctl.event"),
    ] {
        members.entry(name).or_insert_with(|| value.into());
    }
    let text = Value::Object(members).to_string();
    format::json::decode(text.as_bytes()).map_err(|error| bad(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_lacks_is_made_up() {
        let made = event(r#"{"type": "t", "hops": 3, "data": {"a": 1}}"#).unwrap();
        assert_eq!((made.ty(), made.source()), ("t", "/vsctl"));
        assert_eq!(made.data().as_str(), Some(r#"{"a":1}"#));
        for wrong in ["", "[]", r#"{"id": ""}"#] {
            assert_eq!(event(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
