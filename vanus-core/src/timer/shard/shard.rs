//! The state of a shard, and what an entry does to it.

use std::{collections::BTreeMap, sync::Arc};

use vanus_types::{
    NamespaceId,
    codec::{Decode, Encode},
};

use super::{
    changes::{Changes, Indexed},
    entry::{Entry, Fire, Item, Place, Read, Set, Timer},
    near::Near,
    ranges::Ranges,
};

/// How far ahead of its time a timer is brought into the list of those due soon, in milliseconds.
const SOON_MS: i64 = 1_000;

/// What is stored of a shard beside its index, as of one offset of its eventlog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub(crate) struct Checkpoint {
    /// The entries below this offset are in the index.
    pub(crate) applied: u64,
    /// The offset the fold began at: what lies below it is not known.
    pub(crate) base: u64,
    pub(crate) epoch: u32,
    /// The last time of the cluster that was written down, in milliseconds since the Unix epoch.
    pub(crate) time_ms: i64,
    /// How many timers of each namespace wait.
    pub(crate) pending: Vec<(NamespaceId, u64)>,
    /// How many events are needed in each range of the eventlog.
    pub(crate) ranges: Vec<(u64, u32)>,
    /// The offsets of the fires that are not done.
    pub(crate) fires: Vec<u64>,
    /// Where void entries lie: the first and last offset of each run of them.
    pub(crate) void: Vec<(u64, u64)>,
}

/// What an entry did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Applied {
    /// Nothing: it was written by somebody who no longer owned the shard.
    Void,
    /// Somebody owns the shard now, with this epoch.
    Claimed(u32),
    /// A timer waits.
    Set(Timer),
    /// A timer does not wait any more.
    Cancelled(Item),
    /// Events are to be put into an eventlog.
    Fire,
    /// Fires are over.
    Done,
}

/// The fold over the entries of a shard.
#[derive(Debug)]
pub(crate) struct Shard {
    epoch: u32,
    time_ms: i64,
    base: u64,
    applied: u64,
    /// All timers before this place are in memory.
    horizon: Place,
    near: Near,
    changes: Changes,
    /// Changes on their way into the index.
    writing: Option<Arc<Changes>>,
    /// Whether entries are read that were there before: a crash may have left some of what they do in the index.
    repeating: bool,
    pending: BTreeMap<NamespaceId, u64>,
    ranges: Ranges,
    fires: BTreeMap<u64, Fire>,
    void: Vec<(u64, u64)>,
}

impl Shard {
    /// A shard whose eventlog begins at `base`, before any entry; with room in memory for `near` timers.
    pub(crate) fn new(base: u64, near: usize, now_ms: i64) -> Self {
        Self {
            epoch: 0,
            time_ms: i64::MIN,
            base,
            applied: base,
            horizon: Place::MIN,
            near: Near::new(near, now_ms),
            changes: Changes::default(),
            writing: None,
            repeating: true,
            pending: BTreeMap::new(),
            ranges: Ranges::default(),
            fires: BTreeMap::new(),
            void: Vec::new(),
        }
    }

    /// A shard as a checkpoint says, with the entries of the fires it names.
    pub(crate) fn restore(
        checkpoint: &Checkpoint,
        fires: impl IntoIterator<Item = (u64, Fire)>,
        near: usize,
        now_ms: i64,
    ) -> Self {
        Self {
            epoch: checkpoint.epoch,
            time_ms: checkpoint.time_ms,
            applied: checkpoint.applied,
            pending: checkpoint.pending.iter().copied().collect(),
            ranges: Ranges::restore(checkpoint.ranges.iter().copied()),
            fires: fires.into_iter().collect(),
            void: checkpoint.void.clone(),
            ..Self::new(checkpoint.base, near, now_ms)
        }
    }

    /// The offset of the next entry.
    pub(crate) const fn applied(&self) -> u64 {
        self.applied
    }

    /// The epoch of the last claim.
    pub(crate) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The last time of the cluster that was written down, in milliseconds since the Unix epoch.
    pub(crate) const fn time_ms(&self) -> i64 {
        self.time_ms
    }

    /// How many timers of each namespace wait.
    pub(crate) const fn pending(&self) -> &BTreeMap<NamespaceId, u64> {
        &self.pending
    }

    /// How many timers wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.pending.values().sum()
    }

    /// How many timers are in memory, and how many of these are due soon.
    pub(crate) fn in_memory(&self) -> (usize, usize) {
        (self.near.len(), self.near.soon())
    }

    /// The fires that are not over, by the offsets of their entries.
    pub(crate) const fn fires(&self) -> &BTreeMap<u64, Fire> {
        &self.fires
    }

    /// Folds the entry at the next offset.
    pub(crate) fn apply(&mut self, read: &Read) -> Applied {
        let offset = self.applied;
        self.applied += 1;
        if let Entry::Claim { time_ms, .. } = read.entry {
            if read.epoch <= self.epoch {
                return self.void(offset);
            }
            self.epoch = read.epoch;
            self.time_ms = self.time_ms.max(time_ms);
            return Applied::Claimed(read.epoch);
        }
        if read.epoch < self.epoch {
            return self.void(offset);
        }
        // The claim lies before what is kept of the eventlog.
        self.epoch = read.epoch;
        match &read.entry {
            Entry::Claim { .. } => Applied::Void,
            Entry::Set(set) => {
                Applied::Set(self.set(offset, set, u32::try_from(read.record.len()).unwrap_or(0)))
            }
            Entry::Cancel(item, namespace) => {
                self.remove(item, *namespace);
                self.forget_event(item);
                Applied::Cancelled(*item)
            }
            Entry::Fire(fire) => {
                self.fire(offset, fire);
                Applied::Fire
            }
            Entry::Done(fires) => {
                self.done(fires);
                Applied::Done
            }
        }
    }

    /// Folds a timer this owner has set itself at the next offset, whose record has `len` bytes: as [`Shard::apply`], without
    /// reading the entry.
    pub(crate) fn apply_set(&mut self, epoch: u32, set: &Set, len: u32) -> Applied {
        let offset = self.applied;
        self.applied += 1;
        if epoch < self.epoch {
            return self.void(offset);
        }
        Applied::Set(self.set(offset, set, len))
    }

    fn void(&mut self, offset: u64) -> Applied {
        match self.void.last_mut() {
            Some((_, last)) if *last + 1 == offset => *last = offset,
            _ => self.void.push((offset, offset)),
        }
        Applied::Void
    }

    /// Passes over the entry at the next offset, which cannot be read.
    pub(crate) const fn pass_over(&mut self) -> Applied {
        self.applied += 1;
        Applied::Void
    }

    fn set(&mut self, offset: u64, set: &Set, len: u32) -> Timer {
        let timer = Timer {
            id: set.instead.map_or(offset, |item| item.id),
            due_ms: set.due_ms,
            at: offset,
            goes: set.goes,
            len,
        };
        if let Some(item) = &set.instead {
            self.remove(item, set.goes.namespace);
            self.forget_event(item);
        }
        self.changes.put(&timer, !self.repeating);
        *self.pending.entry(set.goes.namespace).or_default() += 1;
        self.ranges.add(offset);
        if timer.place() < self.horizon {
            self.make_room();
            if timer.place() < self.horizon {
                self.near.insert(timer);
            }
        }
        timer
    }

    /// Whether what lies at `item` was folded.
    const fn knows(&self, item: &Item) -> bool {
        item.at >= self.base
    }

    fn remove(&mut self, item: &Item, namespace: NamespaceId) {
        self.near.remove(item.id);
        if !self.knows(item) {
            return;
        }
        let place = Place {
            due_ms: item.due_ms,
            id: item.id,
        };
        self.changes.delete(place, item.at != item.id);
        if let Some(count) = self.pending.get_mut(&namespace) {
            *count -= 1;
            if *count == 0 {
                self.pending.remove(&namespace);
            }
        }
    }

    fn forget_event(&mut self, item: &Item) {
        if self.knows(item) {
            self.ranges.remove(item.at);
        }
    }

    fn fire(&mut self, offset: u64, fire: &Fire) {
        match fire.instead {
            Some(other) => {
                self.fires.remove(&other);
            }
            None => {
                for item in &fire.items {
                    self.remove(item, fire.namespace);
                }
            }
        }
        self.time_ms = self.time_ms.max(fire.time_ms);
        self.fires.insert(offset, fire.clone());
    }

    fn done(&mut self, fires: &[u64]) {
        for offset in fires {
            if let Some(fire) = self.fires.remove(offset) {
                for item in &fire.items {
                    self.forget_event(item);
                }
            }
        }
    }

    /// Brings what is due within a second into the list of what is due soon; answers what is new there.
    pub(crate) fn approach(&mut self, now_ms: i64) -> Vec<Timer> {
        self.near.approach(now_ms.saturating_add(SOON_MS))
    }

    /// The timers due soon, in order.
    pub(crate) fn next(&self) -> impl Iterator<Item = &Timer> {
        self.near.next()
    }

    /// When the next timer in the list of those due soon is due.
    pub(crate) fn next_ms(&self) -> Option<i64> {
        self.near.next_ms()
    }

    /// Takes at most `most` timers that are due: nobody else gets them before they are put back or gone.
    pub(crate) fn take_due(&mut self, now_ms: i64, most: usize) -> Vec<Timer> {
        self.near.take_due(now_ms, most)
    }

    /// Takes one timer that is in memory.
    pub(crate) fn take(&mut self, id: u64) -> Option<Timer> {
        self.near.take(id)
    }

    /// Whether a timer was taken: it is about to fire, or to be changed.
    #[cfg(test)]
    pub(crate) fn is_taken(&self, id: u64) -> bool {
        self.near.is_taken(id)
    }

    /// The timer, if it is in memory.
    pub(crate) fn get(&self, id: u64) -> Option<&Timer> {
        self.near.get(id)
    }

    /// Puts back what was taken, as nothing came of it.
    pub(crate) fn put_back(&mut self, id: u64) {
        self.near.put_back(id);
    }

    /// Where the timers begin that may not be in memory.
    pub(crate) const fn horizon(&self) -> Place {
        self.horizon
    }

    /// For how many more timers there is room in memory.
    pub(crate) fn room(&self) -> usize {
        self.near.room()
    }

    fn make_room(&mut self) {
        if self.near.is_full()
            && let Some(first) = self.near.put_out()
        {
            self.horizon = self.horizon.min(first);
        }
    }

    /// Takes timers into memory that the index holds between the horizon and `until`: all of them, as of a moment since which
    /// no changes were written into the index.
    pub(crate) fn page_in(
        &mut self,
        found: impl IntoIterator<Item = (Place, Indexed)>,
        until: Place,
    ) {
        let from = self.horizon;
        if until <= from {
            return;
        }
        self.horizon = until;
        let changed: Vec<_> = self.changes.places.range(from..until).collect();
        let mut timers: BTreeMap<Place, Indexed> = found.into_iter().collect();
        for (place, change) in changed {
            match change.value {
                Some(value) => timers.insert(*place, value),
                None => timers.remove(place),
            };
        }
        for (place, value) in timers {
            if self.near.get(place.id).is_none() {
                self.near.insert(value.timer(place));
            }
        }
    }

    /// Takes one timer into memory that the index holds at `place`, as of a moment since which no changes were written into the
    /// index. Answers whether it still waits.
    pub(crate) fn load(&mut self, place: Place, found: Option<Indexed>) -> bool {
        if let Some(timer) = self.near.get(place.id) {
            return timer.place() == place;
        }
        let Some(value) = self.changes.at(place).unwrap_or(found) else {
            return false;
        };
        self.make_room();
        self.near.insert(value.timer(place));
        true
    }

    /// What the index does not hold yet, the latest first.
    pub(crate) fn unwritten(&self) -> impl Iterator<Item = &Changes> {
        std::iter::once(&self.changes).chain(self.writing.as_deref())
    }

    /// Hands out the changes of the index, to be written together with the checkpoint. Until the outcome is told there is nothing
    /// more to hand out.
    pub(crate) fn start_writing(&mut self) -> Option<(Arc<Changes>, Checkpoint)> {
        if self.writing.is_some() {
            return None;
        }
        let changes = Arc::new(std::mem::take(&mut self.changes));
        self.writing = Some(Arc::clone(&changes));
        Some((changes, self.checkpoint()))
    }

    /// The changes were written, or nobody knows how many of them.
    pub(crate) fn end_writing(&mut self, written: bool) {
        let Some(changes) = self.writing.take() else {
            return;
        };
        if !written {
            let later = std::mem::take(&mut self.changes);
            self.changes = Arc::unwrap_or_clone(changes).under(later);
        }
    }

    /// What was there is read: entries are new from now on.
    pub(crate) const fn end_repeating(&mut self) {
        self.repeating = false;
    }

    /// Everything of the state that is not in the index.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            applied: self.applied,
            base: self.base,
            epoch: self.epoch,
            time_ms: self.time_ms,
            pending: self.pending.iter().map(|(id, n)| (*id, *n)).collect(),
            ranges: self.ranges.counts().collect(),
            fires: self.fires.keys().copied().collect(),
            void: self.void.clone(),
        }
    }

    /// The first offset of the eventlog that whoever starts from `written`, the last checkpoint that was written, needs.
    pub(crate) fn needed_from(&self, written: u64) -> u64 {
        let first_fire = self.fires.keys().next().copied();
        // Somebody who lost the shard may still write: an entry before that says that it is void must stay.
        let valid = match self.void.last() {
            Some((first, last)) if last + 1 == self.applied => *first,
            _ => self.applied,
        };
        let needed = [self.ranges.first(), first_fire, valid.checked_sub(1)];
        needed.into_iter().flatten().fold(written, u64::min)
    }

    /// Whether the eventlog may begin at this offset: whoever reads it from there on must see that an entry is void, which only an
    /// entry before it tells.
    pub(crate) fn may_begin_at(&self, offset: u64) -> bool {
        let void = |(first, last): &(u64, u64)| (*first..=*last).contains(&offset);
        !self.void.iter().any(void)
    }

    /// The eventlog begins at this offset now.
    pub(crate) fn begins_at(&mut self, offset: u64) {
        self.void.retain(|(_, last)| *last >= offset);
    }

    /// The oldest range of offsets with events that are needed, and how many these are.
    pub(crate) fn oldest(&self) -> Option<(std::ops::Range<u64>, u32)> {
        self.ranges.oldest()
    }

    /// All timers in memory, in no order.
    #[cfg(test)]
    pub(super) fn all_in_memory(&self) -> impl Iterator<Item = &Timer> {
        self.near.all()
    }
}
