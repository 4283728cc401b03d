//! The Vanus daemon: one process that stores, filters, delivers and serves.

mod cli;
mod daemon;
mod metrics;

use std::process::ExitCode;

/// Batches come and go in all sizes; the system's allocator takes longer for them and keeps more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use vanus_runtime::{allow_huge_pages, raise_open_files, signals::Shutdown, telemetry::init_logs};

#[expect(
    clippy::print_stderr,
    reason = "logs may not be there yet, and people read this"
)]
fn main() -> ExitCode {
    allow_huge_pages(false);
    let sources = match cli::parse() {
        Ok(sources) => sources,
        Err(error) => error.exit(),
    };
    let loaded = match sources.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = init_logs(&loaded.config.log_level, loaded.config.log_format) {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    let files = raise_open_files();
    tracing::debug!(files, "open files are limited");
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads(loaded.config.worker_threads))
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(async {
        let shutdown = Shutdown::listen()?;
        daemon::run(loaded.config, shutdown).await
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "vanus stopped");
            ExitCode::FAILURE
        }
    }
}

/// How many threads serve the network when `configured` are asked for.
fn worker_threads(configured: usize) -> usize {
    if configured > 0 {
        return configured;
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.saturating_sub(1).max(1)
}
