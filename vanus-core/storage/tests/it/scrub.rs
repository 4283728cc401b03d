//! The scrub: what it finds, how fast it reads, and what it leaves alone.

use std::{io, sync::Arc};

use vanus_storage::{
    Fs, MemoryFs, Store, StoreOptions,
    fs::{Action, Fault, FaultyFs, OpKind, read_file},
};
use vanus_types::ManualClock;

use crate::common::*;

const DIR: &str = "segments/000000000000000A";
const RATE: u64 = 10_000;
const SECOND: u32 = 1_000;

fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 16 * 1024,
        cache_bytes: 0,
        scrub_rate: RATE,
        scrub_interval_ms: 3_600_000,
        ..StoreOptions::small()
    }
}

fn segment(base: u64) -> String {
    format!("{DIR}/{base:020}.seg")
}

/// A disk with an eventlog of several sealed segments, and the bases of these.
fn written() -> (MemoryFs, Vec<u64>) {
    let fs = MemoryFs::new();
    let store = try_open(&fs, options()).unwrap();
    store.create_log_blocking(LOG).unwrap();
    for turn in 0..60 {
        put(&store, LOG, &batch(&[turn.to_string()], 1000));
        store.tick().unwrap();
    }
    store.close().unwrap();
    let segments = store.segments(LOG);
    drop(store);
    let again = try_open(&fs, options()).unwrap();
    let sealed = again.segments(LOG).unwrap().into_iter();
    assert!(segments.is_err(), "it is closed");
    let bases: Vec<u64> = sealed.filter(|s| s.sealed).map(|s| s.base_offset).collect();
    assert!(bases.len() >= 3);
    (fs, bases)
}

/// Lets time go by, `step_ms` at a time, with a tick after each.
fn live(store: &Store, clock: &ManualClock, steps: u64, step_ms: u32) {
    for _ in 0..steps {
        clock.advance_ms(step_ms);
        store.tick().unwrap();
    }
}

fn open_clocked(fs: &(impl Fs + Clone + 'static)) -> (Store, Arc<ManualClock>) {
    let clock = clock();
    (open_at(fs, options(), &clock).unwrap(), clock)
}

#[test]
fn a_flipped_bit_in_a_cold_segment_is_found_within_the_rate() {
    let (fs, bases) = written();
    let bytes: u64 = bases
        .iter()
        .map(|base| {
            read_file(&fs, &segment(*base), 1 << 20)
                .unwrap()
                .unwrap()
                .len() as u64
        })
        .sum();
    let damaged = segment(bases[1]);
    let (store, clock) = open_clocked(&fs);
    fs.flip_bit(&damaged, 9000, 3).unwrap();
    live(&store, &clock, 2 + 2 * bytes / RATE, SECOND);
    let stats = store.stats();
    assert_eq!(
        (stats.scrub_passes, stats.scrub_damage, stats.scrub_errors),
        (1, 1, 0)
    );
    assert_eq!(
        stats.scrub_segments,
        bases.len() as u64,
        "the others are gone through too"
    );
    let found = store.damage();
    assert_eq!(found.len(), 1);
    assert!(
        found[0].file == damaged && (8000..=9000).contains(&found[0].position),
        "{}",
        found[0]
    );
    assert_eq!(store.doubts(), [], "it is no doubt of opening");
    // It is told of once, for as long as it is there.
    live(&store, &clock, 3600, SECOND);
    assert!(store.stats().scrub_passes >= 2);
    assert_eq!((store.stats().scrub_damage, store.damage().len()), (1, 1));
    fs.flip_bit(&damaged, 9000, 3).unwrap();
    live(&store, &clock, 3700, SECOND);
    assert_eq!(store.damage(), [], "somebody has mended it");
}

#[test]
fn the_rate_is_kept_however_often_it_is_asked_and_a_pass_waits_for_its_time() {
    let (fs, _) = written();
    for step_ms in [1, 100, 7 * SECOND] {
        let (store, clock) = open_clocked(&fs);
        let steps = u64::from(3 * SECOND / step_ms + 3);
        for step in 1..=steps {
            live(&store, &clock, 1, step_ms);
            // What is read ahead of the rate is one read at the most: here a whole segment.
            let most = step * u64::from(step_ms) * RATE / 1_000 + 16 * 1024 + 4096;
            let read = store.stats().scrub_bytes;
            assert!(
                read <= most,
                "{read} bytes after {step} steps of {step_ms} ms"
            );
        }
        assert!(store.stats().scrub_bytes > 0, "{step_ms}");
        live(&store, &clock, 30, SECOND);
        let read = store.stats().scrub_bytes;
        assert_eq!(store.stats().scrub_passes, 1);
        live(&store, &clock, 3000, SECOND);
        assert_eq!(store.stats().scrub_bytes, read, "the next pass is not due");
        live(&store, &clock, 700, SECOND);
        assert_eq!(store.stats().scrub_passes, 2);
        assert_eq!(store.stats().scrub_bytes, 2 * read);
    }
}

#[test]
fn a_rate_of_0_reads_nothing() {
    let (fs, _) = written();
    let clock = clock();
    let off = StoreOptions {
        scrub_rate: 0,
        ..options()
    };
    let store = open_at(&fs, off, &clock).unwrap();
    live(&store, &clock, 1000, SECOND);
    assert_eq!(
        (store.stats().scrub_bytes, store.stats().scrub_passes),
        (0, 0)
    );
}

#[test]
fn a_segment_that_retention_takes_meanwhile_is_no_error() {
    let (fs, bases) = written();
    for seconds in 0..8 {
        let fs = fs.fork();
        let (store, clock) = open_clocked(&fs);
        live(&store, &clock, seconds, SECOND);
        // What is gone may have been damaged.
        fs.flip_bit(&segment(bases[0]), 12_000, 0).unwrap();
        fs.flip_bit(&segment(bases[1]), 12_000, 0).unwrap();
        assert!(store.expire(LOG, 2_000_000).unwrap() >= bases.len() as u64);
        live(&store, &clock, 60, SECOND);
        let stats = store.stats();
        assert_eq!(
            (stats.scrub_errors, stats.scrub_passes),
            (0, 1),
            "{seconds}"
        );
        assert_eq!(store.damage(), []);
    }
    let (store, clock) = open_clocked(&fs);
    live(&store, &clock, 2, SECOND);
    store.delete_log_blocking(LOG).unwrap();
    live(&store, &clock, 60, SECOND);
    assert_eq!(
        (store.stats().scrub_errors, store.stats().scrub_passes),
        (0, 1)
    );
}

#[test]
fn a_read_that_the_disk_refuses_is_an_error_and_no_damage() {
    let (fs, bases) = written();
    let faulty = FaultyFs::new(Arc::new(fs));
    let (store, clock) = open_clocked(&faulty);
    let broken = Action::Error(io::ErrorKind::Other);
    faulty.plan(Fault::always(OpKind::Read, &segment(bases[1]), broken));
    live(&store, &clock, 60, SECOND);
    let stats = store.stats();
    assert_eq!(
        (stats.scrub_errors, stats.scrub_damage, stats.scrub_passes),
        (1, 0, 1)
    );
    assert_eq!(store.damage(), []);
    assert_eq!(
        store.health(),
        vanus_storage::Health::Ok,
        "the store goes on"
    );
    put(&store, LOG, &named("x", 1));
}

#[test]
fn an_index_that_disagrees_is_made_anew_from_the_segment() {
    let (fs, bases) = written();
    let index = format!("{DIR}/{:020}.idx", bases[1]);
    let good = read_file(&fs, &index, 1 << 20).unwrap().unwrap();
    for what in 0..3 {
        let fs = fs.fork();
        let (store, clock) = open_clocked(&fs);
        match what {
            0 => fs.flip_bit(&index, 5, 1).unwrap(),
            1 => fs.remove(&index).unwrap(),
            // An index of a segment that ended elsewhere, with good checksums.
            _ => {
                let file = fs.open(&index, vanus_storage::fs::OpenMode::Write).unwrap();
                let cut = good.len() as u64 - 32;
                file.set_len(cut).unwrap();
            }
        }
        live(&store, &clock, 60, SECOND);
        let stats = store.stats();
        assert_eq!((stats.scrub_indexes, stats.scrub_damage), (1, 0), "{what}");
        let before = all(&store, LOG);
        assert_eq!(before.len(), 60);
        drop(store);
        let (again, clock) = open_clocked(&fs);
        assert_eq!(all(&again, LOG), before);
        live(&again, &clock, 60, SECOND);
        assert_eq!(again.stats().scrub_indexes, 0, "{what}: it is right now");
    }
}

#[test]
fn the_scrub_reads_past_the_memory_of_readers() {
    let fs = MemoryFs::new();
    let clock = clock();
    let cached = StoreOptions {
        cache_bytes: 32 * 1024,
        ..options()
    };
    let store = open_at(&fs, cached, &clock).unwrap();
    store.create_log_blocking(LOG).unwrap();
    for turn in 0..60 {
        put(&store, LOG, &batch(&[turn.to_string()], 1000));
        store.tick().unwrap();
    }
    store.checkpoint().unwrap();
    let (cached, from_disk) = (store.stats().cached_bytes, store.stats().bytes_read_disk);
    live(&store, &clock, 60, SECOND);
    assert!(store.stats().scrub_bytes > 0);
    assert_eq!(store.stats().cached_bytes, cached);
    assert_eq!(store.stats().bytes_read_disk, from_disk);
}

#[test]
fn the_thread_of_the_scrub_finds_damage_and_ends_with_the_store() {
    let (fs, bases) = written();
    fs.flip_bit(&segment(bases[0]), 9000, 0).unwrap();
    let threads = StoreOptions {
        scrub_rate: 1 << 30,
        threads: vanus_storage::Threads::Background,
        ..options()
    };
    let system = Arc::new(vanus_types::SystemClock::new());
    let entropy = Arc::new(vanus_types::SeededEntropy::new(9));
    let store = Store::open(Arc::new(fs), system, entropy, threads).unwrap();
    while store.stats().scrub_passes == 0 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(store.damage().len(), 1);
    store.close().unwrap();
}
