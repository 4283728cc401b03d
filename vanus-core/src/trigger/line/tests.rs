//! The line beside a model: who may overtake whom, and that nobody is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn event() -> Event {
    Event::builder()
        .id("1")
        .source("/s")
        .ty("t")
        .build()
        .unwrap()
}

fn due(due_ms: i64) -> Retry {
    Retry {
        attempts: 1,
        due_ms,
        ..Retry::default()
    }
}

#[test]
fn a_key_waits_for_its_retry_and_the_others_go_on() {
    let mut line = Line::new(Order::OneByOne { keyed: true });
    assert!(!line.arrive(0, event(), Some(7)));
    assert!(
        !line.arrive(1, event(), Some(7)),
        "behind one in flight nothing is stored"
    );
    assert!(!line.arrive(2, event(), Some(8)));
    assert!(!line.arrive(3, event(), None));
    let started: Vec<u64> = std::iter::from_fn(|| line.start(0))
        .map(|item| item.offset)
        .collect();
    assert_eq!(started, [0, 2, 3]);
    assert_eq!(
        line.again(0, Some(7), due(100)),
        [1],
        "it has to be stored now"
    );
    assert!(
        line.arrive(4, event(), Some(7)),
        "and so has every later one"
    );
    assert_eq!(
        (line.stored(), line.fresh(), line.first_stored()),
        (3, 0, Some(0))
    );
    line.end(2, Some(8));
    line.end(3, None);
    assert!(line.start(99).is_none());
    for (now, offset) in [(100, 0), (100, 1), (100, 4)] {
        let item = line.start(now).unwrap();
        assert_eq!((item.offset, item.stored, item.event), (offset, true, None));
        assert!(line.start(now).is_none());
        line.end(offset, Some(7));
    }
    assert!(line.is_empty());
}

#[test]
fn strict_order_stores_nothing_behind_a_retry() {
    let mut line = Line::new(Order::OneByOne { keyed: false });
    for offset in 0..3 {
        assert!(!line.arrive(offset, event(), Some(0)));
    }
    assert_eq!(line.start(0).unwrap().offset, 0);
    assert!(line.again(0, Some(0), due(5)).is_empty());
    assert_eq!((line.fresh(), line.stored()), (2, 1));
    assert!(!line.has_work(4) && line.has_work(5));
}

#[test]
fn stored_retries_of_a_key_are_taken_over_in_order() {
    let mut line = Line::new(Order::OneByOne { keyed: true });
    line.restore(3, due(50), Some(1));
    line.restore(5, due(0), Some(1));
    line.restore(6, due(0), Some(2));
    assert!(line.arrive(9, event(), Some(1)));
    assert_eq!(line.start(0).map(|item| item.offset), Some(6));
    assert!(line.start(0).is_none(), "5 and 9 wait for 3");
    for offset in [3, 5, 9] {
        assert_eq!(line.start(50).map(|item| item.offset), Some(offset));
        line.end(offset, Some(1));
    }
    assert_eq!(line.retrying(), 1);
}

#[test]
fn a_limit_per_key_lets_others_pass_a_retry() {
    let mut line = Line::new(Order::AtMost(2));
    for offset in 0..4 {
        line.arrive(offset, event(), Some(1));
    }
    let mut start = |now| line.start(now).map(|item| item.offset);
    assert_eq!((start(0), start(0), start(0)), (Some(0), Some(1), None));
    line.again(0, Some(1), due(10));
    assert_eq!(line.start(0).map(|item| item.offset), Some(2));
    assert!(line.start(10).is_none(), "the retry waits for its place");
    assert_eq!(line.first_stored(), Some(0));
    line.end(1, Some(1));
    assert_eq!(line.start(10).map(|item| item.offset), Some(0));
}

#[derive(Debug, Clone)]
enum Step {
    Arrive(Option<u64>),
    Start,
    End(prop::sample::Index),
    Again(prop::sample::Index, i64),
    Later(i64),
    EndFirst,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::option::weighted(0.9, 0_u64..4).prop_map(Step::Arrive),
        4 => Just(Step::Start),
        3 => any::<prop::sample::Index>().prop_map(Step::End),
        2 => (any::<prop::sample::Index>(), 0_i64..50).prop_map(|(i, ms)| Step::Again(i, ms)),
        1 => (0_i64..60).prop_map(Step::Later),
    ]
}

proptest! {
    #[test]
    fn order_and_limits_hold_and_nothing_is_forgotten(
        order in prop::sample::select(vec![
            Order::Free,
            Order::OneByOne { keyed: true },
            Order::OneByOne { keyed: false },
            Order::AtMost(1),
            Order::AtMost(3),
        ]),
        steps in prop::collection::vec(any_step(), 0..200),
    ) {
        let mut line = Line::new(order);
        let (mut now, mut next) = (0_i64, 0_u64);
        let mut flying: BTreeMap<u64, Option<u64>> = BTreeMap::new();
        // Not ended, by key; and those said to be stored.
        let mut open: BTreeMap<Option<u64>, BTreeSet<u64>> = BTreeMap::new();
        let mut stored = BTreeSet::new();
        let steps = steps.into_iter().chain((0..2000).map(|n| match n % 3 {
            0 => Step::Later(50),
            1 => Step::Start,
            _ => Step::EndFirst,
        }));
        for step in steps {
            match step {
                Step::Arrive(key) => {
                    let key = match order {
                        Order::OneByOne { keyed: false } => Some(0),
                        _ => key,
                    };
                    if line.arrive(next, event(), key) {
                        stored.insert(next);
                    }
                    open.entry(key).or_default().insert(next);
                    next += 1;
                }
                Step::Start => {
                    if let Some(item) = line.start(now) {
                        prop_assert_eq!(item.stored, stored.contains(&item.offset));
                        prop_assert_eq!(item.event.is_none(), item.stored);
                        prop_assert!(item.retry.due_ms <= now);
                        if let (Order::OneByOne { .. }, Some(_)) = (order, item.key) {
                            prop_assert_eq!(open[&item.key].first(), Some(&item.offset));
                        }
                        prop_assert!(flying.insert(item.offset, item.key).is_none());
                        if let (Order::AtMost(most), Some(key)) = (order, item.key) {
                            let now = flying.values().filter(|k| **k == Some(key)).count();
                            prop_assert!(now <= most as usize);
                        }
                    }
                }
                Step::End(index) if !flying.is_empty() => {
                    let (offset, key) = flying.iter().nth(index.index(flying.len())).map(|(o, k)| (*o, *k)).unwrap();
                    flying.remove(&offset);
                    stored.remove(&offset);
                    open.get_mut(&key).unwrap().remove(&offset);
                    line.end(offset, key);
                }
                Step::Again(index, ms) if !flying.is_empty() => {
                    let (offset, key) = flying.iter().nth(index.index(flying.len())).map(|(o, k)| (*o, *k)).unwrap();
                    flying.remove(&offset);
                    stored.insert(offset);
                    stored.extend(line.again(offset, key, due(now + ms)));
                }
                Step::EndFirst if !flying.is_empty() => {
                    let (offset, key) = flying.pop_first().unwrap();
                    stored.remove(&offset);
                    open.get_mut(&key).unwrap().remove(&offset);
                    line.end(offset, key);
                }
                Step::Later(ms) => now += ms,
                _ => {}
            }
            prop_assert_eq!(line.retrying(), stored.len());
            prop_assert_eq!(line.first_stored(), stored.first().copied());
            let all: usize = open.values().map(BTreeSet::len).sum();
            let fresh_flying = flying.keys().filter(|offset| !stored.contains(offset)).count();
            prop_assert_eq!(line.fresh() + line.retrying() + fresh_flying, all);
        }
        prop_assert!(line.is_empty() && flying.is_empty());
        prop_assert!(open.values().all(BTreeSet::is_empty));
    }
}
