//! `vsctl bench disk`.

use std::io;

use clap::Args;
use vanus_storage::fs::{File, read_full_at, write_all_at};
use vanus_types::Clock;

use super::{
    Common,
    raw::{self, Most, ScratchFile},
    report::{Report, Row},
    scratch,
    stop::Stop,
};
use crate::{context::Context, error::CliError};

/// Bytes of one sequential write or read.
const BLOCK: usize = 1024 * 1024;

/// How long one kind of write is measured at most, in nanoseconds.
const LONGEST_NS: u64 = 30_000_000_000;

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl bench disk
  vsctl bench disk --dir /var/lib/vanus --json
  vsctl bench disk --writes 200 --sequential-mib 64";

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Disk {
    #[command(flatten)]
    common: Common,
    /// A folder on the disk; files made there are removed
    #[arg(long, default_value = ".")]
    dir: String,
    /// How many small writes are synced, of each kind
    #[arg(long, default_value_t = 2_000, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    writes: u32,
    /// How much is written and read sequentially, in MiB
    #[arg(long, default_value_t = 1_024, value_name = "MIB")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=65_536))]
    sequential_mib: u32,
}

impl Disk {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output().or_json(self.common.json);
        let (mut report, stop) = (Report::new("disk", context), Stop::on_interrupt());
        let (clock, name) = (context.clock(), scratch::unique(context.entropy()));
        let (path, asked) = (self.dir.clone(), stop.clone());
        let measuring = tokio::task::spawn_blocking(move || {
            let scratch = ScratchFile::make(&self.dir, &name).map_err(|source| CliError::Disk {
                path: self.dir.clone(),
                source,
            })?;
            self.measure(scratch.file.as_ref(), clock.as_ref(), &asked)
        });
        let rows = measuring
            .await
            .map_err(|error| CliError::Bench(error.to_string()))?;
        let rows = rows.map_err(|error| match error {
            CliError::Disk { source, .. } => CliError::Disk { path, source },
            other => other,
        })?;
        rows.into_iter().for_each(|row| report.add(row));
        report.interrupted = stop.is_asked();
        report.print(&output)
    }

    fn measure(
        &self,
        file: &dyn File,
        clock: &dyn Clock,
        stop: &Stop,
    ) -> Result<Vec<Row>, CliError> {
        let writes = self.writes as usize;
        let most = |times| Most {
            times,
            ns: LONGEST_NS,
        };
        let mut rows = Vec::new();
        for (len, times) in [
            (4 * 1024, writes),
            (64 * 1024, writes),
            (BLOCK, writes / 4 + 1),
        ] {
            rows.push(raw::overwrite_and_sync(
                file,
                clock,
                len,
                most(times),
                stop,
            )?);
            rows.push(raw::append_and_sync(file, clock, len, most(times), stop)?);
            if stop.is_asked() {
                return Ok(rows);
            }
        }
        let sequential = self.sequential(file, clock, stop);
        let failed = |source| CliError::Disk {
            path: self.dir.clone(),
            source,
        };
        rows.extend(sequential.map_err(failed)?);
        Ok(rows)
    }

    /// Writes and reads without syncing: what the page cache does.
    fn sequential(&self, file: &dyn File, clock: &dyn Clock, stop: &Stop) -> io::Result<[Row; 2]> {
        let mut block = vec![0x33; BLOCK];
        file.set_len(0)?;
        let row = |name: &str| Row {
            payload_bytes: Some(BLOCK),
            ..Row::named(name)
        };
        let places = (0..u64::from(self.sequential_mib)).map(|turn| turn * BLOCK as u64);
        let (begin, mut written) = (clock.monotonic_ns(), 0);
        for offset in places.take_while(|_| !stop.is_asked()) {
            write_all_at(file, &block, offset)?;
            written += 1;
        }
        let writing = row("write into the page cache").rate(written, clock.monotonic_ns() - begin);
        let begin = clock.monotonic_ns();
        for turn in 0..written {
            read_full_at(file, &mut block, turn * BLOCK as u64)?;
        }
        std::hint::black_box(&block);
        let reading = row("read from the page cache").rate(written, clock.monotonic_ns() - begin);
        Ok([writing, reading])
    }
}
