//! How the wheel moves on, and what it gives out.

use super::{Moving, SLOTS, Shape, TimerHandle, Wheel};

/// A timer that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due<T> {
    /// Its handle, which leads nowhere any more.
    pub handle: TimerHandle,
    /// When it was due, as it was inserted or updated last.
    pub due_ms: i64,
    /// What was inserted.
    pub value: T,
}

/// How far an advance has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// All that is due has been given out.
    Done,
    /// The budget was used up; the same call goes on where this one ended.
    More,
}

/// One step of a fixed cost.
enum Step<T> {
    /// A timer is due.
    Gave(Due<T>),
    /// A slot was opened, or a timer moved to a lower level.
    Moved,
    /// Nothing is left to do up to the time that was told.
    Idle,
}

impl<T> Wheel<T> {
    /// Tells that `now_ms` has come, and appends the timers due by then to `due`: in the order of
    /// their due times, those of one millisecond in the order in which they were inserted or
    /// updated. No timer is given out before its time. A time before the position counts as the
    /// position.
    ///
    /// `budget` bounds the work of the call, in steps: a timer given out, a timer moved to a lower
    /// level, or a slot opened. After [`Advance::More`] timers may be inserted, updated and
    /// cancelled as always.
    pub fn advance(&mut self, now_ms: i64, budget: usize, due: &mut Vec<Due<T>>) -> Advance {
        let now = self.effective(now_ms);
        for _ in 0..budget {
            match self.step(now) {
                Step::Gave(timer) => due.push(timer),
                Step::Moved => {}
                Step::Idle => return Advance::Done,
            }
        }
        Advance::More
    }

    /// Like [`advance`](Self::advance) for the next timer alone, with as much work as it takes.
    pub fn pop(&mut self, now_ms: i64) -> Option<Due<T>> {
        let now = self.effective(now_ms);
        loop {
            match self.step(now) {
                Step::Gave(timer) => return Some(timer),
                Step::Moved => {}
                Step::Idle => return None,
            }
        }
    }

    /// When the wheel has to be told the time next: no timer is due before. It is exact once the
    /// timer's tick has begun, and else the beginning of its slot, where the wheel has something to
    /// move and then knows better. Nothing if it is empty.
    #[must_use]
    pub fn next_ms(&self) -> Option<i64> {
        if self.is_empty() {
            return None;
        }
        let at = match self.next_stop() {
            _ if self.moving.is_some() => self.position,
            Some(Stop::Open { at, .. } | Stop::Slot { at, .. }) => at,
            None => return None,
        };
        Some(self.ms(at))
    }

    fn step(&mut self, now: u64) -> Step<T> {
        if let Some(moving) = self.moving {
            return self.step_moving(moving);
        }
        match self.next_stop() {
            Some(Stop::Open { at, list }) if at <= now => {
                self.go_to(at);
                let first = self.slab.pop_front(list);
                first
                    .and_then(|index| self.slab.release(index))
                    .map_or(Step::Moved, Step::Gave)
            }
            Some(Stop::Slot { at, list, last }) if at <= now => {
                self.go_to(at);
                self.moving = Some(Moving { list, last });
                Step::Moved
            }
            _ => {
                self.go_to(now);
                Step::Idle
            }
        }
    }

    /// Moves one timer out of the slot that was opened.
    fn step_moving(&mut self, moving: Moving) -> Step<T> {
        if let Some(index) = self.slab.pop_front(moving.list) {
            let at = self.effective(self.slab.due_ms(index));
            self.slab.push_back(self.place_below(at), index);
        }
        if self.slab.is_list_empty(moving.list) {
            self.moving = None;
        }
        Step::Moved
    }

    fn go_to(&mut self, position: u64) {
        debug_assert!(position >= self.position, "a wheel never runs back");
        self.position = position;
        self.cursor = position / self.shape.tick_ms;
    }

    /// The next list that is not empty. Those of the open tick come first, then the slots of the
    /// lowest level, and so on: a slot lies behind all slots of the levels below it.
    fn next_stop(&self) -> Option<Stop> {
        let Shape {
            tick_ms,
            bits,
            levels,
        } = self.shape;
        let open = self.shape.open();
        if let Some(list) = self.slab.lists_of(levels..self.slab.words()).next() {
            let at = self.cursor * tick_ms + (list - open) as u64;
            return Some(Stop::Open { at, list });
        }
        let list = self.slab.lists_of(0..levels).next()?;
        let (level, slot) = (list as u64 / SLOTS, list as u64 % SLOTS);
        let shift = u32::try_from(level).unwrap_or(u32::MAX) * bits;
        let above = u64::MAX.checked_shl(shift + bits).unwrap_or(0);
        let first = (self.cursor & above) | (slot << shift);
        Some(Stop::Slot {
            at: first.saturating_mul(tick_ms),
            list,
            last: first | !u64::MAX.checked_shl(shift).unwrap_or(0),
        })
    }
}

/// Where the wheel has something to do.
enum Stop {
    /// A millisecond of the open tick.
    Open { at: u64, list: usize },
    /// The beginning of a slot, and its last tick.
    Slot { at: u64, list: usize, last: u64 },
}
