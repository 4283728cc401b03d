//! The wheel against a sorted map, and tiny wheels against every short story there is.

mod model;

mod small;

use super::*;

/// All that is due, in order.
fn drain<T>(wheel: &mut Wheel<T>, now_ms: i64) -> Vec<Due<T>> {
    let mut due = Vec::new();
    assert_eq!(wheel.advance(now_ms, usize::MAX, &mut due), Advance::Done);
    due
}

fn wheel(tick_ms: u32, start_ms: i64) -> Wheel<u32> {
    Wheel::new(Tick::from_ms(tick_ms).unwrap(), 1_000, start_ms)
}

fn values(due: &[Due<u32>]) -> Vec<u32> {
    due.iter().map(|due| due.value).collect()
}

#[test]
fn a_timer_comes_at_its_millisecond_and_not_before() {
    for tick in [1, 10, 1_000] {
        let mut wheel = wheel(tick, 5);
        wheel.insert(12_347, 1).unwrap();
        assert_eq!(drain(&mut wheel, 12_346), []);
        assert_eq!(values(&drain(&mut wheel, 12_347)), [1]);
        assert!(wheel.is_empty());
    }
}

#[test]
fn after_a_long_sleep_timers_come_in_due_order() {
    let mut wheel = wheel(10, 0);
    for (value, due) in [(1, 700_000), (2, 19), (3, 11), (4, 400_000_000), (5, 11)] {
        wheel.insert(due, value).unwrap();
    }
    assert_eq!(values(&drain(&mut wheel, i64::MAX)), [3, 5, 2, 1, 4]);
}

#[test]
fn there_is_no_horizon() {
    for start in [i64::MIN, i64::MIN + 3, -1, 0, i64::MAX] {
        for tick in [1, 7, 1_000] {
            let mut wheel = wheel(tick, start);
            assert_eq!(wheel.position_ms(), start);
            wheel.insert(start, 1).unwrap();
            wheel.insert(i64::MIN, 2).unwrap();
            wheel.insert(i64::MAX, 3).unwrap();
            assert_eq!(values(&drain(&mut wheel, start)[..2]), [1, 2]);
            drain(&mut wheel, i64::MAX - 1);
            assert_eq!(wheel.len(), usize::from(start < i64::MAX));
            drain(&mut wheel, i64::MAX);
            assert!(wheel.is_empty());
        }
    }
}

#[test]
fn a_handle_leads_to_its_own_timer_only() {
    let mut wheel = wheel(10, 0);
    let first = wheel.insert(100, 1).unwrap();
    assert_eq!(wheel.cancel(first), Some(1));
    let second = wheel.insert(100, 2).unwrap();
    assert_eq!(wheel.cancel(first), None);
    assert!(!wheel.update(first, 1));
    assert_eq!(wheel.get(second), Some((100, &2)));
    assert_eq!(drain(&mut wheel, 100)[0].handle, second);
    assert_eq!((wheel.cancel(second), wheel.get(second)), (None, None));
}

#[test]
fn a_full_wheel_refuses_and_gives_the_value_back() {
    let mut wheel = Wheel::new(Tick::default(), 2, 0);
    let handle = wheel.insert(1, 'a').unwrap();
    wheel.insert(1, 'b').unwrap();
    let full = wheel.insert(1, 'c').unwrap_err();
    assert_eq!((full.capacity, full.value), (2, 'c'));
    wheel.cancel(handle);
    wheel.insert(1, 'c').unwrap();
}

#[test]
fn the_work_of_a_call_is_bounded() {
    let mut wheel = wheel(10, 0);
    for value in 0..1_000 {
        wheel.insert(1_000_000, value).unwrap();
    }
    let (mut due, mut calls) = (Vec::new(), 0);
    while wheel.advance(2_000_000, 7, &mut due) == Advance::More {
        calls += 1;
        assert!(due.len() <= calls * 7);
    }
    assert_eq!(values(&due), (0..1_000).collect::<Vec<_>>());
    assert_eq!(wheel.position_ms(), 2_000_000);
}

#[test]
fn a_sleeper_that_follows_next_ms_misses_nothing_and_wakes_seldom() {
    let mut wheel = wheel(10, 0);
    wheel.insert(123_456_789, 1).unwrap();
    let mut wakes = 0;
    while let Some(next) = wheel.next_ms() {
        wakes += 1;
        for due in drain(&mut wheel, next) {
            assert_eq!(due.due_ms, next);
        }
    }
    assert!(wakes <= 5, "{wakes} wakes");
}

#[test]
fn room_is_made_at_the_far_end() {
    let mut wheel = wheel(10, 0);
    for (value, due) in [(1, 5), (2, 100_000), (3, 70), (4, 90_000_000), (5, 7)] {
        wheel.insert(due, value).unwrap();
    }
    let order: Vec<u32> = std::iter::from_fn(|| wheel.take_latest().map(|due| due.value)).collect();
    assert_eq!(order, [4, 2, 3, 5, 1]);
}

#[test]
fn ticks_are_one_millisecond_to_one_second() {
    assert_eq!(Tick::default().ms(), 10);
    for bad in [0, 1_001, u32::MAX] {
        let error = Tick::from_ms(bad).unwrap_err();
        assert!(error.to_string().contains("1 to 1000 ms"), "{error}");
    }
}
