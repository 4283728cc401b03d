//! A flip of every bit of a file of every kind.

use std::{collections::BTreeMap, sync::Mutex};

use super::{
    Slice, images,
    images::{Image, Outcome},
    in_shares,
};

/// Flips each bit of the slice and answers how many ended how.
fn sweep(image: &Image, slice: Slice) -> BTreeMap<String, u64> {
    let bits = image.len() * 8;
    let counted = Mutex::new(BTreeMap::new());
    in_shares(|share, shares| {
        let mut mine: BTreeMap<String, u64> = BTreeMap::new();
        // Bits of one byte go to different shares of a slice, so that each position of a bit is met.
        for bit in (share..bits).step_by(shares as usize) {
            if !image.is_structure(bit / 8) && !slice.has(bit) {
                continue;
            }
            if slice.stride > SPARSE && !slice.has(bit) {
                continue;
            }
            let outcome = image.judge(&image.flipped(bit), bit, &format!("bit {bit}"));
            *mine.entry(format!("{outcome:?}")).or_default() += 1;
        }
        let mut all = counted.lock().unwrap();
        for (outcome, count) in mine {
            *all.entry(outcome).or_default() += count;
        }
    });
    counted.into_inner().unwrap()
}

/// Beyond this stride even structural bytes are only sampled.
const SPARSE: u64 = 4000;

fn run(slice: Slice) {
    let mut tried = 0;
    for image in images::all() {
        let begun = super::now();
        let outcomes = sweep(&image, slice);
        tried += outcomes.values().sum::<u64>();
        println!(
            "bits of {} ({} bytes): {outcomes:?} in {:?}",
            image.name,
            image.len(),
            begun.elapsed()
        );
        assert!(!outcomes.is_empty());
    }
    println!("sweep: bits={tried} wrong=0");
}

#[test]
fn a_flipped_bit_is_detected_or_recovered_from() {
    run(Slice::of(4093));
}

#[test]
#[ignore = "run by tests/bars/storage-3"]
fn every_flipped_bit_is_detected_or_recovered_from() {
    run(Slice::asked());
}

#[test]
fn a_cut_last_frame_is_told_and_a_clean_store_has_no_doubts() {
    let image = images::all().remove(0);
    let clean = crate::common::try_open(&image.fs.fork(), image.options.clone()).unwrap();
    assert_eq!(clean.doubts(), []);
    // In the payload of the last frame: it can not be proven that it was acknowledged, but it is told.
    let damaged = image.flipped((14 * 4096 + 200) * 8);
    assert_eq!(image.judge(&damaged, 0, "last frame"), Outcome::Doubted);
    let again = crate::common::try_open(&damaged, image.options).unwrap();
    assert_eq!(again.doubts(), [], "it is told once, and cut");
}
