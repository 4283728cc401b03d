//! Damaged and missing bytes: an error or the truth, never something else.

use std::path::PathBuf;

use super::*;

const PAIRS: u32 = 8;

/// How many entries of 100 KiB [`bulk_store`] has besides: more than two memtables.
const BULK: u8 = 25;

/// A store of [`PAIRS`] pairs, closed, with a journal that ends where its data does.
fn closed_store() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    (0..PAIRS).for_each(|n| put_pair(&store, n));
    drop(store);
    // Recovery cuts the preallocated rest off.
    drop(open(dir.path()).unwrap());
    dir
}

/// The same with table files.
fn bulk_store() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = FjallOptions {
        memtable_bytes: 1024 * 1024,
        ..FjallOptions::new(dir.path())
    };
    let store = FjallMeta::open(&options).unwrap();
    for n in 0..BULK {
        let batch = MetaBatch::new().put(Table::Eventlogs, [n], vec![n; 100 * 1024]);
        store.commit_blocking(batch).unwrap();
    }
    drop(store);
    // Opening it queues what was not written to files yet.
    for _ in 0..1000 {
        let store = open(dir.path()).unwrap();
        assert_eq!(bulk(&store).unwrap(), usize::from(BULK));
        let mut files = Vec::new();
        files_below(&dir.path().join("db"), &mut files);
        let large = |file: &PathBuf| {
            file.extension().is_none() && std::fs::metadata(file).unwrap().len() > 1024 * 1024
        };
        if files.iter().any(large) {
            return dir;
        }
    }
    panic!("no table file was written")
}

/// How many entries of bulk there are. Fails unless they are right.
fn bulk(store: &dyn MetaStore) -> Result<usize, MetaError> {
    let entries = store.scan(Table::Eventlogs, &Scan::all())?.entries;
    for (n, (key, value)) in entries.iter().enumerate() {
        assert_eq!(usize::from(key[0]), n, "an entry is missing before another");
        assert!(value.len() == 100 * 1024 && value.iter().all(|byte| *byte == key[0]));
    }
    Ok(entries.len())
}

fn journal(dir: &Path) -> PathBuf {
    let mut files = Vec::new();
    files_below(&dir.join("db"), &mut files);
    let mut journals = files
        .into_iter()
        .filter(|file| file.extension().is_some_and(|e| e == "jnl"));
    journals.next().unwrap()
}

/// Opens a copy after `damage` was done to it, and answers how many pairs are in it.
fn with_damage(dir: &Path, damage: impl FnOnce(&Path)) -> Result<u32, MetaError> {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir, copy.path());
    damage(copy.path());
    pairs(&open(copy.path())?)
}

#[test]
fn a_torn_journal_is_cut_at_the_last_whole_batch() {
    let dir = closed_store();
    let length = std::fs::metadata(journal(dir.path())).unwrap().len();
    let mut seen = std::collections::BTreeSet::new();
    for kept in (0..=length).rev().step_by(11) {
        let found = with_damage(dir.path(), |copy| {
            std::fs::OpenOptions::new()
                .write(true)
                .open(journal(copy))
                .unwrap()
                .set_len(kept)
                .unwrap();
            std::fs::remove_file(copy.join("commits")).unwrap();
        });
        seen.insert(found.unwrap());
    }
    assert_eq!(
        seen,
        (0..=PAIRS).collect(),
        "every prefix was met, and nothing else"
    );
}

#[test]
fn losing_acknowledged_commits_is_noticed() {
    let dir = closed_store();
    let length = std::fs::metadata(journal(dir.path())).unwrap().len();
    for kept in [0, length / 2, length - 1] {
        let found = with_damage(dir.path(), |copy| {
            std::fs::OpenOptions::new()
                .write(true)
                .open(journal(copy))
                .unwrap()
                .set_len(kept)
                .unwrap();
        });
        let Err(MetaError::Lost {
            acknowledged,
            found,
            ..
        }) = found
        else {
            panic!("{found:?}")
        };
        assert_eq!(acknowledged, u64::from(PAIRS));
        assert!(found < acknowledged);
    }
    let found = with_damage(dir.path(), |copy| {
        std::fs::remove_dir_all(copy.join("db")).unwrap()
    });
    assert!(
        matches!(found, Err(MetaError::Lost { found: 0, .. })),
        "{found:?}"
    );
}

#[test]
fn a_lost_table_is_noticed_and_not_started_anew() {
    let dir = closed_store();
    for table in 0..=9 {
        let current = format!("db/keyspaces/{table}/current");
        let found = with_damage(dir.path(), |copy| {
            std::fs::remove_file(copy.join(&current)).unwrap();
        });
        assert!(
            matches!(found, Err(MetaError::Damaged { .. })),
            "{current}: {found:?}"
        );
    }
}

#[test]
fn a_damaged_or_missing_witness_costs_nothing_else() {
    let dir = closed_store();
    let gone = with_damage(dir.path(), |copy| {
        std::fs::remove_file(copy.join("commits")).unwrap()
    });
    assert_eq!(gone.unwrap(), PAIRS);
    let damaged = with_damage(dir.path(), |copy| flip(&copy.join("commits"), 9));
    assert_eq!(damaged.unwrap(), PAIRS);
}

#[test]
fn a_flipped_bit_is_refused_or_harmless_but_never_served() {
    let (refused, _) = flip_bits(&closed_store(), |store| {
        pairs(store).map(|found| assert_eq!(found, PAIRS))
    });
    assert!(refused > 0, "no flip was noticed");
}

#[test]
fn a_flipped_bit_in_table_files_is_refused_or_harmless_but_never_served() {
    let (refused, _) = flip_bits(&bulk_store(), |store| {
        bulk(store).map(|found| assert_eq!(found, usize::from(BULK)))
    });
    assert!(refused > 0, "no flip was noticed");
}

/// Flips bits all over the files of copies of a store, and answers how many flips were refused
/// and how many did no harm.
fn flip_bits(
    dir: &tempfile::TempDir,
    judge: impl Fn(&dyn MetaStore) -> Result<(), MetaError>,
) -> (u32, u32) {
    let mut files = Vec::new();
    files_below(&dir.path().join("db"), &mut files);
    let (mut refused, mut harmless) = (0, 0);
    for file in files {
        let name = file.strip_prefix(dir.path()).unwrap();
        let length = std::fs::metadata(&file).unwrap().len();
        // Enough positions to meet every kind of byte, few enough to be quick.
        let step = (length / 9).max(1);
        for at in (0..length).step_by(usize::try_from(step).unwrap()) {
            let copy = tempfile::tempdir().unwrap();
            copy_dir(dir.path(), copy.path());
            flip(&copy.path().join(name), at);
            println!("{}, byte {at}", name.display());
            match open(copy.path()).and_then(|store| judge(&store)) {
                Ok(()) => harmless += 1,
                Err(_) => refused += 1,
            }
        }
    }
    (refused, harmless)
}

fn flip(file: &Path, at: u64) {
    let mut bytes = std::fs::read(file).unwrap();
    let at = usize::try_from(at).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}
