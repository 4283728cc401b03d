//! Fuzzes the decoders: `fuzz run --target NAME --seconds N`, `fuzz replay`, and `fuzz corpus`, which makes the corpus.

#![allow(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use vanus_tests::fuzz::{Failure, Figures, TARGETS, Target, fuzz, make_corpus, replay};

#[derive(Debug, Parser)]
struct Arguments {
    /// The corpus: a folder for each target.
    #[arg(long, global = true, default_value = "tests/corpus")]
    corpus: PathBuf,
    /// The target; all if it is not given.
    #[arg(long, global = true)]
    target: Option<String>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Tries mutations of the corpus.
    Run {
        /// Seconds for each target.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// The same seed gives the same inputs.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Where an input that does harm is kept.
        #[arg(long, default_value = "fuzz-crashes")]
        crashes: PathBuf,
    },
    /// Tries the corpus as it is.
    Replay,
    /// Makes the corpus anew.
    Corpus,
}

fn one(target: &Target, arguments: &Arguments) -> Result<Figures, Failure> {
    let corpus = &arguments.corpus;
    match &arguments.task {
        Task::Run {
            seconds,
            seed,
            crashes,
        } => fuzz(
            target,
            corpus,
            crashes,
            *seed,
            Duration::from_secs(*seconds),
        ),
        Task::Replay => replay(target, corpus),
        Task::Corpus => {
            make_corpus(target, corpus).map_err(|e| Failure {
                what: e.to_string(),
                kept: None,
            })?;
            replay(target, corpus)
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let wanted = |target: &&Target| {
        let name = arguments.target.as_ref();
        name.is_none_or(|name| name == target.name)
    };
    let mut ran = false;
    for target in TARGETS.iter().filter(wanted) {
        ran = true;
        match one(target, &arguments) {
            Ok(Figures {
                tried,
                taken,
                memory,
                slowest,
            }) => {
                let name = target.name;
                print!("fuzz: target={name} tried={tried} taken={taken} most_bytes={memory}");
                if target.evaluation.is_some() {
                    print!(" slowest_us={}", slowest.as_micros());
                }
                println!();
            }
            Err(Failure { what, kept }) => {
                println!(
                    "fuzz: target={} failed: {what}; input: {kept:?}",
                    target.name
                );
                return ExitCode::FAILURE;
            }
        }
    }
    if ran {
        ExitCode::SUCCESS
    } else {
        println!("fuzz: no such target");
        ExitCode::FAILURE
    }
}
