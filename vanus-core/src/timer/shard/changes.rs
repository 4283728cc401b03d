//! What happened to a shard since its index was written last.

use std::collections::BTreeMap;

use vanus_types::codec::{Decode, Encode};

use super::entry::{Goes, Place, Timer};

/// What the index holds of a timer, besides its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub(crate) struct Indexed {
    /// The offset of the entry that holds its event, if it is not the one that set it first.
    pub(crate) at: Option<u64>,
    pub(crate) goes: Goes,
    /// Length of the record of its event, in bytes.
    pub(crate) len: u32,
}

impl Indexed {
    pub(crate) fn of(timer: &Timer) -> Self {
        Self {
            at: (timer.at != timer.id).then_some(timer.at),
            goes: timer.goes,
            len: timer.len,
        }
    }

    pub(crate) fn timer(self, place: Place) -> Timer {
        Timer {
            id: place.id,
            due_ms: place.due_ms,
            at: self.at.unwrap_or(place.id),
            goes: self.goes,
            len: self.len,
        }
    }
}

/// A change of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    /// What the index shall hold; nothing to delete it.
    pub(crate) value: Option<Indexed>,
    /// Whether the index certainly holds nothing there yet.
    fresh: bool,
}

/// Changes of the index, one for each place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) places: BTreeMap<Place, Change>,
    /// When timers that were set again are due: their ids do not lead to it. Nothing for those that are no more.
    pub(crate) set_again: BTreeMap<u64, Option<i64>>,
}

impl Changes {
    pub(crate) fn len(&self) -> usize {
        self.places.len() + self.set_again.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A timer waits from now on. `new` says that the index certainly holds nothing at its place.
    pub(super) fn put(&mut self, timer: &Timer, new: bool) {
        let value = Some(Indexed::of(timer));
        let again = timer.at != timer.id;
        let change = self.places.entry(timer.place()).or_insert(Change {
            value,
            fresh: new && !again,
        });
        change.value = value;
        if again {
            self.set_again.insert(timer.id, Some(timer.due_ms));
        }
    }

    /// A timer waits no more. What was never written needs no deletion.
    pub(super) fn delete(&mut self, place: Place, again: bool) {
        if self.places.get(&place).is_some_and(|change| change.fresh) {
            self.places.remove(&place);
        } else {
            let gone = Change {
                value: None,
                fresh: false,
            };
            self.places.insert(place, gone);
        }
        if again {
            self.set_again.insert(place.id, None);
        }
    }

    /// Puts these, which could not be written, under later ones. How much of them was written is not known.
    pub(super) fn under(mut self, later: Changes) -> Changes {
        for change in self.places.values_mut() {
            change.fresh = false;
        }
        for (place, mut change) in later.places {
            change.fresh &= !self.places.contains_key(&place);
            self.places.insert(place, change);
        }
        self.set_again.extend(later.set_again);
        self
    }

    /// What is known here of the timer at `place`: nothing, that it is gone, or where it goes.
    pub(crate) fn at(&self, place: Place) -> Option<Option<Indexed>> {
        self.places.get(&place).map(|change| change.value)
    }
}
