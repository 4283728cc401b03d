//! Judges a history: `check-history FILE [--passes SUBSCRIPTION=TEXT]…`.
//!
//! `--passes` says that the events of a subscription are those whose id contains the text; every
//! other subscription of the history is taken to let everything pass.

#![allow(
    clippy::print_stdout,
    reason = "the verdict is what this program is for"
)]
#![allow(clippy::disallowed_methods, reason = "it reads the file it is given")]

use std::{collections::BTreeSet, env, error::Error, fs::File, io::BufReader, process::ExitCode};

use vanus_tests::{
    history::History,
    oracle::{Passes, judge},
};

const USAGE: &str = "check-history FILE [--passes SUBSCRIPTION=TEXT]…";
const MOST_SHOWN: usize = 50;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let file = arguments.next().ok_or(USAGE)?;
    let mut passes = Passes::default();
    let mut told = BTreeSet::new();
    while let Some(argument) = arguments.next() {
        let value = arguments.next().filter(|_| argument == "--passes");
        let value = value.ok_or(USAGE)?;
        let (sub, text) = value.split_once('=').ok_or(USAGE)?;
        let text = text.to_owned();
        passes = passes.subscription(sub, move |id| id.contains(&text));
        told.insert(sub.to_owned());
    }
    let history = History::read(BufReader::new(File::open(&file)?))?;
    let subs: BTreeSet<_> = history.deliveries().map(|(_, d)| d.sub.clone()).collect();
    for sub in subs.difference(&told) {
        passes = passes.subscription(sub, |_| true);
    }
    let verdict = judge(&history, &passes);
    for violation in verdict.violations.iter().take(MOST_SHOWN) {
        println!("{violation}");
    }
    let hidden = verdict.violations.len().saturating_sub(MOST_SHOWN);
    if hidden > 0 {
        println!("… and {hidden} more");
    }
    println!("history: {verdict}");
    let healthy = verdict.violations.is_empty();
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
