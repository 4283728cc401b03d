//! `vsctl store`: a stopped data directory described, verified and repaired. What files mean is known to
//! `vanus_storage::check`; here it is asked and printed.

mod inspect;
mod repair;
mod verify;

use std::{path::Path, sync::Arc};

use clap::{Args, Subcommand};
use vanus_storage::{DiskFs, Fs, OpenError, check, check::Report};
use vanus_types::{ErrorCode, Fault};

use crate::{
    bench::progress::{Count, Progress},
    context::Context,
    error::CliError,
};

/// What can be done with a data directory.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Describe what lies in a data directory; nothing is written
    #[command(after_help = inspect::EXAMPLES)]
    Inspect(inspect::Inspect),
    /// Read every byte and tell of everything that is damaged; nothing is written
    #[command(after_help = verify::EXAMPLES)]
    Verify(Directory),
    /// Tell how damage can be repaired, and do it with --yes
    #[command(after_help = repair::EXAMPLES)]
    Repair(repair::Repair),
}

/// The directory.
#[derive(Debug, Clone, Args)]
pub(crate) struct Directory {
    /// The data directory of a daemon that does not run
    #[arg(value_name = "DIR")]
    dir: String,
}

impl StoreCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::Inspect(command) => command.run(context).await,
            Self::Verify(directory) => verify::run(&directory, context).await,
            Self::Repair(command) => command.run(context).await,
        }
    }
}

impl Directory {
    /// The directory as a file system; nothing is made.
    fn open(&self) -> Result<Arc<dyn Fs>, CliError> {
        let failed = |source| CliError::Input {
            path: self.dir.clone(),
            source,
        };
        if !Path::new(&self.dir).is_dir() {
            return Err(failed(std::io::ErrorKind::NotFound.into()));
        }
        let fs = DiskFs::open(&self.dir).map_err(failed)?;
        for name in ["superblock", "wal", "segments"] {
            if fs.exists(name).map_err(failed)? {
                return Ok(Arc::new(fs));
            }
        }
        let dir = &self.dir;
        Err(CliError::argument(format!(
            "{dir} is no data directory of Vanus: it has no superblock, no wal and no segments"
        )))
    }
}

/// Does blocking work beside the display.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, CliError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done =
        done.map_err(|error| CliError::Engine(Fault::new(ErrorCode::Internal, error.to_string())))?;
    done.map_err(|error| CliError::engine(&error))
}

/// Verifies under the lock, with a display of how far it is.
async fn verify_shown(context: &Context, fs: &Arc<dyn Fs>) -> Result<Report, CliError> {
    let count = Count::default();
    let _shown = Progress::show(context.output(), "verifying, KiB", &count, None);
    let fs = fs.clone();
    blocking(move || {
        let mut bytes = 0;
        check::verify(fs.as_ref(), &mut |read| {
            bytes += read;
            count.add(bytes / 1024);
            bytes %= 1024;
        })
    })
    .await
}

/// Takes the lock of the directory for as long as the answer lives.
fn lock(fs: &Arc<dyn Fs>) -> Result<impl Sized + use<>, CliError> {
    check::lock(fs.as_ref()).map_err(|error| CliError::engine(&error))
}
