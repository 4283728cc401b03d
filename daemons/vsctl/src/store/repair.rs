//! `vsctl store repair`.

use std::sync::Arc;

use clap::Args;
use serde_json::json;
use vanus_storage::{
    DiskFs, Fs,
    check::{self, RepairOptions},
};
use vanus_types::{Clock, Entropy, OsEntropy};

use super::{Directory, blocking, lock, verify, verify_shown};
use crate::{context::Context, error::CliError};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl store repair /var/lib/vanus
  vsctl store repair /var/lib/vanus --yes
  vsctl store repair /var/lib/vanus --yes --accept-loss --quarantine /var/tmp/vanus-damaged

Without --yes only the plan is printed. What is held twice or can be made anew is mended with --yes. What cannot be read is
given up only with --accept-loss: the files are copied aside first, and reading the lost offsets is refused from then on
(V9514); all others are served, and no offset is given out again. Make a copy of the directory before.";

/// What to repair, and how.
#[derive(Debug, Args)]
pub(crate) struct Repair {
    #[command(flatten)]
    directory: Directory,
    /// Do what the plan says
    #[arg(long)]
    yes: bool,
    /// Give up what cannot be read, too
    #[arg(long, requires = "yes")]
    accept_loss: bool,
    /// Where copies of damaged files go; the folder quarantine in the data directory if not given
    #[arg(long, value_name = "DIR")]
    quarantine: Option<String>,
}

impl Repair {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let (fs, output) = (self.directory.open()?, context.output());
        let _lock = lock(&fs)?;
        let report = verify_shown(context, &fs).await?;
        if !self.yes {
            verify::print(&report, output)?;
            return verify::verdict(&report);
        }
        let quarantine = match &self.quarantine {
            None => (fs.clone(), "quarantine".to_owned()),
            Some(dir) => {
                let open = DiskFs::open(dir).map_err(|source| CliError::Input {
                    path: dir.clone(),
                    source,
                })?;
                (Arc::new(open) as Arc<dyn Fs>, String::new())
            }
        };
        let options = RepairOptions {
            accept_loss: self.accept_loss,
            quarantine,
        };
        let (disk, clock) = (fs.clone(), context.clock());
        let done = blocking(move || {
            let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (clock, Arc::new(OsEntropy));
            check::repair(&disk, &clock, &entropy, &report, &options)
        })
        .await?;
        let after = verify_shown(context, &fs).await?;
        if output.is_json() {
            let done = done
                .iter()
                .map(|step| json!({ "done": step.mend.to_string(), "copies": step.copies }));
            let left = after.problems.iter().map(verify::problem);
            output.json(&json!({
                "steps": done.collect::<Vec<_>>(),
                "clean": after.is_clean(),
                "problems": left.collect::<Vec<_>>(),
            }))?;
        } else {
            for step in &done {
                output.text(&format!("done: {}", step.mend))?;
                for copy in &step.copies {
                    output.text(&format!("      copied aside: {copy}"))?;
                }
            }
            verify::print(&after, output)?;
        }
        verify::verdict(&after)
    }
}
