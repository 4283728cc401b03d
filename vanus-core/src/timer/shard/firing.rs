//! What is due is put together by the eventlog it goes to, and goes there in order. Pure.
//!
//! Into one eventlog a shard writes one batch after the other: a batch that is refused is tried again before the next one, so
//! that what comes twice after a crash is always recognised by its sequence number.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use vanus_types::{
    EventlogId, ProducerId,
    limits::{MAX_FIRE_EVENTS, MAX_FIRE_LEN},
};

use super::entry::{Fire, Goes, Item, Timer};

/// Most fires of one eventlog between the decision and the end.
const MOST_OF_EVENTLOG: usize = 2;

/// Most fires of a shard between the decision and the end.
const MOST: usize = 64;

/// What its marks add to a dead letter, in bytes, at most.
const LETTER_LEN: usize = 512;

/// Most eventlogs whose numbers are remembered while nothing is under way to them.
const MOST_WAYS: usize = 65_536;

/// Where the event of a timer goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) eventlog: EventlogId,
    /// Whether these are the dead letters, as its eventbus is not there.
    pub(crate) dead: bool,
}

/// What is under way to one eventlog.
#[derive(Debug)]
struct Way {
    producer: ProducerId,
    next_sequence: u64,
    /// Fires that were decided and whose entries are not folded.
    decided: usize,
    /// Fires whose entries are folded, in order; the first is at work if `busy`.
    folded: VecDeque<u64>,
    busy: bool,
}

/// All fires of a shard under way.
#[derive(Debug)]
pub(crate) struct Firing {
    /// As whom the shard writes.
    producer: u64,
    ways: BTreeMap<EventlogId, Way>,
    /// Those with a fire to work on.
    ready: BTreeSet<EventlogId>,
    under_way: usize,
    /// Most bytes of the events of one fire.
    most_len: usize,
}

/// A producer that nobody has written as.
fn new_producer(last: &mut u64) -> ProducerId {
    *last = last.wrapping_add(1).max(1);
    ProducerId::from_u64(*last)
}

impl Firing {
    /// Nothing under way, in batches of at most `most_len` bytes. `owner` is a number that no other owner has had.
    pub(crate) fn new(owner: u64, most_len: usize) -> Self {
        Self {
            producer: owner,
            ways: BTreeMap::new(),
            ready: BTreeSet::new(),
            under_way: 0,
            most_len: most_len.min(MAX_FIRE_LEN),
        }
    }

    /// Decides what to do with timers that are due: the fires, and those timers that have to wait as enough is under way.
    pub(crate) fn decide(
        &mut self,
        due: &[(Timer, Target)],
        time_ms: i64,
    ) -> (Vec<Fire>, Vec<(Timer, Target)>) {
        let mut room = MOST.saturating_sub(self.under_way);
        let mut open: HashMap<(Target, Goes), (usize, usize)> = HashMap::new();
        let (mut fires, mut wait) = (Vec::<Fire>::new(), Vec::new());
        // Once one of an eventlog has to wait, all behind it do.
        let mut shut = Vec::new();
        for (timer, to) in due {
            let goes = Goes {
                key: None,
                ..timer.goes
            };
            let marks = if to.dead { LETTER_LEN } else { 0 };
            let (item, len) = (Item::from(timer), timer.len as usize + marks);
            if shut.contains(&to.eventlog) {
                wait.push((*timer, *to));
                continue;
            }
            if let Some((index, bytes)) = open.get_mut(&(*to, goes))
                && let Some(fire) = fires.get_mut(*index)
                && fire.items.len() < MAX_FIRE_EVENTS
                && *bytes + len <= self.most_len
            {
                *bytes += len;
                fire.items.push(item);
                continue;
            }
            let way = self.ways.get(&to.eventlog);
            let of_way = way.map_or(0, |way| way.decided + way.folded.len());
            if room == 0 || of_way >= MOST_OF_EVENTLOG {
                shut.push(to.eventlog);
                wait.push((*timer, *to));
                continue;
            }
            room -= 1;
            self.under_way += 1;
            self.way(to.eventlog).decided += 1;
            open.insert((*to, goes), (fires.len(), len));
            fires.push(Fire {
                eventlog: to.eventlog,
                producer: ProducerId::from_u64(0),
                sequence: 0,
                time_ms,
                eventbus: goes.eventbus,
                namespace: goes.namespace,
                dead: to.dead,
                instead: None,
                items: vec![item],
            });
        }
        for fire in &mut fires {
            self.number(fire);
        }
        (fires, wait)
    }

    fn way(&mut self, eventlog: EventlogId) -> &mut Way {
        let Self { producer, ways, .. } = self;
        ways.entry(eventlog).or_insert_with(|| Way {
            producer: new_producer(producer),
            next_sequence: 0,
            decided: 0,
            folded: VecDeque::new(),
            busy: false,
        })
    }

    /// Gives a fire the next numbers of its eventlog.
    fn number(&mut self, fire: &mut Fire) {
        let way = self.way(fire.eventlog);
        fire.producer = way.producer;
        fire.sequence = way.next_sequence;
        way.next_sequence += fire.items.len() as u64;
    }

    /// Decides a fire anew of which nothing was stored: for another eventlog, or as another producer.
    pub(crate) fn decide_again(&mut self, offset: u64, fire: &Fire, to: Target) -> Fire {
        self.begin_anew(to.eventlog);
        self.way(to.eventlog).decided += 1;
        self.under_way += 1;
        let mut again = Fire {
            eventlog: to.eventlog,
            dead: to.dead,
            instead: Some(offset),
            ..fire.clone()
        };
        self.number(&mut again);
        again
    }

    /// What comes next for this eventlog is written as another producer, as numbers are missing.
    fn begin_anew(&mut self, eventlog: EventlogId) {
        let producer = new_producer(&mut self.producer);
        if let Some(way) = self.ways.get_mut(&eventlog) {
            way.producer = producer;
            way.next_sequence = 0;
        }
    }

    /// The entry of a fire was not appended.
    pub(crate) fn refused(&mut self, fire: &Fire) {
        self.begin_anew(fire.eventlog);
        let way = self.way(fire.eventlog);
        way.decided = way.decided.saturating_sub(1);
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// The entry of a fire that was decided here was folded.
    pub(crate) fn folded(&mut self, offset: u64, fire: &Fire) {
        let way = self.way(fire.eventlog);
        way.decided = way.decided.saturating_sub(1);
        self.under_way = self.under_way.saturating_sub(1);
        self.inherit(offset, fire);
    }

    /// The fire that an owner before has left.
    pub(crate) fn inherit(&mut self, offset: u64, fire: &Fire) {
        self.under_way += 1;
        let way = self.way(fire.eventlog);
        way.folded.push_back(offset);
        if !way.busy {
            self.ready.insert(fire.eventlog);
        }
    }

    /// The fires that can be worked on now. Each is at work until [`Firing::ended`] or [`Firing::failed`].
    pub(crate) fn start(&mut self) -> Vec<u64> {
        let ready = std::mem::take(&mut self.ready);
        let first = |eventlog: EventlogId| {
            let way = self.ways.get_mut(&eventlog)?;
            way.busy = true;
            way.folded.front().copied()
        };
        ready.into_iter().filter_map(first).collect()
    }

    /// A fire is over, or was decided anew; `whole` says whether all its events are stored under their numbers.
    pub(crate) fn ended(&mut self, offset: u64, eventlog: EventlogId, whole: bool) {
        if !whole {
            self.begin_anew(eventlog);
        }
        if let Some(way) = self.ways.get_mut(&eventlog) {
            let before = way.folded.len();
            way.folded.retain(|other| *other != offset);
            self.under_way = self.under_way.saturating_sub(before - way.folded.len());
        }
        self.failed(eventlog);
        if self.ways.len() > MOST_WAYS {
            self.ways
                .retain(|_, way| way.decided > 0 || !way.folded.is_empty());
        }
    }

    /// A fire was not successful, and is tried again with the next [`Firing::start`].
    pub(crate) fn failed(&mut self, eventlog: EventlogId) {
        if let Some(way) = self.ways.get_mut(&eventlog) {
            way.busy = false;
            if !way.folded.is_empty() {
                self.ready.insert(eventlog);
            }
        }
    }

    /// Whether more may be under way to this eventlog.
    pub(crate) fn takes(&self, eventlog: EventlogId) -> bool {
        let of_way = |way: &Way| way.decided + way.folded.len();
        self.has_room()
            && self
                .ways
                .get(&eventlog)
                .is_none_or(|way| of_way(way) < MOST_OF_EVENTLOG)
    }

    /// Whether more may be under way.
    pub(crate) const fn has_room(&self) -> bool {
        self.under_way < MOST
    }
}
