//! One event as it is named on the command line, and when it is due.

use clap::Args;
use serde_json::json;
use vanus_types::Event;

use super::draft::Draft;
use crate::{
    context::Context,
    error::CliError,
    event::DataFormat,
    input,
    parse::{Pair, pair},
};

/// The attributes and data of one event.
#[derive(Debug, Args)]
pub(crate) struct EventArgs {
    /// The id of the event; else a random one
    #[arg(long)]
    id: Option<String>,
    /// The source of the event, a URI reference [default: /vsctl]
    #[arg(long)]
    source: Option<String>,
    /// The type of the event [default: vsctl.event]
    #[arg(long = "type", value_name = "TYPE")]
    ty: Option<String>,
    /// The subject of the event
    #[arg(long)]
    subject: Option<String>,
    /// An extension attribute; may be given more than once
    #[arg(long, value_parser = pair, value_name = "NAME=VALUE")]
    extension: Vec<Pair>,
    /// The data of the event: text, or @file
    #[arg(long, value_name = "TEXT|@FILE")]
    data: Option<String>,
    /// What the data is
    #[arg(long, value_enum, default_value_t = DataFormat::Json, value_name = "FORMAT")]
    data_format: DataFormat,
}

/// When an event is due.
#[derive(Debug, Clone, Args)]
pub(crate) struct TimeArgs {
    /// Deliver it at this time, RFC 3339; until then it is a timer
    #[arg(long, value_name = "TIME", conflicts_with = "delay_time")]
    delivery_time: Option<String>,
    /// Deliver it after this time: seconds, or ISO 8601 such as PT1M30S; until then it is a timer
    #[arg(long, value_name = "SECONDS")]
    delay_time: Option<String>,
}

impl TimeArgs {
    /// Whether a time is given.
    pub(crate) const fn is_given(&self) -> bool {
        self.delivery_time.is_some() || self.delay_time.is_some()
    }

    /// The event with the attribute that asks for this time.
    pub(crate) fn put_on(&self, event: &Event) -> Result<Event, CliError> {
        let asked = [
            ("xvanusdeliverytime", &self.delivery_time),
            ("xvanusdelay", &self.delay_time),
        ];
        let mut builder = event.to_builder();
        for (name, value) in asked {
            if let Some(value) = value {
                builder = builder.extension(name, value.as_str());
            }
        }
        builder.build().map_err(|error| CliError::invalid(&error))
    }
}

impl EventArgs {
    /// The event; what is not named is made up, for a template the data too.
    pub(crate) fn event(&self, context: &Context, template: bool) -> Result<Event, CliError> {
        let mut data = self.data.as_deref().map(input::text_or_file).transpose()?;
        if template && data.is_none() {
            data = Some(match self.data_format {
                DataFormat::Json => json!({ "message": "hello" }).to_string(),
                DataFormat::Plain => "hello".to_owned(),
            });
        }
        let draft = Draft {
            id: self.id.as_deref(),
            source: self.source.as_deref(),
            ty: self.ty.as_deref(),
            subject: self.subject.as_deref(),
            extensions: &self.extension,
            data: data.as_deref(),
            format: self.data_format,
        };
        draft.event(context.clock().as_ref(), context.entropy())
    }
}
