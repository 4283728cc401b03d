//! `vsctl store` on real directories.

use std::{path::Path, sync::Arc};

use serde_json::Value;
use vanus_storage::{
    DiskFs, Fs as _, Store, StoreOptions,
    fs::{OpenMode, read_exact_at, write_all_at},
};
use vanus_types::{Batch, Durability, Event, EventlogId, OsEntropy, SystemClock};

use crate::stage::{Done, command, finish};

const LOG: EventlogId = EventlogId::from_u64(0xA);
const SEGMENT: &str = "segments/000000000000000A/00000000000000000000.seg";

fn open(dir: &Path) -> Store {
    let fs = Arc::new(DiskFs::open(dir).unwrap());
    let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    Store::open(fs, clock, entropy, StoreOptions::small()).unwrap()
}

/// A directory with three events.
fn written() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.create_log_blocking(LOG).unwrap();
    for id in ["a", "b", "c"] {
        let event = Event::builder().id(id).source("/s").ty("t").text("data");
        let batch = Batch::pack(&[event.build().unwrap()]).remove(0);
        store
            .append_blocking(LOG, batch, Durability::Fsync)
            .unwrap();
    }
    store.close().unwrap();
    dir
}

fn flip(dir: &Path, path: &str, position: u64) {
    let fs = DiskFs::open(dir).unwrap();
    let file = fs.open(path, OpenMode::Write).unwrap();
    let mut byte = [0];
    read_exact_at(file.as_ref(), &mut byte, position).unwrap();
    write_all_at(file.as_ref(), &[byte[0] ^ 1], position).unwrap();
}

async fn run(what: &str, dir: &Path, more: &[&str]) -> Done {
    let dir = dir.to_str().unwrap();
    let arguments = [&["store", what, dir][..], more].concat();
    finish(command("127.0.0.1:1", &arguments).spawn().unwrap()).await
}

#[tokio::test]
async fn a_sound_directory_is_described_and_verified() {
    let dir = written();
    let done = run("inspect", dir.path(), &["--format", "json"]).await;
    let told: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(told["eventlogs"][0]["id"], "000000000000000A");
    assert_eq!(told["eventlogs"][0]["segments"][0]["end_offset"], 3);
    assert_eq!(told["store_id"].as_str().unwrap().len(), 32);
    let more = ["--eventlog", "000000000000000A", "--batches"];
    let done = run("inspect", dir.path(), &more).await;
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(
        done.out.contains("POSITION") && done.out.contains("4096"),
        "{}",
        done.out
    );
    let done = run("verify", dir.path(), &[]).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.out.contains("3 events"), "{}", done.out);
}

#[tokio::test]
async fn damage_is_told_of_planned_and_repaired_only_when_that_is_asked_for() {
    let dir = written();
    flip(dir.path(), "superblock", 20);
    flip(dir.path(), SEGMENT, 4096 + 70);
    let done = run("verify", dir.path(), &["--format", "json"]).await;
    assert_eq!(done.code, 1);
    let told: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(told["problems"].as_array().unwrap().len(), 2, "{told}");
    let done = run("repair", dir.path(), &[]).await;
    assert_eq!(done.code, 1);
    assert!(done.out.contains("the event at offset 0"), "{}", done.out);
    let done = run("repair", dir.path(), &["--yes"]).await;
    assert_eq!(done.code, 1, "the batch is not given up");
    assert!(
        done.out
            .contains("done: write both copies of the superblock"),
        "{}",
        done.out
    );
    let kept = tempfile::tempdir().unwrap();
    let to = kept.path().to_str().unwrap();
    let more = ["--yes", "--accept-loss", "--quarantine", to];
    let done = run("repair", dir.path(), &more).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(
        kept.path().read_dir().unwrap().count() > 0,
        "it is kept aside"
    );
    let store = open(dir.path());
    assert!(store.read(LOG, 0, 1).is_err());
    assert_eq!(store.read(LOG, 1, 1 << 20).unwrap().next_offset, 3);
}

#[tokio::test]
async fn a_directory_in_use_and_one_that_is_none_are_refused() {
    let dir = written();
    let store = open(dir.path());
    for what in ["inspect", "verify", "repair"] {
        let done = run(what, dir.path(), &[]).await;
        assert_eq!(done.code, 1);
        assert!(done.err.contains("V9516"), "{}", done.err);
    }
    store.close().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let done = run("verify", empty.path(), &[]).await;
    assert_eq!(done.code, 2, "{}", done.err);
    assert_eq!(
        empty.path().read_dir().unwrap().count(),
        0,
        "nothing is made"
    );
    let done = run("verify", &empty.path().join("no"), &[]).await;
    assert_eq!(done.code, 2, "{}", done.err);
}
