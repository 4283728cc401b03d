//! The simulation of timers: the real shards over the real store, in virtual time, on a disk that fails and a clock that lies.
//!
//! A run is a row of lives. In each, clients set, cancel, move and fire timers; wall clocks drift and jump; the shards are handed
//! over to a successor that has nothing but their eventlogs, while the owner before it may go on as if nothing had happened; and
//! the machine stops. What was acknowledged is judged by what is in the eventlogs in the end: nothing is lost, nothing fires
//! twice, nothing before its time and nothing much later (`judge`).
//!
//! Bugs are planted in what timers are given, not in their code, to show that the judge finds them (`bug`).
//!
//! | variable | what | default |
//! |---|---|---|
//! | `VANUS_SIM_SEEDS` | how many runs | 200 |
//! | `VANUS_SIM_FIRST` | the seed of the first | 1000 |
//! | `VANUS_SIM_MINUTES` | simulated minutes of each | 30 |

mod bound;
mod bug;
mod clients;
mod clock;
mod host;
mod judge;
mod life;
mod run;

use bug::Bug;
use run::{Figures, run};

/// Seeds within which a planted bug is found.
const WITHIN: u64 = 50;

fn number(name: &str, default: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "tests are told their size")]
    let told = std::env::var(name);
    told.ok().map_or(default, |told| told.parse().unwrap())
}

/// Runs so many seeds and adds up what they did.
fn runs(first: u64, count: u64, minutes: u64) -> Figures {
    let mut total = Figures::default();
    for seed in first..first + count {
        let (figures, violations) = run(seed, minutes, None);
        let shown = violations.iter().take(5).collect::<Vec<_>>();
        assert!(
            violations.is_empty(),
            "seed {seed}, {} violations: {shown:#?}",
            violations.len()
        );
        total.add(&figures);
    }
    total
}

#[test]
fn whatever_happens_each_timer_fires_once_and_in_time() {
    let total = runs(0, 12, 5);
    assert!(total.set > 1_000 && total.fired > 1_000, "{total:?}");
    assert!(
        total.crashes > 10 && total.handed_over > 10 && total.jumps > 10,
        "{total:?}"
    );
}

#[test]
fn planted_bugs_are_found() {
    for bug in Bug::ALL {
        let found = (0..WITHIN).find(|seed| !run(*seed, 5, Some(bug)).1.is_empty());
        println!("planted: {bug:?} found by seed {found:?}");
        assert!(found.is_some(), "{bug:?} was not found");
    }
}

#[test]
#[ignore = "takes minutes; tests/bars/time-4 runs it"]
fn long() {
    let (first, count) = (
        number("VANUS_SIM_FIRST", 1_000),
        number("VANUS_SIM_SEEDS", 200),
    );
    let total = runs(first, count, number("VANUS_SIM_MINUTES", 30));
    println!("sim: {total}");
}
