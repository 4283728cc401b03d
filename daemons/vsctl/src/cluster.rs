//! `vsctl cluster` and `vsctl version`.

use std::time::Duration;

use clap::Subcommand;
use serde_json::json;
use vanus_types::control::ClusterInfo;

use crate::{context::Context, error::CliError, output::Field};

/// What can be asked about the node.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Describe the node: version, addresses, health, how much it holds
    #[command(after_help = "Examples:\n  vsctl cluster info\n  vsctl cluster info --format json")]
    Info,
}

impl ClusterCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let info = context.admin().await?.cluster_info().await?;
        context.output().one(&info, || fields(&info))
    }
}

/// Prints the version of this program.
pub(crate) fn version(context: &Context) -> Result<(), CliError> {
    let version = env!("CARGO_PKG_VERSION");
    context
        .output()
        .done(&json!({ "version": version }), &format!("vsctl {version}"))
}

fn fields(info: &ClusterInfo) -> Vec<Field> {
    let address = |address: &Option<String>| address.clone().unwrap_or_else(|| "-".to_owned());
    vec![
        ("Version", info.version.clone()),
        ("Store", info.store_id.clone()),
        ("Health", info.health.clone()),
        (
            "Up for",
            crate::human::duration(Duration::from_millis(info.uptime_ms)),
        ),
        ("QUIC", address(&info.quic)),
        ("HTTP", address(&info.http)),
        ("Namespaces", info.namespaces.to_string()),
        ("Eventbuses", info.eventbuses.to_string()),
        ("Subscriptions", info.subscriptions.to_string()),
    ]
}
