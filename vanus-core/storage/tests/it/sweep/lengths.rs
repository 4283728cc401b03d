//! A file of every kind, cut to every length.

use std::{collections::BTreeMap, sync::Mutex};

use super::{Slice, images, in_shares};

fn run(slice: Slice) {
    let mut tried = 0;
    for image in images::all() {
        let counted = Mutex::new(BTreeMap::<String, u64>::new());
        in_shares(|share, shares| {
            for len in (share..image.len()).step_by(shares as usize) {
                let edge = len % 4096 < 2 || len % 4096 == 4095;
                if slice.has(len) || (edge && slice.stride < 4096) {
                    let outcome = image.judge(&image.cut(len), len * 8, &format!("cut to {len}"));
                    let mut counted = counted.lock().unwrap();
                    *counted.entry(format!("{outcome:?}")).or_default() += 1;
                }
            }
        });
        let outcomes = counted.into_inner().unwrap();
        tried += outcomes.values().sum::<u64>();
        println!(
            "lengths of {} ({} bytes): {outcomes:?}",
            image.name,
            image.len()
        );
    }
    println!("sweep: lengths={tried} wrong=0");
}

#[test]
fn a_file_cut_short_is_detected_or_recovered_from() {
    run(Slice::of(1021));
}

#[test]
#[ignore = "run by tests/bars/storage-3"]
fn a_file_cut_to_any_length_is_detected_or_recovered_from() {
    run(Slice::asked());
}
