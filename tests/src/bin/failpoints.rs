//! Kills a store at every kind of call to the disk, again and again, and judges what is left.
//!
//! The store runs in a process of its own, this same program, and tells over a pipe what was
//! acknowledged. It dies during work, during recovery, and during recovery from that.

#![allow(clippy::print_stdout, reason = "progress and the figure are printed")]
#![allow(clippy::disallowed_methods, reason = "it tests a real disk")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, BufReader},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand, ValueEnum as _};
use vanus_tests::{
    failpoints::{Failpoint, Findings, Kind, When, judge, work},
    harness::{Random, Result},
    ledger::Ledger,
};

const SIGKILL: i32 = 9;
/// Who has not come to its failpoint by then is killed from outside.
const LIFE: Duration = Duration::from_secs(3);
/// After so many lives a new folder is begun.
const LIVES: u64 = 10;

/// Kills a store at every kind of call to the disk, again and again, and judges what is left.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Start workers that die
    Run(Run),
    /// Append until dead
    #[command(hide = true)]
    Work {
        #[arg(long)]
        folder: PathBuf,
        #[arg(long)]
        kind: Kind,
        #[arg(long)]
        nth: u64,
        #[arg(long)]
        when: When,
        #[arg(long)]
        seed: u64,
    },
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Where the data goes; must be empty or absent
    #[arg(long)]
    place: PathBuf,
    /// How often
    #[arg(long, default_value_t = 30)]
    kills: u64,
    /// From what the calls follow
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<ExitCode> {
    match Options::parse().role {
        Role::Run(run) => run.all(),
        Role::Work {
            folder,
            kind,
            nth,
            when,
            seed,
        } => {
            work(&folder, Failpoint::new(kind, nth, when), seed, io::stdout())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl Run {
    fn all(&self) -> Result<ExitCode> {
        let mut random = Random::new(self.seed);
        let (mut all, mut ledger) = (Findings::default(), Ledger::default());
        let mut reached = BTreeMap::<String, u64>::new();
        let folder = self.place.join("data");
        for number in 0..self.kills {
            if number % LIVES == 0 {
                let _ = fs::remove_dir_all(&folder);
                fs::create_dir_all(&folder)?;
                ledger = Ledger::default();
            }
            let (kind, name) = self.live(&folder, number, &mut random, &mut ledger)?;
            if kind {
                *reached.entry(name).or_default() += 1;
            }
            let last = number % LIVES == LIVES - 1 || number + 1 == self.kills;
            // Not every time, so that the next life begins with what this one left.
            if last || random.below(3) == 0 {
                let findings = judge(&folder, &ledger)?;
                if last {
                    all += findings;
                }
                if !findings.are_clean() {
                    println!("after kill {number}: {findings}");
                    all += findings;
                    break;
                }
            }
        }
        let died: u64 = reached.values().sum();
        let at: Vec<_> = reached
            .iter()
            .map(|(name, n)| format!("{name}={n}"))
            .collect();
        println!(
            "failpoints: kills={} at_failpoint={died} ({}) {all}",
            self.kills,
            at.join(" ")
        );
        let lively = all.acked > 0 && died * 2 > self.kills;
        Ok(if all.are_clean() && lively {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// One life; tells whether it ended at its failpoint, and at which.
    fn live(
        &self,
        folder: &Path,
        number: u64,
        random: &mut Random,
        ledger: &mut Ledger,
    ) -> Result<(bool, String)> {
        let kinds = Kind::ALL;
        let at = (number % kinds.len() as u64) as usize;
        let (kind, most) = kinds.get(at).copied().ok_or("no kind")?;
        let whens = When::value_variants();
        let when = whens
            .get(random.below(3) as usize)
            .copied()
            .ok_or("no moment")?;
        // Small numbers hit recovery, large ones work.
        let nth = 1 + match random.below(2) {
            0 => random.below(most / 5),
            _ => random.below(most),
        };
        let value = |value: Option<clap::builder::PossibleValue>| {
            value.map_or_else(String::new, |value| value.get_name().to_owned())
        };
        let kind = value(kind.to_possible_value());
        let mut process = Command::new(env::current_exe()?)
            .arg("work")
            .arg("--folder")
            .arg(folder)
            .args(["--kind", &kind, "--nth", &nth.to_string()])
            .args(["--when", &value(when.to_possible_value())])
            .args(["--seed", &number.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let told = process.stdout.take().ok_or("no pipe")?;
        let reader = thread::spawn(move || Ledger::read(BufReader::new(told), |_| {}));
        let begun = Instant::now();
        let by_itself = loop {
            if let Some(status) = process.try_wait()? {
                if status.signal() != Some(SIGKILL) {
                    return Err(format!("the worker ended with {status}").into());
                }
                break true;
            }
            if begun.elapsed() > LIFE {
                process.kill()?;
                process.wait()?;
                break false;
            }
            thread::sleep(Duration::from_millis(2));
        };
        let more = reader
            .join()
            .map_err(|_| "the reader of the pipe failed")??;
        ledger.events.extend(more.events);
        Ok((by_itself, kind))
    }
}
