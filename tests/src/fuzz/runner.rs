//! Runs a target: over its corpus, or over mutations of it for a time.

use std::{
    fs,
    os::unix::fs::FileExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{Target, mutate::mutate};
use crate::harness::Random;

/// Inputs kept to be mutated further.
const MOST_KEPT: usize = 512;

/// How often an evaluation is timed before it counts as slow.
const TIMINGS: u32 = 5;

/// What was tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Inputs.
    pub tried: u64,
    /// Inputs the decoder took.
    pub taken: u64,
    /// The most bytes it held at once.
    pub memory: u64,
    /// The longest evaluation of an expression.
    pub slowest: Duration,
}

/// An input that does harm.
#[derive(Debug)]
pub struct Failure {
    /// What happened.
    pub what: String,
    /// Where the input was kept.
    pub kept: Option<PathBuf>,
}

fn failure(what: impl std::fmt::Display) -> Failure {
    let what = what.to_string();
    Failure { what, kept: None }
}

/// Writes the seeds of a target into its folder of the corpus; what was found and put there stays.
///
/// # Errors
/// What the disk says.
pub fn make_corpus(target: &Target, corpus: &Path) -> std::io::Result<usize> {
    let folder = corpus.join(target.name);
    fs::create_dir_all(&folder)?;
    let seeds = (target.seeds)();
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("{number:02}.bin")), seed)?;
    }
    Ok(seeds.len())
}

fn read_corpus(target: &Target, corpus: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let folder = corpus.join(target.name);
    let listed = fs::read_dir(&folder).map_err(failure)?;
    let mut paths: Vec<PathBuf> = listed
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failure)?;
    paths.sort();
    if paths.is_empty() {
        return Err(failure(format!("{} is empty", folder.display())));
    }
    let read = |path: PathBuf| fs::read(&path).map(|bytes| (path, bytes)).map_err(failure);
    paths.into_iter().map(read).collect()
}

/// Feeds one input to the target and looks at what it did.
fn try_one(target: &Target, input: &[u8], figures: &mut Figures) -> Result<bool, String> {
    let mut answer = Ok(false);
    let measured = allocation_counter::measure(|| {
        answer = catch_unwind(AssertUnwindSafe(|| (target.run)(input)))
            .unwrap_or_else(|_| Err("it panicked".to_owned()));
    });
    let memory = measured.bytes_max;
    figures.tried += 1;
    figures.memory = figures.memory.max(memory);
    let taken = answer?;
    figures.taken += u64::from(taken);
    if taken {
        time_one(target, input, figures);
    }
    let most = (target.memory)(input.len());
    if memory > most {
        return Err(format!("it held {memory} bytes, at most {most} are right"));
    }
    Ok(taken)
}

/// Times the evaluation of an expression. One that seems slow is timed again and again: the system may have held it up.
fn time_one(target: &Target, input: &[u8], figures: &mut Figures) {
    let Some(evaluation) = target.evaluation else {
        return;
    };
    let mut least = Duration::MAX;
    for _ in 0..TIMINGS {
        least = least.min(evaluation(input).unwrap_or_default());
        if least <= figures.slowest {
            return;
        }
    }
    figures.slowest = least;
}

/// Feeds the whole corpus to the target.
///
/// # Errors
/// The first input that does harm.
pub fn replay(target: &Target, corpus: &Path) -> Result<Figures, Failure> {
    let mut figures = Figures::default();
    for (path, input) in read_corpus(target, corpus)? {
        try_one(target, &input, &mut figures).map_err(|what| Failure {
            what,
            kept: Some(path),
        })?;
    }
    Ok(figures)
}

/// Feeds mutations of the corpus to the target for `time`; the same seed gives the same inputs. An input that does harm
/// is kept in `crashes`, also if it ends the process: before each try it is written to `NAME.current` there.
///
/// # Errors
/// The first input that does harm.
pub fn fuzz(
    target: &Target,
    corpus: &Path,
    crashes: &Path,
    seed: u64,
    time: Duration,
) -> Result<Figures, Failure> {
    let mut pool: Vec<Vec<u8>> = read_corpus(target, corpus)?
        .into_iter()
        .map(|(_, input)| input)
        .collect();
    let kept = pool.len();
    fs::create_dir_all(crashes).map_err(failure)?;
    let current = crashes.join(format!("{}.current", target.name));
    // Kept open: some file systems sync a file that is closed after it was cut.
    let current_file = fs::File::create(&current).map_err(failure)?;
    let mut random = Random::named(seed, target.name);
    let mut figures = Figures::default();
    let begun = Instant::now();
    while begun.elapsed() < time {
        let mut pick = || pool.get(random.below(pool.len() as u64) as usize).cloned();
        let (Some(mut input), Some(other)) = (pick(), pick()) else {
            break;
        };
        mutate(&mut input, &other, &mut random);
        if random.below(8) > 0 {
            (target.mend)(&mut input);
        }
        current_file.set_len(0).map_err(failure)?;
        current_file.write_all_at(&input, 0).map_err(failure)?;
        match try_one(target, &input, &mut figures) {
            Ok(true) if pool.len() < MOST_KEPT => pool.push(input),
            Ok(true) => {
                // The corpus itself stays.
                let old = random.between(kept as u64, MOST_KEPT as u64) as usize;
                if let Some(old) = pool.get_mut(old) {
                    *old = input;
                }
            }
            Ok(false) => {}
            Err(what) => {
                let name = format!("{}-{seed}-{}.crash", target.name, figures.tried);
                let path = crashes.join(name);
                fs::write(&path, &input).map_err(failure)?;
                return Err(Failure {
                    what,
                    kept: Some(path),
                });
            }
        }
    }
    fs::remove_file(&current).map_err(failure)?;
    Ok(figures)
}
