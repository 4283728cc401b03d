//! Runs the simulation of one node: `sim seeds`, `sim hours`, `sim planted`, `sim show`.
//!
//! Every figure comes from the runs themselves; the last line says it all, and the exit code whether it is enough.

#![allow(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]

use std::{collections::BTreeMap, process::ExitCode, time::Instant};

use clap::{Parser, Subcommand};
use vanus_tests::{
    oracle::Violation,
    sim::{Bug, Figures, Run, invariants::judge, run},
};

const HOUR_MS: u64 = 3_600_000;
/// What an hour has to hold.
const LEAST_CRASHES: u64 = 60;
const LEAST_FAULTS: u64 = 1_000;
const MOST_SHOWN: usize = 10;

/// The simulation of one node.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Runs short simulations twice and compares their traces.
    Seeds {
        /// How many.
        #[arg(long, default_value_t = 60)]
        number: u64,
        /// The first one.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// Simulated seconds of each.
        #[arg(long, default_value_t = 120)]
        seconds: u64,
    },
    /// Runs simulations of one hour each.
    Hours {
        /// How many.
        #[arg(long, default_value_t = 2)]
        number: u64,
        /// The first seed.
        #[arg(long, default_value_t = 1_000_000)]
        first: u64,
    },
    /// Plants every bug and looks for the first seed that finds it.
    Planted {
        /// Only this one.
        #[arg(long)]
        bug: Option<Bug>,
        /// Seeds that may be used for each.
        #[arg(long, default_value_t = 500)]
        within: u64,
        /// Simulated seconds of each.
        #[arg(long, default_value_t = 120)]
        seconds: u64,
    },
    /// Prints the trace of a seed and what is wrong with it.
    Show {
        /// The seed.
        seed: u64,
        /// Simulated seconds.
        #[arg(long, default_value_t = 120)]
        seconds: u64,
        /// A planted bug.
        #[arg(long)]
        bug: Option<Bug>,
    },
}

/// What several runs did.
#[derive(Debug, Default)]
struct Total {
    runs: u64,
    figures: Figures,
    least_crashes: Option<u64>,
    least_faults: Option<u64>,
    violations: u64,
}

impl Total {
    fn add(&mut self, seed: u64, run: &Run) {
        let (sum, figures) = (&mut self.figures, run.figures);
        sum.simulated_ms += figures.simulated_ms;
        sum.operations += figures.operations;
        sum.acknowledged += figures.acknowledged;
        sum.crashes += figures.crashes;
        sum.faults += figures.faults;
        sum.opened += figures.opened;
        let least = |known: Option<u64>, now| Some(known.map_or(now, |known| known.min(now)));
        self.least_crashes = least(self.least_crashes, figures.crashes);
        self.least_faults = least(self.least_faults, figures.faults);
        self.runs += 1;
        let violations = judge(run.trace.entries());
        self.violations += violations.len() as u64;
        show(seed, &violations);
    }

    fn text(&self) -> String {
        format!(
            "{:.2} hours, {} operations, {} acknowledged, {} openings, {} crashes, {} disk faults, {} violations",
            self.figures.simulated_ms as f64 / HOUR_MS as f64,
            self.figures.operations,
            self.figures.acknowledged,
            self.figures.opened,
            self.figures.crashes,
            self.figures.faults,
            self.violations
        )
    }
}

fn show(seed: u64, violations: &[Violation]) {
    for violation in violations.iter().take(MOST_SHOWN) {
        println!("seed {seed}: {violation}");
    }
}

fn seeds(first: u64, number: u64, seconds: u64) -> bool {
    let mut total = Total::default();
    let mut different = 0;
    for seed in first..first + number {
        let once = run(seed, seconds * 1_000, None);
        total.add(seed, &once);
        let again = run(seed, seconds * 1_000, None);
        if once.trace.fingerprint() != again.trace.fingerprint() {
            different += 1;
            println!("seed {seed}: another trace the second time");
        }
    }
    let text = total.text();
    println!("seeds: {number} run twice, {different} traces differ; {text}");
    different == 0 && total.violations == 0
}

fn hours(first: u64, number: u64) -> bool {
    let mut total = Total::default();
    for seed in first..first + number {
        let hour = run(seed, HOUR_MS, None);
        total.add(seed, &hour);
        if total.runs % 10 == 0 {
            println!("{}", total.text());
        }
    }
    let (crashes, faults) = (
        total.least_crashes.unwrap_or(0),
        total.least_faults.unwrap_or(0),
    );
    let text = total.text();
    println!("hours: {text}; at least {crashes} crashes and {faults} disk faults in each hour");
    total.violations == 0 && crashes >= LEAST_CRASHES && faults >= LEAST_FAULTS
}

fn planted(only: Option<Bug>, within: u64, seconds: u64) -> bool {
    let (mut found, mut late) = (BTreeMap::new(), 0);
    for bug in Bug::ALL
        .into_iter()
        .filter(|bug| only.is_none_or(|only| only == *bug))
    {
        let first = (0..within).find_map(|seed| {
            let violations = judge(run(seed, seconds * 1_000, Some(bug)).trace.entries());
            let violation = violations.into_iter().next()?;
            Some((seed, violation))
        });
        if let Some((seed, violation)) = first {
            println!("{bug}: found by seed {seed}, {violation}");
            found.insert(bug, seed + 1);
        } else {
            println!("{bug}: not found by {within} seeds");
            late += 1;
        }
    }
    let most = found.values().max().copied().unwrap_or(0);
    let number = found.len();
    println!("planted: {number} bugs found, each within {most} seeds, {late} not found");
    late == 0
}

fn show_seed(seed: u64, seconds: u64, bug: Option<Bug>) -> bool {
    let run = run(seed, seconds * 1_000, bug);
    for (line, entry) in run.trace.entries().iter().enumerate() {
        println!("{line}: {entry:?}");
    }
    let violations = judge(run.trace.entries());
    show(seed, &violations);
    println!("{:?}, {:016x}", run.figures, run.trace.fingerprint());
    violations.is_empty()
}

#[allow(
    clippy::disallowed_methods,
    reason = "how long the runs take is told beside what they found"
)]
fn main() -> ExitCode {
    let begun = Instant::now();
    let good = match Arguments::parse().work {
        Work::Seeds {
            number,
            first,
            seconds,
        } => seeds(first, number, seconds),
        Work::Hours { number, first } => hours(first, number),
        Work::Planted {
            bug,
            within,
            seconds,
        } => planted(bug, within, seconds),
        Work::Show { seed, seconds, bug } => show_seed(seed, seconds, bug),
    };
    println!("took {:.0} s", begun.elapsed().as_secs_f64());
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
