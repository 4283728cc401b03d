//! The law of [`MetaStore`], the same for every implementation.

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;

use super::*;
use crate::meta::{Found, MAX_META_VALUE, MAX_SCAN_ENTRIES, MemoryMeta, MetaHealth};

/// One test per law and implementation.
macro_rules! laws {
    ($($law:ident)*) => {
        mod memory {
            $(#[test] fn $law() { super::$law(&(std::sync::Arc::new(super::MemoryMeta::new()) as _)); })*
        }
        mod on_disk {
            $(#[test] fn $law() {
                let dir = tempfile::tempdir().unwrap();
                super::$law(&(std::sync::Arc::new(super::open(dir.path()).unwrap()) as _));
            })*
        }
    };
}

laws! {
    what_is_committed_is_read_back
    tables_are_apart
    the_last_change_of_a_key_in_a_batch_wins
    a_scan_is_ordered_and_keeps_to_its_range
    a_scan_goes_on_page_by_page
    for_each_visits_everything_across_pages
    a_requirement_that_fails_stores_nothing
    one_of_many_creators_wins
    counters_lose_no_increment
    readers_never_see_half_a_batch
    batches_of_one_thread_keep_their_order
    a_batch_over_a_limit_is_refused_and_the_next_one_passes
    a_dropped_future_does_not_take_its_batch_back
    commits_can_be_awaited
}

type Store = Arc<dyn MetaStore>;

fn what_is_committed_is_read_back(store: &Store) {
    assert_eq!(store.get(Table::Cluster, b"k").unwrap(), None);
    assert_eq!(store.get(Table::Cluster, b"").unwrap(), None);
    store
        .commit_blocking(MetaBatch::new().put(Table::Cluster, "k", "v"))
        .unwrap();
    assert_eq!(store.get(Table::Cluster, b"k").unwrap(), Some("v".into()));
    store
        .commit_blocking(MetaBatch::new().put(Table::Cluster, "k", ""))
        .unwrap();
    assert_eq!(store.get(Table::Cluster, b"k").unwrap(), Some(Bytes::new()));
    store
        .commit_blocking(MetaBatch::new().delete(Table::Cluster, "k"))
        .unwrap();
    assert_eq!(store.get(Table::Cluster, b"k").unwrap(), None);
    store.commit_blocking(MetaBatch::new()).unwrap();
    assert_eq!(store.health(), MetaHealth::Ready);
}

fn tables_are_apart(store: &Store) {
    let batch = Table::ALL
        .iter()
        .fold(MetaBatch::new(), |b, t| b.put(*t, "k", t.name()));
    store.commit_blocking(batch).unwrap();
    for table in Table::ALL {
        assert_eq!(store.get(table, b"k").unwrap().unwrap(), table.name());
        assert_eq!(store.scan(table, &Scan::all()).unwrap().entries.len(), 1);
    }
}

fn the_last_change_of_a_key_in_a_batch_wins(store: &Store) {
    let t = Table::Cursors;
    let batch = MetaBatch::new()
        .put(t, "a", "1")
        .delete(t, "a")
        .delete(t, "b")
        .put(t, "b", "2")
        .put(t, "c", "3")
        .put(t, "c", "4");
    store.commit_blocking(batch).unwrap();
    assert_eq!(store.get(t, b"a").unwrap(), None);
    assert_eq!(store.get(t, b"b").unwrap(), Some("2".into()));
    assert_eq!(store.get(t, b"c").unwrap(), Some("4".into()));
}

fn keys(store: &Store, scan: &Scan) -> Vec<Bytes> {
    let page = store.scan(Table::Eventlogs, scan).unwrap();
    page.entries.into_iter().map(|(key, _)| key).collect()
}

fn a_scan_is_ordered_and_keeps_to_its_range(store: &Store) {
    let all: [&[u8]; 7] = [b"\0", b"a", b"a/1", b"a/2", b"a\xff", b"b", b"\xff\xff"];
    let batch = all
        .iter()
        .rev()
        .fold(MetaBatch::new(), |b, k| b.put(Table::Eventlogs, k, "v"));
    let batch = batch
        .put(Table::Namespaces, "a", "v")
        .put(Table::Subscriptions, "a", "v");
    store.commit_blocking(batch).unwrap();
    store
        .commit_blocking(MetaBatch::new().delete(Table::Eventlogs, "a/2"))
        .unwrap();
    let left: [&[u8]; 6] = [b"\0", b"a", b"a/1", b"a\xff", b"b", b"\xff\xff"];
    assert_eq!(keys(store, &Scan::all()), left);
    assert_eq!(keys(store, &Scan::prefix("a")), left[1..4]);
    assert_eq!(keys(store, &Scan::prefix("a/")), left[2..3]);
    assert_eq!(keys(store, &Scan::prefix("a").start_after("a")), left[2..4]);
    assert_eq!(
        keys(store, &Scan::prefix("a").start_after("a/2")),
        left[3..4]
    );
    assert_eq!(keys(store, &Scan::prefix("a").until("a\x7f")), left[1..3]);
    assert_eq!(
        keys(store, &Scan::all().start_after("a").until("b")),
        left[2..4]
    );
    assert_eq!(keys(store, &Scan::prefix(b"\xff")), left[5..]);
    assert_eq!(keys(store, &Scan::prefix("b").start_after("c")), left[..0]);
    assert_eq!(keys(store, &Scan::prefix("b").start_after("a")), left[4..5]);
    assert_eq!(keys(store, &Scan::prefix("zz")), left[..0]);
    assert_eq!(keys(store, &Scan::all().until("")), left[..0]);
}

fn a_scan_goes_on_page_by_page(store: &Store) {
    let keys: Vec<String> = (0..10).map(|n| format!("k{n}")).collect();
    let batch = keys
        .iter()
        .fold(MetaBatch::new(), |b, k| b.put(Table::Garbage, k, "v"));
    store.commit_blocking(batch).unwrap();
    let page = store
        .scan(Table::Garbage, &Scan::prefix("k").limit(10))
        .unwrap();
    assert!(!page.more);
    let mut scan = Scan::prefix("k").limit(4);
    let mut seen = Vec::new();
    for (length, more) in [(4, true), (4, true), (2, false)] {
        let page = store.scan(Table::Garbage, &scan).unwrap();
        assert_eq!((page.entries.len(), page.more), (length, more));
        scan = scan.start_after(&page.entries.last().unwrap().0);
        seen.extend(page.entries.into_iter().map(|(key, _)| key));
    }
    assert_eq!(seen, keys);
}

fn for_each_visits_everything_across_pages(store: &Store) {
    let count = MAX_SCAN_ENTRIES + 5;
    let batch = (0..count).fold(MetaBatch::new(), |b, n| {
        b.put(Table::Retries, format!("p{n:06}"), n.to_string())
    });
    store
        .commit_blocking(batch.put(Table::Retries, "q", "other"))
        .unwrap();
    let mut next = 0;
    store
        .for_each(Table::Retries, b"p", &mut |key, value| {
            assert_eq!(key, format!("p{next:06}"));
            assert_eq!(value, next.to_string());
            next += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(next, count);
    let stop = store.for_each(Table::Retries, b"p", &mut |_, _| Err(MetaError::Closed));
    assert!(matches!(stop, Err(MetaError::Closed)));
}

fn a_requirement_that_fails_stores_nothing(store: &Store) {
    let t = Table::Eventbuses;
    store
        .commit_blocking(MetaBatch::new().put(t, "a", "1"))
        .unwrap();
    let refused = |batch: MetaBatch| {
        let batch = batch.put(t, "a", "9").put(Table::Cluster, "z", "9");
        match store.commit_blocking(batch) {
            Err(MetaError::Conflict { table, key, found }) => (table, key, found),
            other => panic!("{other:?}"),
        }
    };
    let conflict = |key: &str, found| (t, key.to_owned(), found);
    assert_eq!(
        refused(MetaBatch::new().require_absent(t, "a")),
        conflict("a", Found::Present)
    );
    assert_eq!(
        refused(MetaBatch::new().require_value(t, "a", "2")),
        conflict("a", Found::Different)
    );
    assert_eq!(
        refused(MetaBatch::new().require_value(t, b"\0", "2")),
        conflict("\\x00", Found::Absent)
    );
    assert_eq!(store.get(t, b"a").unwrap(), Some("1".into()));
    assert_eq!(store.get(Table::Cluster, b"z").unwrap(), None);
    let holds = MetaBatch::new()
        .require_value(t, "a", "1")
        .require_absent(t, "b")
        .put(t, "a", "2");
    store.commit_blocking(holds).unwrap();
    assert_eq!(store.get(t, b"a").unwrap(), Some("2".into()));
}

/// Runs `work(n)` on `count` threads that start together.
fn together<T: Send>(count: u32, work: impl Fn(u32) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(count as usize);
    std::thread::scope(|scope| {
        let run = |n| {
            start.wait();
            work(n)
        };
        let threads: Vec<_> = (0..count).map(|n| scope.spawn(move || run(n))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn one_of_many_creators_wins(store: &Store) {
    let won = together(8, |n| {
        let batch = MetaBatch::new()
            .require_absent(Table::Namespaces, "shop")
            .put(Table::Namespaces, "shop", n.to_string());
        store.commit_blocking(batch).is_ok()
    });
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let winner = won.iter().position(|won| *won).unwrap();
    assert_eq!(
        store.get(Table::Namespaces, b"shop").unwrap().unwrap(),
        winner.to_string()
    );
}

fn counters_lose_no_increment(store: &Store) {
    let t = Table::Cluster;
    store
        .commit_blocking(MetaBatch::new().put(t, "n", "0"))
        .unwrap();
    together(4, |_| {
        let mut done = 0;
        while done < 10 {
            let old = store.get(t, b"n").unwrap().unwrap();
            let next = std::str::from_utf8(&old).unwrap().parse::<u32>().unwrap() + 1;
            let batch = MetaBatch::new()
                .require_value(t, "n", old)
                .put(t, "n", next.to_string());
            match store.commit_blocking(batch) {
                Ok(()) => done += 1,
                Err(MetaError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    assert_eq!(store.get(t, b"n").unwrap(), Some("40".into()));
}

fn readers_never_see_half_a_batch(store: &Store) {
    // The reader looks at the entry written last first: if that is new, the others must be.
    let key = |n: usize| format!("k{n:03}");
    let write = |round: u32| {
        let batch = (0..100).fold(MetaBatch::new(), |b, n| {
            b.put(Table::Subscriptions, key(n), round.to_string())
        });
        store.commit_blocking(batch).unwrap();
    };
    write(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (1..40).for_each(write);
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let page = store.scan(Table::Subscriptions, &Scan::all()).unwrap();
            let first = &page.entries[0].1;
            assert!(
                page.entries.iter().all(|(_, value)| value == first),
                "{page:?}"
            );
            let number = |n| {
                let value = store
                    .get(Table::Subscriptions, key(n).as_bytes())
                    .unwrap()
                    .unwrap();
                std::str::from_utf8(&value).unwrap().parse::<u32>().unwrap()
            };
            for n in [99, 0, 50] {
                let (seen, then) = (number(n), number(99 - n));
                assert!(then >= seen, "{then} read after {seen}");
            }
        }
    });
}

fn batches_of_one_thread_keep_their_order(store: &Store) {
    let commits: Vec<_> = (0..200)
        .map(|n| store.commit(MetaBatch::new().put(Table::Cursors, "k", n.to_string())))
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for commit in commits {
        runtime.block_on(commit).unwrap();
    }
    assert_eq!(store.get(Table::Cursors, b"k").unwrap(), Some("199".into()));
}

fn a_batch_over_a_limit_is_refused_and_the_next_one_passes(store: &Store) {
    let large = MetaBatch::new().put(Table::Cluster, "k", vec![0; MAX_META_VALUE + 1]);
    assert!(matches!(
        store.commit_blocking(large),
        Err(MetaError::TooLarge { .. })
    ));
    let empty = MetaBatch::new().put(Table::Cluster, "", "v");
    assert!(matches!(
        store.commit_blocking(empty),
        Err(MetaError::EmptyKey { .. })
    ));
    store
        .commit_blocking(MetaBatch::new().put(Table::Cluster, "k", vec![0; MAX_META_VALUE]))
        .unwrap();
    assert_eq!(
        store.get(Table::Cluster, b"k").unwrap().unwrap().len(),
        MAX_META_VALUE
    );
}

fn a_dropped_future_does_not_take_its_batch_back(store: &Store) {
    drop(store.commit(MetaBatch::new().put(Table::Cluster, "k", "v")));
    // A batch committed later is stored later.
    store
        .commit_blocking(MetaBatch::new().put(Table::Cluster, "l", "v"))
        .unwrap();
    assert_eq!(store.get(Table::Cluster, b"k").unwrap(), Some("v".into()));
}

fn commits_can_be_awaited(store: &Store) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let store = Arc::clone(store);
            runtime.spawn(async move {
                let (key, batch) = (format!("k{n}"), MetaBatch::new());
                store
                    .commit(batch.put(Table::Cursors, &key, "v"))
                    .await
                    .unwrap();
                assert!(store.get(Table::Cursors, key.as_bytes()).unwrap().is_some());
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
}
