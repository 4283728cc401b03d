//! `vsctl`, the command line client of Vanus: parse, run, answer with an exit code.

mod bench;
mod cli;
mod cluster;
mod completions;
mod context;
mod error;
mod event;
mod eventbus;
mod hint;
mod human;
mod input;
mod namespace;
mod output;
mod parse;
mod route;
mod schedule;
mod store;
mod subscription;
mod telemetry;
mod timer;

use std::process::ExitCode;

/// Batches come and go in all sizes; the system's allocator takes longer for them and keeps more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use clap::Parser as _;

use crate::{cli::Cli, context::Context, error::CliError, output::Output};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.global.format);
    telemetry::start(cli.global.debug);
    match run(cli, output.clone()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(cli: Cli, output: Output) -> Result<(), CliError> {
    let Cli { global, command } = cli;
    let mut builder = if command.wants_threads() {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder.enable_all().build().map_err(CliError::Runtime)?;
    runtime.block_on(async {
        let context = Context::new(global, output);
        let done = command.run(&context).await;
        context.close().await;
        done
    })
}
