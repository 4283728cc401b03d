//! The timers a shard holds in memory: those that are due next, and those somebody is about to change.
//!
//! A timer waits in the wheel until it is due soon; then it stands in a short list by time, so that its event can be read
//! ahead. Who takes a timer, to fire or to change it, has it alone until it is gone or put back.

use std::collections::{BTreeSet, HashMap};

use super::entry::{Place, Timer};
use crate::timer::wheel::{Advance, Tick, TimerHandle, Wheel};

/// Most timers that stand in the list of what is due soon.
const MAX_SOON: usize = 65_536;

/// Steps of the wheel in one call.
const STEPS: usize = 16_384;

/// Timers that leave memory at once when there is no room, one out of this many.
const SHARE_PUT_OUT: usize = 16;

#[derive(Debug, Clone, Copy)]
enum Stands {
    Wheel(TimerHandle),
    Soon,
    Taken,
}

#[derive(Debug)]
pub(super) struct Near {
    wheel: Wheel<u64>,
    timers: HashMap<u64, (Timer, Stands)>,
    soon: BTreeSet<Place>,
    most: usize,
}

impl Near {
    /// Room for `most` timers, those due before `now_ms` included.
    pub(super) fn new(most: usize, now_ms: i64) -> Self {
        let most = most.max(2 * SHARE_PUT_OUT);
        Self {
            // The wheel is asked only after there is room; a few may come on top.
            wheel: Wheel::new(Tick::default(), u32::MAX, now_ms),
            timers: HashMap::new(),
            soon: BTreeSet::new(),
            most,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.timers.len()
    }

    pub(super) fn soon(&self) -> usize {
        self.soon.len()
    }

    /// For how many more there is room.
    pub(super) fn room(&self) -> usize {
        self.most.saturating_sub(self.timers.len())
    }

    pub(super) fn is_full(&self) -> bool {
        self.timers.len() >= self.most
    }

    pub(super) fn get(&self, id: u64) -> Option<&Timer> {
        self.timers.get(&id).map(|(timer, _)| timer)
    }

    /// Whether somebody has taken it.
    #[cfg(test)]
    pub(super) fn is_taken(&self, id: u64) -> bool {
        matches!(self.timers.get(&id), Some((_, Stands::Taken)))
    }

    /// Adds a timer, which is not there yet.
    pub(super) fn insert(&mut self, timer: Timer) {
        let stands = self.stand(&timer);
        self.timers.insert(timer.id, (timer, stands));
    }

    fn stand(&mut self, timer: &Timer) -> Stands {
        if timer.due_ms > self.wheel.position_ms()
            && let Ok(handle) = self.wheel.insert(timer.due_ms, timer.id)
        {
            return Stands::Wheel(handle);
        }
        self.soon.insert(timer.place());
        Stands::Soon
    }

    /// Removes a timer, whoever has it.
    pub(super) fn remove(&mut self, id: u64) -> Option<Timer> {
        let (timer, stands) = self.timers.remove(&id)?;
        self.leave(&timer, stands);
        Some(timer)
    }

    fn leave(&mut self, timer: &Timer, stands: Stands) {
        match stands {
            Stands::Wheel(handle) => {
                self.wheel.cancel(handle);
            }
            Stands::Soon => {
                self.soon.remove(&timer.place());
            }
            Stands::Taken => {}
        }
    }

    /// Takes one timer, unless it is taken.
    pub(super) fn take(&mut self, id: u64) -> Option<Timer> {
        let (timer, stands) = self.timers.get(&id).copied()?;
        if matches!(stands, Stands::Taken) {
            return None;
        }
        self.leave(&timer, stands);
        self.timers.insert(id, (timer, Stands::Taken));
        Some(timer)
    }

    /// Puts back what was taken, if it is still there.
    pub(super) fn put_back(&mut self, id: u64) {
        if let Some((timer, Stands::Taken)) = self.timers.get(&id).copied() {
            let stands = self.stand(&timer);
            self.timers.insert(id, (timer, stands));
        }
    }

    /// Brings what is due until `until_ms` into the list, and tells what is new there.
    pub(super) fn approach(&mut self, until_ms: i64) -> Vec<Timer> {
        let mut came = Vec::new();
        let mut due = Vec::new();
        while self.soon.len() < MAX_SOON {
            let more = self.wheel.advance(until_ms, STEPS, &mut due);
            for due in due.drain(..) {
                if let Some((timer, stands)) = self.timers.get_mut(&due.value) {
                    *stands = Stands::Soon;
                    self.soon.insert(timer.place());
                    came.push(*timer);
                }
            }
            if matches!(more, Advance::Done) {
                break;
            }
        }
        came
    }

    /// Takes at most `most` timers that are due, in the order in which they are.
    pub(super) fn take_due(&mut self, now_ms: i64, most: usize) -> Vec<Timer> {
        let mut due = Vec::new();
        while due.len() < most
            && let Some(first) = self.soon.first().copied()
            && first.due_ms <= now_ms
        {
            self.soon.pop_first();
            if let Some((timer, stands)) = self.timers.get_mut(&first.id) {
                *stands = Stands::Taken;
                due.push(*timer);
            }
        }
        due
    }

    /// When to look again: no timer is due before.
    pub(super) fn next_ms(&self) -> Option<i64> {
        self.soon.first().map(|first| first.due_ms)
    }

    /// The timers due soon, in order.
    pub(super) fn next(&self) -> impl Iterator<Item = &Timer> {
        let timers = |place: &Place| self.timers.get(&place.id).map(|(timer, _)| timer);
        self.soon.iter().filter_map(timers)
    }

    /// All timers, in no order.
    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &Timer> {
        self.timers.values().map(|(timer, _)| timer)
    }

    /// Makes room: forgets some of those that are due last, and tells the first place of those.
    pub(super) fn put_out(&mut self) -> Option<Place> {
        let mut first: Option<Place> = None;
        for _ in 0..(self.most / SHARE_PUT_OUT) {
            let last = self.wheel.take_latest().map(|out| out.value);
            let Some(id) = last.or_else(|| self.soon.pop_last().map(|place| place.id)) else {
                break;
            };
            if let Some((timer, _)) = self.timers.remove(&id) {
                first = Some(first.map_or(timer.place(), |first| first.min(timer.place())));
            }
        }
        first
    }
}
