//! The model: an eventlog that owners append to, an index that may be written in part, and eventlogs that store what comes
//! twice once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vanus_types::{EventbusId, EventlogId, NamespaceId, ProducerId};

use crate::timer::shard::*;

pub(super) const NEAR: usize = 64;

/// Where everything goes.
pub(super) fn goes(bus: u64) -> Goes {
    Goes {
        eventbus: EventbusId::from_u64(bus + 1),
        namespace: NamespaceId::from_u64(bus % 2 + 1),
        key: None,
    }
}

pub(super) fn targeted(due: Vec<Timer>) -> Vec<(Timer, Target)> {
    let target = |goes: &Goes| Target {
        eventlog: EventlogId::from_u64(goes.eventbus.get() + 100),
        dead: false,
    };
    due.into_iter()
        .map(|timer| (timer, target(&timer.goes)))
        .collect()
}

pub(super) fn event() -> vanus_types::Event {
    let builder = vanus_types::Event::builder().id("1").source("/s").ty("t");
    builder.build().unwrap()
}

/// An eventlog that events go to: which timers, when, and what producers it remembers.
#[derive(Default)]
pub(super) struct Log {
    pub(super) next: HashMap<ProducerId, u64>,
    pub(super) stored: Vec<(u64, i64, i64)>,
}

/// What the disk keeps.
#[derive(Default)]
pub(super) struct World {
    pub(super) entries: Vec<Read>,
    pub(super) start: u64,
    pub(super) places: BTreeMap<Place, Indexed>,
    pub(super) again: BTreeMap<u64, i64>,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) logs: BTreeMap<EventlogId, Log>,
    pub(super) now_ms: i64,
    pub(super) owners: u64,
    /// What was acknowledged: timers and their times, and those that were cancelled in time.
    pub(super) due: BTreeMap<u64, i64>,
    pub(super) cancelled: BTreeSet<u64>,
}

/// Somebody who believes to own the shard.
pub(super) struct Owner {
    pub(super) shard: Shard,
    pub(super) firing: Firing,
    pub(super) epoch: u32,
    pub(super) done: Vec<u64>,
    /// Fires that were started, and may come to their eventlog late.
    pub(super) started: Vec<(u64, Fire)>,
}

impl World {
    pub(super) fn append(&mut self, epoch: u32, entry: Entry) {
        let of_timer = matches!(entry, Entry::Set(_)).then(event);
        let encoded = encode(epoch, entry, of_timer.as_ref()).unwrap();
        self.entries.push(decode(&encoded).unwrap());
    }

    pub(super) fn fold(&self, shard: &mut Shard) -> Vec<(u64, Applied)> {
        let from = usize::try_from(shard.applied()).unwrap();
        let rest = self.entries[from..].iter();
        rest.map(|read| (shard.applied(), shard.apply(read)))
            .collect()
    }

    /// Somebody takes over, from the index or from the eventlog alone.
    pub(super) fn take_over(&mut self, from_index: bool) -> Owner {
        if !from_index {
            self.places.clear();
            self.again.clear();
            self.checkpoint = None;
        }
        let mut shard = match &self.checkpoint {
            Some(checkpoint) => {
                let fire = |offset: &u64| match &self.entries[*offset as usize].entry {
                    Entry::Fire(fire) => (*offset, fire.clone()),
                    other => panic!("{other:?}"),
                };
                let fires: Vec<_> = checkpoint.fires.iter().map(fire).collect();
                Shard::restore(checkpoint, fires, NEAR, self.now_ms)
            }
            None => Shard::new(self.start, NEAR, self.now_ms),
        };
        self.fold(&mut shard);
        self.owners += 1;
        let (epoch, owner) = (shard.epoch() + 1, self.owners);
        let time_ms = self.now_ms;
        self.append(epoch, Entry::Claim { owner, time_ms });
        let claimed = self.fold(&mut shard);
        assert_eq!(claimed.last().unwrap().1, Applied::Claimed(epoch));
        shard.end_repeating();
        let mut firing = Firing::new(owner * 1_000_000, usize::MAX);
        for (offset, fire) in shard.fires() {
            firing.inherit(*offset, fire);
        }
        Owner {
            shard,
            firing,
            epoch,
            done: Vec::new(),
            started: Vec::new(),
        }
    }

    /// Writes the index, or only the first changes of it.
    pub(super) fn write(&mut self, owner: &mut Owner, part: Option<usize>) {
        let (changes, checkpoint) = owner.shard.start_writing().unwrap();
        let most = part.unwrap_or(usize::MAX);
        for (place, change) in changes.places.iter().take(most) {
            match change.value {
                Some(value) => self.places.insert(*place, value),
                None => self.places.remove(place),
            };
        }
        if part.is_none() {
            for (id, due_ms) in &changes.set_again {
                match due_ms {
                    Some(due_ms) => self.again.insert(*id, *due_ms),
                    None => self.again.remove(id),
                };
            }
            self.checkpoint = Some(checkpoint);
        }
        owner.shard.end_writing(part.is_none());
    }

    pub(super) fn page(&self, owner: &mut Owner, entries: usize) {
        let entries = entries.min(owner.shard.room());
        if entries > 0 {
            let from = owner.shard.horizon();
            let found: Vec<_> = self.places.range(from..).take(entries + 1).collect();
            let until = found.get(entries).map_or(Place::MAX, |(place, _)| **place);
            let page: Vec<_> = found
                .into_iter()
                .take(entries)
                .map(|(p, i)| (*p, *i))
                .collect();
            owner.shard.page_in(page, until);
        }
    }

    pub(super) fn set(&mut self, owner: &mut Owner, due_ms: i64, bus: u64) {
        let set = Set {
            instead: None,
            due_ms,
            goes: goes(bus),
        };
        self.append(owner.epoch, Entry::Set(set));
        if let Some((_, Applied::Set(timer))) = self.fold(&mut owner.shard).last() {
            self.due.insert(timer.id, due_ms);
        }
    }

    /// Cancels a timer, or sets it again.
    pub(super) fn change(&mut self, owner: &mut Owner, id: u64, again: Option<i64>) {
        let Some(due_ms) = self.due.get(&id).copied() else {
            return;
        };
        let place = Place { due_ms, id };
        let found = self.places.get(&place).copied();
        let waits = owner.shard.load(place, found);
        let Some(timer) = owner.shard.take(id).filter(|_| waits) else {
            return;
        };
        let entry = match again {
            Some(due_ms) => Entry::Set(Set {
                instead: Some(Item::from(&timer)),
                due_ms,
                goes: timer.goes,
            }),
            None => Entry::Cancel(Item::from(&timer), timer.goes.namespace),
        };
        self.append(owner.epoch, entry);
        match self.fold(&mut owner.shard).last() {
            Some((_, Applied::Set(_))) => {
                self.due.insert(id, again.unwrap());
            }
            Some((_, Applied::Cancelled(_))) => {
                self.cancelled.insert(id);
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn fire(&mut self, owner: &mut Owner) {
        owner.shard.approach(self.now_ms);
        let due = targeted(owner.shard.take_due(self.now_ms, 16));
        let (fires, wait) = owner.firing.decide(&due, self.now_ms);
        wait.into_iter()
            .for_each(|(timer, _)| owner.shard.put_back(timer.id));
        for fire in fires {
            self.append(owner.epoch, Entry::Fire(fire.clone()));
            for (offset, applied) in self.fold(&mut owner.shard) {
                assert_eq!(applied, Applied::Fire);
                owner.firing.folded(offset, &fire);
            }
        }
    }

    /// Puts the events of fires into their eventlogs; those that fail stay as they were.
    pub(super) fn work(&mut self, owner: &mut Owner, fail: bool) {
        for offset in owner.firing.start() {
            let fire = owner.shard.fires()[&offset].clone();
            owner.started.push((offset, fire.clone()));
            if fail {
                owner.firing.failed(fire.eventlog);
                continue;
            }
            let stored = self.put(&fire);
            assert!(stored, "numbers were left out");
            owner.done.push(offset);
            owner.firing.ended(offset, fire.eventlog, true);
        }
    }

    /// An eventlog as the store has it: what comes twice is stored once, what leaves numbers out is refused.
    pub(super) fn put(&mut self, fire: &Fire) -> bool {
        let log = self.logs.entry(fire.eventlog).or_default();
        let count = fire.items.len() as u64;
        match log.next.get(&fire.producer) {
            Some(next) if fire.sequence + count <= *next => return true,
            Some(next) if fire.sequence != *next => return false,
            _ => {}
        }
        log.next.insert(fire.producer, fire.sequence + count);
        for item in &fire.items {
            // The event is read from where the fire says.
            match &self.entries[item.at as usize].entry {
                Entry::Set(_) => {}
                other => panic!("{other:?}"),
            }
            assert!(item.at >= self.start, "its event was deleted");
            log.stored.push((item.id, item.due_ms, self.now_ms));
        }
        true
    }

    pub(super) fn settle(&mut self, owner: &mut Owner) {
        if !owner.done.is_empty() {
            let done = std::mem::take(&mut owner.done);
            self.append(owner.epoch, Entry::Done(done));
            self.fold(&mut owner.shard);
        }
    }

    pub(super) fn trim(&mut self, owner: &mut Owner) {
        let Some(checkpoint) = &self.checkpoint else {
            return;
        };
        let needed = owner.shard.needed_from(checkpoint.applied);
        if needed > self.start && owner.shard.may_begin_at(needed) {
            self.start = needed;
            owner.shard.begins_at(needed);
        }
    }

    /// Moves what is needed of the oldest range to the end.
    pub(super) fn compact(&mut self, owner: &mut Owner) {
        let due: Vec<_> = self
            .due
            .iter()
            .map(|(id, due)| (*id, *due))
            .take(3)
            .collect();
        for (id, due_ms) in due {
            if !self.cancelled.contains(&id) {
                self.change(owner, id, Some(due_ms));
            }
        }
    }

    /// Somebody who lost the shard goes on as if nothing had happened.
    pub(super) fn haunt(&mut self, old: &mut Owner, what: u8) {
        match what {
            0 => {
                let set = Set {
                    instead: None,
                    due_ms: self.now_ms,
                    goes: goes(0),
                };
                self.append(old.epoch, Entry::Set(set));
            }
            1 => {
                old.shard.approach(self.now_ms);
                let due = targeted(old.shard.take_due(self.now_ms, 16));
                for fire in old.firing.decide(&due, self.now_ms).0 {
                    self.append(old.epoch, Entry::Fire(fire));
                }
            }
            _ => {
                for (_, fire) in std::mem::take(&mut old.started) {
                    self.put(&fire);
                }
                for offset in old.firing.start() {
                    let fire = old.shard.fires()[&offset].clone();
                    self.put(&fire);
                }
            }
        }
    }

    pub(super) fn drain(&mut self, owner: &mut Owner) {
        for _ in 0..200 {
            self.now_ms += 1_000_000;
            self.page(owner, 50);
            self.fire(owner);
            self.work(owner, false);
            self.settle(owner);
        }
    }

    pub(super) fn check(&self) {
        let mut times: BTreeMap<u64, usize> = BTreeMap::new();
        for (id, due_ms, at_ms) in self.logs.values().flat_map(|log| &log.stored) {
            assert!(at_ms >= due_ms, "timer {id} was early");
            assert_eq!(
                Some(due_ms),
                self.due.get(id),
                "timer {id} fired at an old time"
            );
            *times.entry(*id).or_default() += 1;
        }
        for id in self.due.keys() {
            let expected = usize::from(!self.cancelled.contains(id));
            let fired = times.get(id).copied().unwrap_or(0);
            assert_eq!(fired, expected, "timer {id} fired {fired} times");
        }
        assert!(times.keys().all(|id| self.due.contains_key(id)));
    }
}
