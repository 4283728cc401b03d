//! `vsctl store inspect`.

use clap::Args;
use serde_json::{Value, json};
use vanus_storage::check::{self, BatchInfo, EventlogInfo, Overview, SegmentFile};
use vanus_types::{ErrorCode, EventlogId, Fault};

use super::{Directory, blocking, lock};
use crate::{context::Context, error::CliError, human, output::Output};

/// Most batches that are listed; more are told of by their number.
const MOST_BATCHES: usize = 100_000;

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl store inspect /var/lib/vanus
  vsctl store inspect /var/lib/vanus --eventlog 000000000000000A --batches
  vsctl store inspect /var/lib/vanus --format json";

/// What to describe.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    directory: Directory,
    /// Only this eventlog, with its segments
    #[arg(long, value_name = "ID")]
    eventlog: Option<EventlogId>,
    /// Also the batches of the eventlog
    #[arg(long, requires = "eventlog")]
    batches: bool,
}

impl Inspect {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let fs = self.directory.open()?;
        let _lock = lock(&fs)?;
        let output = context.output();
        let disk = fs.clone();
        let overview = blocking(move || check::inspect(disk.as_ref())).await?;
        let Some(id) = self.eventlog else {
            return print(&overview, output);
        };
        let log = overview.eventlogs.into_iter().find(|log| log.id == id);
        let log = log.ok_or_else(|| {
            let said = format!("eventlog {id} has no files here");
            CliError::Engine(Fault::new(ErrorCode::EventlogNotFound, said))
        })?;
        let mut batches = Vec::new();
        if self.batches {
            let disk = fs.clone();
            batches = blocking(move || {
                let mut listed = Vec::new();
                check::batches(disk.as_ref(), id, &mut |batch| {
                    if listed.len() < MOST_BATCHES {
                        listed.push(batch);
                    }
                })?;
                Ok(listed)
            })
            .await?;
            if batches.len() == MOST_BATCHES {
                output.note(&format!("only the first {MOST_BATCHES} batches are listed"));
            }
        }
        one(&log, &batches, output)
    }
}

fn id_of(overview: &Overview) -> Option<String> {
    let hex = |id: [u8; 16]| id.iter().map(|byte| format!("{byte:02x}")).collect();
    overview.id.map(hex)
}

fn range(sequence: Option<(u64, u64)>) -> String {
    sequence.map_or_else(|| "-".to_owned(), |(from, to)| format!("{from} to {to}"))
}

fn print(overview: &Overview, output: &Output) -> Result<(), CliError> {
    if output.is_json() {
        let wal = overview.wal.iter().map(|file| {
            json!({
                "file": file.path,
                "bytes": file.bytes,
                "frames": file.frames,
                "first_sequence": file.sequence.map(|(first, _)| first),
                "last_sequence": file.sequence.map(|(_, last)| last),
            })
        });
        return output.json(&json!({
            "store_id": id_of(overview),
            "checkpoint": overview.checkpoint,
            "metadata": overview.metadata,
            "wal": wal.collect::<Vec<_>>(),
            "eventlogs": overview.eventlogs.iter().map(log_json).collect::<Vec<_>>(),
        }));
    }
    let damaged = || "missing or damaged".to_owned();
    output.one(&(), || {
        let checkpoint = overview.checkpoint.map(|lsn| format!("frame {lsn}"));
        vec![
            ("Store", id_of(overview).unwrap_or_else(damaged)),
            ("Checkpoint", checkpoint.unwrap_or_else(damaged)),
            (
                "Metadata",
                if overview.metadata {
                    "there"
                } else {
                    "missing"
                }
                .to_owned(),
            ),
        ]
    })?;
    output.text("\n")?;
    let wal = overview.wal.iter().map(|file| {
        let (bytes, frames) = (human::bytes(file.bytes), file.frames.to_string());
        vec![file.path.clone(), bytes, frames, range(file.sequence)]
    });
    output.rows(&["WRITE-AHEAD LOG", "SIZE", "FRAMES", "SEQUENCE"], wal)?;
    output.text("\n")?;
    let logs = overview.eventlogs.iter().map(|log| {
        let first = log.segments.first();
        let last = log.segments.last();
        vec![
            log.id.to_string(),
            first.map_or_else(|| "-".to_owned(), |s| s.base_offset.to_string()),
            last.map_or_else(|| "-".to_owned(), |s| s.end_offset.to_string()),
            log.segments.len().to_string(),
            human::bytes(log.segments.iter().map(|s| s.bytes).sum()),
            human::time(first.and_then(|s| s.first_time_ms)),
            human::time(last.and_then(|s| s.last_time_ms)),
        ]
    });
    let columns = [
        "EVENTLOG", "START", "END", "SEGMENTS", "SIZE", "FIRST", "LAST",
    ];
    output.rows(&columns, logs)
}

fn segment_json(segment: &SegmentFile) -> Value {
    json!({
        "base_offset": segment.base_offset,
        "end_offset": segment.end_offset,
        "bytes": segment.bytes,
        "sealed": segment.sealed,
        "first_time_ms": segment.first_time_ms,
        "last_time_ms": segment.last_time_ms,
        "lost": segment.lost,
    })
}

fn log_json(log: &EventlogInfo) -> Value {
    json!({
        "id": log.id.to_string(),
        "producers": log.producers.map(|(count, _)| count),
        "producers_offset": log.producers.map(|(_, offset)| offset),
        "segments": log.segments.iter().map(segment_json).collect::<Vec<_>>(),
    })
}

fn one(log: &EventlogInfo, batches: &[BatchInfo], output: &Output) -> Result<(), CliError> {
    if output.is_json() {
        let batches = batches.iter().map(|batch| {
            json!({
                "segment": batch.segment,
                "position": batch.position,
                "offset": batch.header.base_offset,
                "events": batch.header.count,
                "bytes": batch.header.batch_len(),
                "append_time_ms": batch.header.append_time_ms,
            })
        });
        let mut value = log_json(log);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("batches".to_owned(), batches.collect());
        }
        return output.json(&value);
    }
    let segments = log.segments.iter().map(|segment| {
        vec![
            segment.base_offset.to_string(),
            (segment.end_offset - segment.base_offset).to_string(),
            human::bytes(segment.bytes),
            if segment.sealed { "yes" } else { "no" }.to_owned(),
            segment.lost.to_string(),
            human::time(segment.first_time_ms),
            human::time(segment.last_time_ms),
        ]
    });
    let columns = [
        "SEGMENT", "EVENTS", "SIZE", "SEALED", "LOST", "FIRST", "LAST",
    ];
    output.rows(&columns, segments)?;
    if batches.is_empty() {
        return Ok(());
    }
    output.text("\n")?;
    let rows = batches.iter().map(|batch| {
        let header = &batch.header;
        vec![
            batch.segment.to_string(),
            batch.position.to_string(),
            header.base_offset.to_string(),
            header.count.to_string(),
            human::bytes(header.batch_len() as u64),
            human::time(Some(header.append_time_ms)),
        ]
    });
    let columns = [
        "SEGMENT", "POSITION", "OFFSET", "EVENTS", "SIZE", "APPENDED",
    ];
    output.rows(&columns, rows)
}
