//! Somebody at the desk to whom deliveries are pushed.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{Delivery, Desk, Handed, Holder, State};

/// How much an attendant may hold.
#[derive(Debug)]
pub(super) struct Window {
    /// Deliveries it may hold more than it does.
    free: usize,
    /// It takes no more.
    leaving: bool,
    /// Told when there is room again, or it has to look at something.
    look: Arc<Notify>,
}

impl State {
    /// Nothing more is asked for by an attendant.
    fn leave(&mut self, number: u64) {
        let Some(window) = self.attendants.get_mut(&number) else {
            return;
        };
        if !std::mem::replace(&mut window.leaving, true) {
            self.demand -= window.free;
        }
    }

    /// An attendant has a delivery less.
    pub(super) fn give_room(&mut self, number: u64) {
        let Some(window) = self.attendants.get_mut(&number) else {
            return;
        };
        window.free += 1;
        if !window.leaving {
            self.demand += 1;
        }
        window.look.notify_one();
    }
}

/// Somebody to whom deliveries are pushed, as long as this lives: at most as many as it may hold,
/// and another one for each that is settled or over. When it leaves, what it still holds waits for
/// others; the time-outs go on.
#[derive(Debug)]
pub(crate) struct Attendant {
    desk: Arc<Desk>,
    number: u64,
    window: usize,
    dismissals: u64,
    look: Arc<Notify>,
}

impl Desk {
    /// Lets somebody attend who may hold `window` deliveries at a time.
    pub(crate) fn attend(self: &Arc<Self>, window: usize) -> Attendant {
        let look = Arc::new(Notify::new());
        let mut state = self.state.lock();
        state.last_attendant += 1;
        let number = state.last_attendant;
        let free = Window {
            free: window,
            leaving: false,
            look: Arc::clone(&look),
        };
        state.attendants.insert(number, free);
        state.demand += window;
        let dismissals = state.dismissals;
        drop(state);
        self.wanted.notify_waiters();
        Attendant {
            desk: Arc::clone(self),
            number,
            window,
            dismissals,
            look,
        }
    }

    /// Sends all attendants away, because the desk is not what they came for any more.
    pub(crate) fn dismiss(&self) {
        let mut state = self.state.lock();
        state.dismissals += 1;
        state
            .attendants
            .values()
            .for_each(|window| window.look.notify_one());
    }
}

impl Attendant {
    /// The next deliveries, at most `most` of them; waits until there are some. None when the
    /// attendant is sent away. Cancellation safe.
    pub(crate) async fn next(&self, most: usize) -> Option<Vec<Delivery>> {
        loop {
            let arrived = self.desk.arrived.notified();
            let (handed, has_room) = {
                let mut state = self.desk.state.lock();
                if state.dismissals != self.dismissals {
                    return None;
                }
                self.take(&mut state, most)
            };
            if !handed.is_empty() {
                return Some(handed);
            }
            tokio::select! {
                () = arrived, if has_room => {}
                () = self.look.notified() => {}
            }
        }
    }

    /// Takes what is there, as far as there is room; says whether there is room at all.
    fn take(&self, state: &mut State, most: usize) -> (Vec<Delivery>, bool) {
        let Some(window) = state.attendants.get(&self.number) else {
            return (Vec::new(), false);
        };
        let free = window.free;
        let handed = state.hand_out(most.min(free), Holder::Attendant(self.number));
        if let Some(window) = state.attendants.get_mut(&self.number) {
            window.free -= handed.len();
            state.demand -= handed.len();
        }
        if !state.waiting.is_empty() {
            // There is something for the next one too.
            self.desk.arrived.notify_one();
        }
        (handed, free > 0)
    }

    /// Takes no more, and waits until nothing is held. Cancellation safe.
    pub(crate) async fn finish(&self) {
        self.desk.state.lock().leave(self.number);
        loop {
            let free = {
                let state = self.desk.state.lock();
                let window = state.attendants.get(&self.number);
                window.map_or(self.window, |window| window.free)
            };
            if free == self.window {
                return;
            }
            self.look.notified().await;
        }
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        let mut state = self.desk.state.lock();
        let number = self.number;
        state.leave(number);
        state.attendants.remove(&number);
        let holder = Holder::Attendant(number);
        let slots = state.slots.iter_mut();
        let held = slots.filter(|(_, slot)| slot.holder == holder);
        let back = held.map(|(handed, slot)| {
            slot.holder = Holder::Desk;
            *handed
        });
        let mut back: Vec<Handed> = back.collect();
        // In their order, before what has come since.
        back.sort_unstable();
        back.into_iter()
            .rev()
            .for_each(|handed| state.waiting.push_front(handed));
        if !state.waiting.is_empty() {
            self.desk.arrived.notify_one();
        }
    }
}
