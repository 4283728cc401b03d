//! Under construction.
use clap::Subcommand;
use crate::{context::Context, error::CliError};
/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Nothing yet
    Disk,
}
impl BenchCommand {
    pub(crate) async fn run(self, _context: &Context) -> Result<(), CliError> { Ok(()) }
}
