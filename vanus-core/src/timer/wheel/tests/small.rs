//! Every story of a few lines, on wheels so small that each line meets an edge.

use std::collections::BTreeMap;

use super::*;

/// A wheel and the plainest model of it: what comes when, in which order.
#[derive(Clone)]
struct Pair {
    wheel: Wheel<u8>,
    timers: BTreeMap<(i64, u8), (u8, TimerHandle)>,
    inserted: u8,
    order: u8,
}

/// Which of the timers that wait.
#[derive(Debug, Clone, Copy)]
enum Which {
    First,
    Last,
}

#[derive(Debug, Clone, Copy)]
enum Line {
    /// Due so many milliseconds from the position.
    Insert(i64),
    Cancel(Which),
    Update(Which, i64),
    /// Tells that so many milliseconds have passed, with a budget.
    Advance(i64, usize),
    TakeLatest,
}

impl Pair {
    fn new(shape: Shape, start_ms: i64) -> Self {
        Self {
            wheel: Wheel::with_shape(shape, 100, start_ms),
            timers: BTreeMap::new(),
            inserted: 0,
            order: 0,
        }
    }

    fn remember(&mut self, due_ms: i64, value: u8, handle: TimerHandle) {
        let comes = due_ms.max(self.wheel.position_ms());
        self.timers.insert((comes, self.order), (value, handle));
        self.order += 1;
    }

    /// Takes a timer out of the model.
    fn forget(&mut self, which: Which) -> Option<(u8, TimerHandle)> {
        let entry = match which {
            Which::First => self.timers.pop_first(),
            Which::Last => self.timers.pop_last(),
        };
        entry.map(|(_, timer)| timer)
    }

    fn play(&mut self, line: Line) {
        let here = self.wheel.position_ms();
        match line {
            Line::Insert(far) => {
                let value = self.inserted;
                let handle = self.wheel.insert(here + far, value).unwrap();
                self.remember(here + far, value, handle);
                self.inserted += 1;
            }
            Line::Cancel(which) => {
                if let Some((value, handle)) = self.forget(which) {
                    assert_eq!(self.wheel.cancel(handle), Some(value));
                    assert_eq!(self.wheel.cancel(handle), None);
                }
            }
            Line::Update(which, far) => {
                if let Some((value, handle)) = self.forget(which) {
                    assert!(self.wheel.update(handle, here + far));
                    self.remember(here + far, value, handle);
                }
            }
            Line::Advance(far, budget) => self.advance(here + far, budget),
            Line::TakeLatest => {
                let taken = self.wheel.take_latest().map(|due| due.value);
                assert_eq!(taken.is_none(), self.timers.is_empty());
                let before = self.timers.len();
                self.timers.retain(|_, (value, _)| Some(*value) != taken);
                assert!(taken.is_none() || self.timers.len() + 1 == before);
            }
        }
        assert_eq!(self.wheel.len(), self.timers.len());
        let first = self.timers.first_key_value();
        match (self.wheel.next_ms(), first) {
            (Some(next), Some(((comes, _), _))) => assert!(next <= *comes),
            (next, first) => assert_eq!(next.is_none(), first.is_none()),
        }
    }

    fn advance(&mut self, now: i64, budget: usize) {
        let mut due = Vec::new();
        let progress = self.wheel.advance(now, budget, &mut due);
        for given in due {
            let ((comes, _), (value, _)) = self.timers.pop_first().unwrap();
            assert!(comes <= now && given.due_ms <= now, "early");
            assert_eq!(given.value, value);
        }
        if progress == Advance::Done {
            assert_eq!(self.wheel.position_ms(), now);
            let first = self.timers.first_key_value();
            assert!(first.is_none_or(|((comes, _), _)| *comes > now), "late");
        }
    }

    /// Plays every story of so many lines more; answers how many there were.
    fn play_all(&self, lines: &[Line], more: u32) -> u64 {
        if more == 0 {
            let mut end = self.clone();
            end.advance(end.wheel.position_ms() + 100, usize::MAX);
            assert!(end.wheel.is_empty());
            return 1;
        }
        let stories = lines.iter().map(|line| {
            let mut next = self.clone();
            next.play(*line);
            next.play_all(lines, more - 1)
        });
        stories.sum()
    }
}

/// Lines that meet every level of a wheel with two slots each, within and between ticks.
fn lines() -> Vec<Line> {
    let mut lines: Vec<Line> = [-1, 0, 1, 3, 4, 6, 9].map(Line::Insert).to_vec();
    lines.extend([
        Line::Cancel(Which::First),
        Line::Cancel(Which::Last),
        Line::Update(Which::First, 8),
        Line::Update(Which::Last, 1),
        Line::Advance(1, usize::MAX),
        Line::Advance(5, usize::MAX),
        Line::Advance(9, 1),
        Line::Advance(2, 2),
        Line::TakeLatest,
    ]);
    lines
}

/// Levels of two slots: what is a far future elsewhere is a dozen milliseconds here.
fn shapes() -> [Shape; 3] {
    let shape = |tick_ms, bits, levels| Shape {
        tick_ms,
        bits,
        levels,
    };
    [shape(1, 1, 8), shape(2, 1, 7), shape(3, 2, 4)]
}

fn every_story(length: u32) -> u64 {
    let mut stories = 0;
    for shape in shapes() {
        for start in [0, 5] {
            stories += Pair::new(shape, start).play_all(&lines(), length);
        }
    }
    stories
}

#[test]
fn every_short_story_on_tiny_wheels_is_right() {
    assert_eq!(every_story(4), 6 * 16_u64.pow(4));
}

#[test]
#[ignore = "minutes without optimization; tests/bars/time-3 --full runs it"]
fn every_longer_story_on_tiny_wheels_is_right() {
    assert_eq!(every_story(6), 6 * 16_u64.pow(6));
}
