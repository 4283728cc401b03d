//! Random stories: the wheel and a sorted map do the same.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;

/// What a wheel should do, in the plainest way.
#[derive(Debug, Default)]
struct Model {
    /// Values and due times, by the time at which they come and the order of inserts and updates.
    timers: BTreeMap<(i64, u64), (u32, i64)>,
    keys: HashMap<u32, (i64, u64)>,
    position: i64,
    order: u64,
}

impl Model {
    fn insert(&mut self, due_ms: i64, value: u32) {
        let key = (due_ms.max(self.position), self.order);
        self.order += 1;
        self.timers.insert(key, (value, due_ms));
        self.keys.insert(value, key);
    }

    fn cancel(&mut self, value: u32) -> bool {
        let key = self.keys.remove(&value);
        key.is_some_and(|key| self.timers.remove(&key).is_some())
    }

    fn update(&mut self, value: u32, due_ms: i64) -> bool {
        let was_there = self.cancel(value);
        if was_there {
            self.insert(due_ms, value);
        }
        was_there
    }

    /// The next timer, if it is due.
    fn pop(&mut self, now_ms: i64) -> Option<(u32, i64)> {
        let first = self.timers.first_entry()?;
        if first.key().0 > now_ms {
            return None;
        }
        let timer = first.remove();
        self.keys.remove(&timer.0);
        Some(timer)
    }
}

/// One line of a story. Timers are named by the order of their inserts, modulo how many there were.
#[derive(Debug, Clone)]
enum Line {
    Insert(i64),
    Cancel(usize),
    Update(usize, i64),
    /// Tells the time, so far from the position; negative after a step back of a clock.
    Advance(i64),
    /// The same with a budget.
    Little(i64, usize),
    Pop(i64),
    TakeLatest,
}

/// A distance in time: of any size, small ones as often as large ones.
fn distance() -> impl Strategy<Value = i64> {
    (0_u32..63, any::<i64>(), 0..4).prop_map(|(bits, random, sign)| {
        let far = random & ((1 << bits) - 1);
        if sign == 0 { -far } else { far }
    })
}

fn line() -> impl Strategy<Value = Line> {
    let near = prop_oneof![3 => -5_i64..3_000, 2 => distance()];
    prop_oneof![
        8 => near.clone().prop_map(Line::Insert),
        2 => any::<usize>().prop_map(Line::Cancel),
        2 => (any::<usize>(), near.clone()).prop_map(|(which, due)| Line::Update(which, due)),
        2 => (-50_i64..500).prop_map(Line::Advance),
        1 => distance().prop_map(Line::Advance),
        3 => (near.clone(), 0_usize..8).prop_map(|(far, budget)| Line::Little(far, budget)),
        1 => near.prop_map(Line::Pop),
        1 => Just(Line::TakeLatest),
    ]
}

/// A wheel and the model beside it.
struct Pair {
    wheel: Wheel<u32>,
    model: Model,
    handles: Vec<TimerHandle>,
    /// The latest time that was told.
    told: i64,
}

impl Pair {
    fn new(tick_ms: u32, start_ms: i64) -> Self {
        let model = Model {
            position: start_ms,
            ..Model::default()
        };
        Self {
            wheel: Wheel::new(Tick::from_ms(tick_ms).unwrap(), u32::MAX, start_ms),
            model,
            handles: Vec::new(),
            told: start_ms,
        }
    }

    fn play(&mut self, line: &Line) {
        let here = self.wheel.position_ms();
        let which = |which: usize, all: &[TimerHandle]| which.checked_rem(all.len());
        match *line {
            Line::Insert(from_here) => {
                let due = here.saturating_add(from_here);
                let value = u32::try_from(self.handles.len()).unwrap();
                self.handles.push(self.wheel.insert(due, value).unwrap());
                self.model.insert(due, value);
            }
            Line::Cancel(index) => {
                let Some(index) = which(index, &self.handles) else {
                    return;
                };
                let value = u32::try_from(index).unwrap();
                let cancelled = self.wheel.cancel(self.handles[index]);
                assert_eq!(cancelled, self.model.cancel(value).then_some(value));
            }
            Line::Update(index, from_here) => {
                let Some(index) = which(index, &self.handles) else {
                    return;
                };
                let (value, due) = (index as u32, here.saturating_add(from_here));
                let updated = self.wheel.update(self.handles[index], due);
                assert_eq!(updated, self.model.update(value, due));
            }
            Line::Advance(far) => self.advance(here.saturating_add(far), usize::MAX),
            Line::Little(far, budget) => self.advance(here.saturating_add(far), budget),
            Line::Pop(far) => {
                let now = here.saturating_add(far);
                let popped = self.wheel.pop(now).map(|due| (due.value, due.due_ms));
                self.told = self.told.max(now);
                assert_eq!(popped, self.model.pop(now.max(here)));
                if popped.is_none() {
                    assert_eq!(self.wheel.position_ms(), now.max(here));
                }
                self.model.position = self.wheel.position_ms();
            }
            Line::TakeLatest => {
                let taken = self.wheel.take_latest().map(|due| due.value);
                assert_eq!(taken.is_some(), !self.model.timers.is_empty());
                assert!(taken.is_none_or(|value| self.model.cancel(value)));
            }
        }
        self.check();
    }

    fn advance(&mut self, now: i64, budget: usize) {
        let here = self.wheel.position_ms();
        let mut due = Vec::new();
        let progress = self.wheel.advance(now, budget, &mut due);
        let now = now.max(here);
        self.told = self.told.max(now);
        assert!(due.len() <= budget);
        for given in due {
            assert!(given.due_ms <= self.told, "{given:?} is early");
            assert_eq!(Some((given.value, given.due_ms)), self.model.pop(now));
        }
        self.model.position = self.wheel.position_ms();
        match progress {
            Advance::Done => {
                assert_eq!(self.wheel.position_ms(), now);
                assert_eq!(self.model.pop(now), None);
            }
            Advance::More => assert!((here..=now).contains(&self.wheel.position_ms())),
        }
    }

    fn check(&self) {
        assert_eq!(self.wheel.len(), self.model.timers.len());
        let first = self.model.timers.first_key_value();
        let next = self.wheel.next_ms();
        assert_eq!(next.is_some(), first.is_some());
        if let (Some(next), Some(((comes, _), _))) = (next, first) {
            assert!(next <= *comes, "a sleeper would miss the timer at {comes}");
            assert!(next >= self.wheel.position_ms());
        }
        for (value, handle) in self.handles.iter().enumerate() {
            let key = self.model.keys.get(&(value as u32));
            let due = key.map(|key| self.model.timers[key].1);
            assert_eq!(self.wheel.get(*handle).map(|(due, _)| due), due);
        }
    }
}

fn story(tick_ms: u32, start_ms: i64, lines: &[Line]) {
    let mut pair = Pair::new(tick_ms, start_ms);
    for line in lines {
        pair.play(line);
    }
    // Whatever is left comes in order.
    pair.advance(i64::MAX, usize::MAX);
    assert!(pair.wheel.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_wheel_does_what_a_sorted_map_does(
        tick_ms in prop_oneof![Just(1_u32), Just(10), 1..=1_000_u32],
        start_ms in prop_oneof![Just(1_800_000_000_000_i64), distance()],
        lines in prop::collection::vec(line(), 1..200),
    ) {
        story(tick_ms, start_ms, &lines);
    }
}
