//! Fuzzing of everything that reads bytes from a disk or a network, and of the expressions people write: one target per
//! file, the mutator and the runner.
//!
//! The runner has no coverage feedback. What makes up for some of it: inputs begin as valid files from `tests/corpus`,
//! those a target takes are mutated further, and checksums are mended after most mutations, so that what lies behind
//! them is reached.

pub mod cel;
pub mod cesql;
pub mod frame;
pub mod http;
pub mod index;
mod mend;
mod mutate;
pub mod path;
pub mod record;
mod runner;
pub mod segment;
mod store;
pub mod template;
pub mod transform;
pub mod wal;

use std::time::{Duration, Instant};

use vanus_types::Event;

pub use self::runner::{Failure, Figures, fuzz, make_corpus, replay};

/// How long the expression takes that is the input; nothing if it is none.
pub type Evaluation = fn(&[u8]) -> Option<Duration>;

/// One decoder under attack.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Valid inputs, from which the corpus is made.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Makes checksums right again.
    pub mend: fn(&mut [u8]),
    /// Feeds an input to the decoder: whether it was taken, or what is wrong with that.
    pub run: fn(&[u8]) -> Result<bool, String>,
    /// The most bytes the decoder may hold at once for an input of a length.
    pub memory: fn(usize) -> u64,
    /// For expressions: how long evaluating one takes with the event that takes longest.
    pub evaluation: Option<Evaluation>,
}

/// All targets.
pub const TARGETS: [Target; 11] = [
    record::TARGET,
    wal::TARGET,
    segment::TARGET,
    index::TARGET,
    frame::TARGET,
    http::TARGET,
    cesql::TARGET,
    cel::TARGET,
    path::TARGET,
    template::TARGET,
    transform::TARGET,
];

/// A few times the input, and a little more.
fn in_proportion(len: usize) -> u64 {
    256 * 1024 + 64 * len as u64
}

/// How long `evaluate` takes with the event that takes longest.
fn slowest(evaluate: impl Fn(&Event)) -> Option<Duration> {
    let one = |event: Event| {
        let begun = Instant::now();
        evaluate(&event);
        begun.elapsed()
    };
    record::events().into_iter().map(one).max()
}

/// An error unless both are the same.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, a: &T, b: &T) -> Result<(), String> {
    if a == b {
        return Ok(());
    }
    Err(format!("{what}: {a:?} became {b:?}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn corpus() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
    }

    #[test]
    fn the_corpus_replays() {
        for target in &TARGETS {
            let figures = replay(target, &corpus()).unwrap();
            assert!(figures.taken >= 2, "{}: {figures:?}", target.name);
        }
    }

    #[test]
    fn mending_leaves_valid_inputs_as_they_are() {
        for target in &TARGETS {
            for seed in (target.seeds)() {
                let mut mended = seed.clone();
                (target.mend)(&mut mended);
                assert!(mended == seed, "{}", target.name);
            }
        }
    }

    #[test]
    fn each_target_finds_nothing_in_a_moment() {
        let place = tempfile::tempdir().unwrap();
        for target in &TARGETS {
            let time = Duration::from_millis(300);
            let figures = fuzz(target, &corpus(), place.path(), 1, time).unwrap();
            assert!(figures.tried > 5 && figures.taken > 0, "{figures:?}");
        }
    }

    #[test]
    fn a_panic_a_wrong_answer_and_too_much_memory_are_found_and_kept() {
        fn panics(input: &[u8]) -> Result<bool, String> {
            assert!(input.len() < 20, "planted");
            Ok(true)
        }
        fn lies(input: &[u8]) -> Result<bool, String> {
            same("length", &input.len().min(20), &input.len()).map(|()| true)
        }
        fn hoards(input: &[u8]) -> Result<bool, String> {
            Ok(vec![1_u8; 1 << (10 + input.len().min(20))].len() > 1)
        }
        for run in [panics, lies, hoards] {
            let place = tempfile::tempdir().unwrap();
            let target = Target {
                name: "planted",
                seeds: || vec![vec![1; 10]],
                mend: |_| {},
                run,
                memory: |_| 1 << 20,
                evaluation: None,
            };
            make_corpus(&target, place.path()).unwrap();
            let time = Duration::from_secs(20);
            let failure = fuzz(&target, place.path(), place.path(), 1, time).unwrap_err();
            let kept = std::fs::read(failure.kept.unwrap()).unwrap();
            assert!(kept.len() > 10);
        }
    }
}
