//! `vsctl event`: publish, read, look up.

mod args;
mod draft;
mod get;
mod put;
mod query;
mod view;

use clap::Subcommand;

pub(crate) use self::{
    args::{EventArgs, TimeArgs},
    put::DataFormat,
    view::{EventView, as_json, attribute, data_text, raw_json},
};
use self::{get::Get, put::Put, query::Query};
use crate::{context::Context, error::CliError};

/// What can be done with events.
#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Publish one event, or those of a file, and wait until they are stored
    #[command(after_help = put::EXAMPLES)]
    Put(Box<Put>),
    /// Read events, oldest first, or follow them as they come
    #[command(after_help = get::EXAMPLES)]
    Get(Get),
    /// Find the offset of a point in time in each eventlog
    #[command(after_help = query::EXAMPLES)]
    Query(Query),
}

impl EventCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::Put(put) => put.run(context).await,
            Self::Get(get) => get.run(context).await,
            Self::Query(query) => query.run(context).await,
        }
    }
}
