//! A hierarchical timing wheel without a horizon. Pure: time is an argument, no I/O.
//!
//! Time is cut into ticks, and ticks into levels of 64 slots, as a number is into digits. A timer lies
//! in the slot of the highest digit in which its tick differs from the wheel's own. When the wheel
//! comes to the beginning of a slot, the timers in it move to slots of lower levels, and in the end
//! from their tick to its milliseconds. Eleven levels hold every time there is, so that a timer is
//! moved eleven times at most, however far ahead it was; inserting, cancelling and moving one costs
//! the same with ten timers as with ten million. Slots without timers cost nothing.
//!
//! What does not live here: what a timer stands for, where it is kept safe, and what time it is.

mod advance;

mod slab;

mod tick;

#[cfg(test)]
mod tests;

use slab::Slab;

pub use advance::{Advance, Due};
pub use slab::TimerHandle;
pub use tick::{InvalidTick, Tick};

/// Slots of a level, and lists in a word of the map of lists that are not empty.
const SLOTS: u64 = 64;

/// Digits that hold any number of ticks.
const LEVELS: usize = 11;

/// The wheel holds as many timers as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the wheel holds {capacity} timers, as many as it may")]
pub struct WheelFull<T> {
    /// How many it may hold.
    pub capacity: u32,
    /// What was to be inserted.
    pub value: T,
}

/// How the levels are laid out.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Milliseconds of a tick.
    tick_ms: u64,
    /// Bits of a digit: a level has two to this power slots, 64 at most.
    bits: u32,
    levels: usize,
}

impl Shape {
    const fn of(tick: Tick) -> Self {
        Self {
            tick_ms: tick.ms() as u64,
            bits: SLOTS.trailing_zeros(),
            levels: LEVELS,
        }
    }

    /// The list of the first millisecond of the tick that is open.
    const fn open(self) -> usize {
        self.levels * SLOTS as usize
    }

    const fn lists(self) -> usize {
        self.open() + self.tick_ms as usize
    }
}

/// The slot whose timers are being moved to lower levels.
#[derive(Debug, Clone, Copy)]
struct Moving {
    list: usize,
    /// The last tick of the slot.
    last: u64,
}

/// Timers by due time, each with a value of `T`.
///
/// Times are milliseconds on any one scale, such as since the Unix epoch; all of `i64` is allowed. The
/// wheel has a *position*: the latest time it was told has come. It never runs back.
///
/// A timer takes about 40 bytes and the size of `Option<T>`; an empty wheel 6 KB at the default tick.
#[derive(Debug, Clone)]
pub struct Wheel<T> {
    shape: Shape,
    /// The time that the wheel counts from: the beginning of the tick it started in.
    origin_ms: i64,
    /// Milliseconds from the origin; all that was due before has been given out.
    position: u64,
    /// The tick of the position.
    cursor: u64,
    moving: Option<Moving>,
    slab: Slab<T>,
}

impl<T> Wheel<T> {
    /// An empty wheel at the position `start_ms`, for `capacity` timers at most.
    #[must_use]
    pub fn new(tick: Tick, capacity: u32, start_ms: i64) -> Self {
        Self::with_shape(Shape::of(tick), capacity, start_ms)
    }

    fn with_shape(shape: Shape, capacity: u32, start_ms: i64) -> Self {
        // Where the tick would begin before all time, the wheel counts from the start itself.
        let within = start_ms.rem_euclid(i64::try_from(shape.tick_ms).unwrap_or(1));
        let origin_ms = start_ms.checked_sub(within).unwrap_or(start_ms);
        Self {
            shape,
            origin_ms,
            position: start_ms.abs_diff(origin_ms),
            cursor: 0,
            moving: None,
            slab: Slab::new(shape.lists(), capacity),
        }
    }

    /// How many timers it holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.slab.len() == 0
    }

    /// The latest time it was told has come, as far as it has got: while an
    /// [`advance`](Self::advance) is not done this is a time before the one it was told.
    #[must_use]
    pub const fn position_ms(&self) -> i64 {
        self.ms(self.position)
    }

    /// Adds a timer that is due at `due_ms`. One that was due before the position comes with the
    /// next [`advance`](Self::advance), behind what is due at the position. Constant time.
    ///
    /// # Errors
    ///
    /// [`WheelFull`] if it holds as many timers as it may; it gives the value back.
    pub fn insert(&mut self, due_ms: i64, value: T) -> Result<TimerHandle, WheelFull<T>> {
        let list = self.place(due_ms);
        self.slab.insert(list, due_ms, value)
    }

    /// Takes a timer out; nothing if it has been given out or cancelled. Constant time.
    pub fn cancel(&mut self, handle: TimerHandle) -> Option<T> {
        self.slab.check(handle)?;
        self.slab.unlink(handle.index());
        self.slab.release(handle.index()).map(|due| due.value)
    }

    /// Changes when a timer is due, as if it were inserted now; its handle stays. Answers whether
    /// it was still there. Constant time.
    pub fn update(&mut self, handle: TimerHandle, due_ms: i64) -> bool {
        let Some(node) = self.slab.check(handle) else {
            return false;
        };
        node.due_ms = due_ms;
        self.slab.unlink(handle.index());
        let list = self.place(due_ms);
        self.slab.push_back(list, handle.index());
        true
    }

    /// When a timer is due, and its value; nothing if it has been given out or cancelled.
    #[must_use]
    pub fn get(&self, handle: TimerHandle) -> Option<(i64, &T)> {
        self.slab.get(handle)
    }

    /// Takes out one of the timers that are due last, to make room: no slot behind its own holds a
    /// timer. Of several in its slot it need not be the last. Constant time.
    pub fn take_latest(&mut self) -> Option<Due<T>> {
        let list = self.last_list()?;
        let index = self.slab.pop_back(list)?;
        self.slab.release(index)
    }

    /// The milliseconds from the origin at which a timer comes.
    fn effective(&self, due_ms: i64) -> u64 {
        match due_ms.checked_sub(self.origin_ms) {
            Some(from_origin) => u64::try_from(from_origin).unwrap_or(0).max(self.position),
            None if due_ms > self.origin_ms => due_ms.abs_diff(self.origin_ms),
            None => self.position,
        }
    }

    const fn ms(&self, from_origin: u64) -> i64 {
        self.origin_ms.saturating_add_unsigned(from_origin)
    }

    /// The list in which a timer belongs. While a slot is being moved, what belongs into it goes
    /// to its end, so that timers of one time stay in the order in which they were inserted.
    fn place(&self, due_ms: i64) -> usize {
        let at = self.effective(due_ms);
        match self.moving {
            Some(moving) if at / self.shape.tick_ms <= moving.last => moving.list,
            _ => self.place_below(at),
        }
    }

    /// The list of a time by the digits of its tick alone.
    fn place_below(&self, at: u64) -> usize {
        let Shape { tick_ms, bits, .. } = self.shape;
        let tick = at / tick_ms;
        let different = tick ^ self.cursor;
        if different == 0 {
            return self.shape.open() + (at % tick_ms) as usize;
        }
        let level = different.ilog2() / bits;
        let slot = (tick >> (level * bits)) & ((1 << bits) - 1);
        level as usize * SLOTS as usize + slot as usize
    }

    /// The last list that is not empty, leaving out the one that is being moved unless it is alone.
    fn last_list(&self) -> Option<usize> {
        let moving = self.moving.map(|moving| moving.list);
        let others = |list: &usize| Some(*list) != moving;
        let levels = self.slab.lists_of(0..self.shape.levels).rev();
        let open = self
            .slab
            .lists_of(self.shape.levels..self.slab.words())
            .rev();
        levels.chain(open).find(others).or(moving)
    }
}
