//! How near durable appends come to the disk: the store with a sync before each acknowledgement, beside plain
//! overwrites of a prepared file with one `fdatasync` each, alternately in one run.
//!
//! `cargo bench -p vanus-storage --bench append [-- MIB]`; each figure is the median of three.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints its figures and ends when something is wrong"
)]

use std::{collections::VecDeque, future::Future, io::IoSlice, pin::Pin, sync::Arc};

use vanus_storage::{
    DiskFs, Fs, Store, StoreOptions,
    fs::{OpenMode, write_all_at, write_all_vectored_at},
};
use vanus_types::{
    Batch, BatchBuilder, Clock, Durability, Event, EventlogId, OsEntropy, SystemClock,
};

const MIB: usize = 1024 * 1024;
const EVENT: usize = 1024;
const ROUNDS: usize = 3;

fn main() {
    let mib = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(256_usize);
    println!("{mib} MiB each, events of 1 KiB, one producer, median of {ROUNDS}");
    println!("batch        raw MB/s   store fsync MB/s (ratio)   store page-cache MB/s");
    for batch in [64 * 1024, 256 * 1024, MIB] {
        let total = mib * MIB;
        let (mut raw, mut fsync, mut cache) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path();
            raw.push(raw_rate(
                &DiskFs::open(path.join("raw")).unwrap(),
                batch,
                total,
            ));
            fsync.push(store_rate(
                &path.join("fsync"),
                batch,
                total,
                Durability::Fsync,
            ));
            cache.push(store_rate(
                &path.join("cache"),
                batch,
                total,
                Durability::PageCache,
            ));
        }
        let (raw, fsync, cache) = (median(&mut raw), median(&mut fsync), median(&mut cache));
        let ratio = fsync / raw;
        println!(
            "{:>5} KiB {raw:>11.0} {fsync:>12.0} ({ratio:.2}) {cache:>24.0}",
            batch / 1024
        );
    }
    let dir = tempfile::tempdir().unwrap();
    read_rate(&dir.path().join("read"), mib * MIB);
    one_at_a_time(&dir.path().join("single"));
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(0.0)
}

fn rate(bytes: usize, clock: &SystemClock, since: u64) -> f64 {
    bytes as f64 / 1e6 / ((clock.monotonic_ns() - since) as f64 / 1e9)
}

/// Overwrites of a file that was written full before, one `fdatasync` each.
fn raw_rate(fs: &DiskFs, chunk: usize, total: usize) -> f64 {
    let size = 64 * MIB;
    let file = fs.open("raw", OpenMode::CreateNew).unwrap();
    for at in (0..size).step_by(MIB) {
        write_all_at(file.as_ref(), &vec![0; MIB], at as u64).unwrap();
    }
    file.sync_all().unwrap();
    let bytes = vec![7_u8; chunk];
    let clock = SystemClock::new();
    let start = clock.monotonic_ns();
    for turn in 0..total / chunk {
        let at = (turn * chunk) % size;
        write_all_vectored_at(file.as_ref(), &mut [IoSlice::new(&bytes)], at as u64).unwrap();
        file.sync_data().unwrap();
    }
    rate(total, &clock, start)
}

fn batch_of(bytes: usize) -> Batch {
    let mut builder = BatchBuilder::new();
    for index in 0..bytes / EVENT {
        let event = Event::builder()
            .id(index.to_string())
            .source("/bench")
            .ty("bench")
            .binary(vec![7; EVENT - 60])
            .build()
            .unwrap();
        assert!(builder.push(&event));
    }
    builder.build().unwrap()
}

fn open(path: &std::path::Path) -> (Store, EventlogId) {
    let fs = Arc::new(DiskFs::open(path).unwrap());
    let clock = Arc::new(SystemClock::new());
    let store = Store::open(fs, clock, Arc::new(OsEntropy), StoreOptions::default()).unwrap();
    let log = EventlogId::from_u64(1);
    store.create_log_blocking(log).unwrap();
    (store, log)
}

/// One producer with 8 MiB of batches in flight.
fn store_rate(path: &std::path::Path, bytes: usize, total: usize, durability: Durability) -> f64 {
    let (store, log) = open(path);
    let batch = batch_of(bytes);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let clock = SystemClock::new();
    let start = clock.monotonic_ns();
    let mut done = 0;
    runtime.block_on(async {
        let mut flying: VecDeque<Pin<Box<dyn Future<Output = _>>>> = VecDeque::new();
        while done < total {
            done += batch.len();
            flying.push_back(Box::pin(store.append(log, batch.clone(), durability)));
            if flying.len() * bytes >= 8 * MIB
                && let Some(oldest) = flying.pop_front()
            {
                oldest.await.unwrap();
            }
        }
        for append in flying {
            append.await.unwrap();
        }
    });
    rate(done, &clock, start)
}

/// From segment files, verified, one reader, twice; the second time the page cache is warm.
fn read_rate(path: &std::path::Path, total: usize) {
    let (store, log) = open(path);
    let batch = batch_of(MIB);
    for _ in 0..total / batch.len() {
        store
            .append_blocking(log, batch.clone(), Durability::PageCache)
            .unwrap();
    }
    store.close().unwrap();
    let (store, log) = open(path);
    let clock = SystemClock::new();
    for pass in ["first", "second"] {
        let start = clock.monotonic_ns();
        let (mut next, mut bytes) = (0, 0);
        loop {
            let chunk = store.read(log, next, MIB).unwrap();
            if chunk.batches.is_empty() {
                break;
            }
            bytes += chunk.batches.iter().map(Batch::len).sum::<usize>();
            next = chunk.next_offset;
        }
        let rate = rate(bytes, &clock, start);
        let events = next as f64 * rate * 1e6 / bytes as f64;
        println!("read from segments, {pass} pass: {rate:.0} MB/s, {events:.0} events/s");
    }
}

/// One event at a time, each synced.
fn one_at_a_time(path: &std::path::Path) {
    let (store, log) = open(path);
    let batch = batch_of(EVENT);
    let clock = SystemClock::new();
    let mut took: Vec<u64> = (0..5_000)
        .map(|_| {
            let start = clock.monotonic_ns();
            store
                .append_blocking(log, batch.clone(), Durability::Fsync)
                .unwrap();
            clock.monotonic_ns() - start
        })
        .collect();
    took.sort_unstable();
    let micros = |part: usize| took.get(took.len() * part / 100).map_or(0, |ns| ns / 1_000);
    println!(
        "one event at a time, fsync: p50 {} µs, p99 {} µs",
        micros(50),
        micros(99)
    );
}
