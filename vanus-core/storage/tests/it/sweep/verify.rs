//! What the sweeps damage, given to `verify` before a store sees it: it tells of everything that the store does not get
//! over by itself.

use std::collections::BTreeMap;

use vanus_storage::{
    MemoryFs,
    check::{Severity, verify},
};

use super::{
    Slice, images,
    images::{Image, Outcome},
    in_shares,
};

/// Verifies, then opens and reads; answers how bad verify says it is, and what became of it.
fn try_one(image: &Image, damaged: &MemoryFs, damage: u64, case: &str) -> String {
    let report =
        verify(damaged, &mut |_| {}).unwrap_or_else(|e| panic!("{} {case}: {e}", image.name));
    let worst = report.problems.iter().map(|problem| problem.severity).max();
    let outcome = image.judge(damaged, damage, case);
    let enough = match outcome {
        Outcome::Recovered => None,
        Outcome::Doubted => Some(Severity::Doubt),
        Outcome::Refused | Outcome::ReadRefused => Some(Severity::Damage),
    };
    assert!(
        worst >= enough,
        "{} {case}: the store says {outcome:?}, verify {:?}",
        image.name,
        report.problems
    );
    if enough.is_some() {
        let named = report.problems.iter().any(|problem| {
            problem.file == image.path || image.path.starts_with(problem.file.as_str())
        });
        assert!(named, "{} {case}: {:?}", image.name, report.problems);
    }
    format!("{outcome:?}, verify says {worst:?}")
}

fn run(bits: Slice, lengths: Slice) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for image in images::all() {
        let clean = verify(&image.fs.fork(), &mut |_| {}).unwrap();
        assert!(clean.is_clean(), "{}: {:?}", image.name, clean.problems);
        let counted = parking_lot::Mutex::new(BTreeMap::<String, u64>::new());
        in_shares(|share, shares| {
            let add = |said: String| *counted.lock().entry(said).or_default() += 1;
            for bit in (share..image.len() * 8).step_by(shares as usize) {
                if bits.has(bit) {
                    add(try_one(
                        &image,
                        &image.flipped(bit),
                        bit,
                        &format!("bit {bit}"),
                    ));
                }
            }
            for len in (share..image.len()).step_by(shares as usize) {
                if lengths.has(len) {
                    add(try_one(
                        &image,
                        &image.cut(len),
                        len * 8,
                        &format!("cut to {len}"),
                    ));
                }
            }
        });
        let outcomes = counted.into_inner();
        println!("verify of {}: {outcomes:?}", image.name);
        for (said, count) in outcomes {
            *all.entry(said).or_default() += count;
        }
    }
    all
}

#[test]
fn verify_tells_of_every_damage_that_the_store_does_not_get_over() {
    let all = run(Slice::of(1499), Slice::of(701));
    // Each way a store can answer was met, or nothing was proven.
    for outcome in [
        Outcome::Recovered,
        Outcome::Doubted,
        Outcome::Refused,
        Outcome::ReadRefused,
    ] {
        let name = format!("{outcome:?}");
        assert!(
            all.keys().any(|said| said.starts_with(&name)),
            "{name}: {all:?}"
        );
    }
}

#[test]
#[ignore = "run by tests/bars/storage-3"]
fn verify_tells_of_any_damage_that_the_store_does_not_get_over() {
    let all = run(Slice::asked(), Slice::asked());
    println!("sweep: verified={} wrong=0", all.values().sum::<u64>());
}
