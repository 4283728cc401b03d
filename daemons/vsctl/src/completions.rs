//! Completions of shells.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{cli::Cli, context::Context, error::CliError};

/// Prints the completions of `shell`.
pub(crate) fn print(context: &Context, shell: Shell) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vsctl", &mut script);
    context.output().raw(&script)
}
