//! `vsctl store verify`.

use serde_json::{Value, json};
use vanus_storage::check::{Problem, Report, Severity};
use vanus_types::{ErrorCode, Fault};

use super::{Directory, lock, verify_shown};
use crate::{context::Context, error::CliError, human, output::Output};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl store verify /var/lib/vanus
  vsctl store verify /var/lib/vanus --format json

Ends with 0 if nothing is damaged; what a kill or a loss of power leaves is told of as a note. Ends with 1 if anything else
is found, or a daemon has the directory (V9516).";

pub(super) async fn run(directory: &Directory, context: &Context) -> Result<(), CliError> {
    let fs = directory.open()?;
    let _lock = lock(&fs)?;
    let report = verify_shown(context, &fs).await?;
    print(&report, context.output())?;
    verdict(&report)
}

/// An error unless the report is clean.
pub(super) fn verdict(report: &Report) -> Result<(), CliError> {
    if report.is_clean() {
        return Ok(());
    }
    let problems = report.problems.iter();
    let count = problems.filter(|p| p.severity != Severity::Note).count();
    let said = format!("{count} problems; `vsctl store repair DIR` tells what can be done");
    Err(CliError::Engine(Fault::new(ErrorCode::CorruptData, said)))
}

pub(super) fn problem(problem: &Problem) -> Value {
    json!({
        "severity": problem.severity.to_string(),
        "file": problem.file,
        "position": problem.position,
        "what": problem.what,
        "lost": problem.loss,
        "repair": problem.mend.to_string(),
        "needs_accept_loss": problem.mend.loses(),
    })
}

pub(super) fn print(report: &Report, output: &Output) -> Result<(), CliError> {
    if output.is_json() {
        let problems: Vec<Value> = report.problems.iter().map(problem).collect();
        return output.json(&json!({
            "clean": report.is_clean(),
            "eventlogs": report.eventlogs,
            "segments": report.segments,
            "batches": report.batches,
            "events": report.events,
            "segment_bytes": report.bytes,
            "metadata_files": report.meta_files,
            "problems": problems,
        }));
    }
    for problem in &report.problems {
        output.text(&format!(
            "{:<8}  {}, position {}: {}\n          lost:   {}\n          repair: {}",
            problem.severity.to_string(),
            crate::output::clean(&problem.file),
            problem.position,
            problem.what,
            problem.loss,
            problem.mend,
        ))?;
    }
    output.text(&format!(
        "{} eventlogs, {} segments, {} events, {}; {} files of the metadata were read and not judged",
        report.eventlogs,
        report.segments,
        report.events,
        human::bytes(report.bytes),
        report.meta_files,
    ))
}
