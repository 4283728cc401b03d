//! The simulation of one node, a little of it: the same seed repeats itself, nothing is found in the real store, and a
//! planted bug is found. The bar `storage-7` runs more.

use vanus_tests::sim::{Bug, Figures, invariants::judge, run};

/// Simulated time of each run, in milliseconds.
const LONG_MS: u64 = 60_000;

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let [once, again, other] = [1, 1, 2].map(|seed| run(seed, LONG_MS, None));
    assert_eq!(once.trace.fingerprint(), again.trace.fingerprint());
    assert_eq!(once.trace.entries(), again.trace.entries());
    assert_ne!(once.trace.fingerprint(), other.trace.fingerprint());
}

#[test]
fn crashes_and_disk_faults_break_no_promise() {
    let mut sum = Figures::default();
    for seed in 0..10 {
        let run = run(seed, LONG_MS, None);
        assert_eq!(judge(run.trace.entries()), [], "seed {seed}");
        sum.crashes += run.figures.crashes;
        sum.faults += run.figures.faults;
        sum.acknowledged += run.figures.acknowledged;
        sum.scrubbed += run.figures.scrubbed;
        assert_eq!(
            run.figures.scrub_damage, 0,
            "seed {seed}: whole segments were called damaged"
        );
    }
    assert!(sum.scrubbed >= 50, "{sum:?}");
    assert!(sum.crashes >= 10, "{sum:?}");
    assert!(sum.faults >= 50, "{sum:?}");
    assert!(sum.acknowledged >= 500, "{sum:?}");
}

#[test]
fn a_planted_bug_is_found() {
    for bug in [Bug::AckBeforeFsync, Bug::IgnoredChecksum] {
        let found =
            (0..20).any(|seed| !judge(run(seed, LONG_MS, Some(bug)).trace.entries()).is_empty());
        assert!(found, "{bug}");
    }
}
