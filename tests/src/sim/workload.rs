//! What happens to the node: one scheduler draws from one seed what clients, the disk, the clock and fate do next.

use vanus_types::{Durability, EventlogId};

use super::{
    Bug,
    logs::{Numbered, Slot, batch},
    node::{Figures, Node, read},
    trace::{Ack, Entry, Fail, Mark, Sent, Trace},
};

/// Most eventlogs at a time.
const LOGS: usize = 4;
/// Steps that a store goes on after it has stopped, to see that it acknowledges nothing.
const STEPS_POISONED: u64 = 6;

/// What a run left.
#[derive(Debug)]
pub struct Run {
    /// What was written down.
    pub trace: Trace,
    /// What was done.
    pub figures: Figures,
}

/// Runs the node of `seed` for that much simulated time; the store may have a planted bug.
#[must_use]
pub fn run(seed: u64, simulated_ms: u64, bug: Option<Bug>) -> Run {
    let mut node = Node::new(seed, bug);
    while node.clock.elapsed_ms() < simulated_ms {
        node.life(simulated_ms);
    }
    // What the last life left is looked at too.
    if !node.open() {
        node.free();
        node.open();
    }
    node.figures.simulated_ms = node.clock.elapsed_ms();
    Run {
        trace: node.trace,
        figures: node.figures,
    }
}

impl Node {
    fn life(&mut self, until_ms: u64) {
        let stops_by_itself = self.random.below(3) == 0;
        match self.random.below(8) {
            0 => self.faults.plan_crash(&mut self.random, 60),
            1 => self.faults.plan_fatal(&mut self.random),
            _ => {}
        }
        self.pass_time();
        if !self.open() {
            if !self.faults.crashed() && self.full {
                self.free();
            }
            return self.stop();
        }
        if stops_by_itself && !self.faults.crashed() {
            let calls = if self.random.below(3) > 0 { 800 } else { 50 };
            self.faults.plan_crash(&mut self.random, calls);
        }
        let mut steps = self
            .random
            .between(1, if stops_by_itself { 600 } else { 250 });
        while steps > 0 && self.clock.elapsed_ms() < until_ms && !self.faults.crashed() {
            if !stops_by_itself {
                self.plan_fault();
            }
            let before = self.poisoned;
            self.step();
            if self.poisoned && !before {
                steps = steps.min(self.random.below(STEPS_POISONED) + 2);
            }
            steps -= 1;
        }
        self.stop();
    }

    fn plan_fault(&mut self) {
        match self.random.below(120) {
            0..76 => self.faults.plan_harmless(&mut self.random),
            76..78 => self.faults.plan_fatal(&mut self.random),
            _ => {}
        }
    }

    fn pass_time(&mut self) {
        let ms = self.random.between(10, 500);
        self.clock.advance(u32::try_from(ms).unwrap_or(10));
    }

    fn step(&mut self) {
        self.pass_time();
        match self.random.below(200) {
            0..70 => self.send_plain(),
            70..106 => self.send_numbered(),
            106..112 => self.send_again(),
            112..160 => self.read_on(),
            160..172 => self.tick(),
            172..176 => self.create(),
            176 => self.delete(),
            177..187 => self.expire(),
            187..190 => self.checkpoint(),
            190..192 => {
                let to = self.clock.jump(&mut self.random);
                self.trace.push(Entry::Jumped(to));
            }
            192..195 => {
                if let Some(at) = self.any_slot()
                    && let Some(log) = self.slots.get(at).map(|slot| slot.id)
                {
                    self.audit(log);
                }
            }
            195 => self.fill(),
            _ if self.full => self.free(),
            _ => self.tick(),
        }
    }

    fn any_slot(&mut self) -> Option<usize> {
        let slots = self.slots.len() as u64;
        (slots > 0).then(|| usize::try_from(self.random.below(slots)).unwrap_or(0))
    }

    /// Notes whether the store has stopped.
    fn look<T>(&mut self, answer: &Result<T, Fail>) {
        self.poisoned |= matches!(answer, Err(Fail::Poisoned));
    }

    fn send(
        &mut self,
        log: u64,
        (first, count): (u64, u64),
        synced: bool,
        numbered: Option<(u64, Numbered)>,
    ) -> Option<Result<Ack, Fail>> {
        let store = self.store.clone()?;
        let (built, events): (_, Vec<Mark>) = batch(self.seed, first, count)?;
        let built = match numbered {
            Some((producer, numbered)) => numbered.by(producer, &built),
            None => built,
        };
        let durability = if synced {
            Durability::Fsync
        } else {
            Durability::PageCache
        };
        let answer = store.append_blocking(EventlogId::from_u64(log), built, durability);
        let answer = answer.map_err(|e| Fail::from(&e)).map(|appended| Ack {
            base: appended.base_offset,
            time_ms: appended.append_time_ms,
            duplicate: appended.duplicate,
        });
        self.look(&answer);
        self.figures.acknowledged += u64::from(answer.is_ok());
        self.note(Entry::Sent(Sent {
            log,
            events,
            synced,
            producer: numbered.map(|(producer, numbered)| (producer, numbered.sequence)),
            at_ms: self.clock.monotonic_ms(),
            answer,
        }));
        Some(answer)
    }

    fn new_events(&mut self) -> (u64, u64) {
        let (first, count) = (self.next_event, self.random.between(1, 5));
        self.next_event += count;
        (first, count)
    }

    fn send_plain(&mut self) {
        let Some(log) = self.any_slot().and_then(|at| self.slots.get(at)) else {
            return self.create();
        };
        let log = log.id;
        let events = self.new_events();
        let synced = self.random.below(3) > 0;
        self.send(log, events, synced, None);
    }

    fn send_numbered(&mut self) {
        let (slot, number) = (self.any_slot(), self.random.below(3));
        let events = self.new_events();
        let sometimes = self.random.below(2) == 0;
        let Some((log, producer)) = self.producer(slot, number) else {
            return self.create();
        };
        let fresh = Numbered {
            sequence: producer.next,
            first: events.0,
            count: events.1,
        };
        let (numbered, id) = (producer.unknown.unwrap_or(fresh), producer.id);
        let synced = producer.always_synced || sometimes;
        self.offer(log, id, slot, number, numbered, synced);
    }

    /// Sends again what was acknowledged long ago.
    fn send_again(&mut self) {
        let (slot, number, which) = (
            self.any_slot(),
            self.random.below(3),
            self.random.below(1_000),
        );
        let Some((log, producer)) = self.producer(slot, number) else {
            return;
        };
        let kept = usize::try_from(which)
            .unwrap_or(0)
            .checked_rem(producer.sent.len());
        let again = kept.and_then(|kept| producer.sent.get(kept)).copied();
        let id = producer.id;
        if let Some(again) = again.filter(|_| producer.unknown.is_none()) {
            self.offer(log, id, slot, number, again, true);
        }
    }

    fn producer(
        &mut self,
        slot: Option<usize>,
        number: u64,
    ) -> Option<(u64, &mut super::logs::Producer)> {
        let slot = self.slots.get_mut(slot?)?;
        let producer = slot.producers.get_mut(usize::try_from(number).ok()?)?;
        Some((slot.id, producer))
    }

    fn offer(
        &mut self,
        log: u64,
        id: u64,
        slot: Option<usize>,
        number: u64,
        numbered: Numbered,
        synced: bool,
    ) {
        let events = (numbered.first, numbered.count);
        let answer = self.send(log, events, synced, Some((id, numbered)));
        let Some((_, producer)) = self.producer(slot, number) else {
            return;
        };
        match answer {
            Some(Ok(_)) => producer.acknowledged(numbered),
            Some(Err(Fail::OutOfSequence { expected })) => producer.begin_again(expected),
            Some(Err(Fail::Poisoned)) if numbered.sequence >= producer.next => {
                producer.unknown = Some(numbered);
            }
            _ => {}
        }
    }

    fn read_on(&mut self) {
        let reader = usize::from(self.random.below(2) == 0);
        let most = usize::try_from(self.random.between(1, 12_000)).unwrap_or(1);
        let rewinds = self.random.below(12) == 0;
        let (Some(store), Some(at)) = (self.store.clone(), self.any_slot()) else {
            return;
        };
        let Some(slot) = self.slots.get_mut(at) else {
            return;
        };
        let log = slot.id;
        let Some(cursor) = slot.readers.get_mut(reader) else {
            return;
        };
        if rewinds && let Ok(info) = store.info(EventlogId::from_u64(log)) {
            *cursor = info.start_offset;
        }
        let from = *cursor;
        let answer = read(&store, log, from, most);
        *cursor = match &answer {
            Ok(reading) => reading.next,
            Err(Fail::Underflow { start: place } | Fail::Overflow { end: place }) => *place,
            Err(_) => from,
        };
        self.note(Entry::Read(log, from, answer));
    }

    fn tick(&mut self) {
        if let Some(store) = self.store.clone() {
            let before = store.stats();
            let answer = store.tick().map_err(|e| Fail::from(&e));
            let after = store.stats();
            self.figures.scrubbed += after.scrub_segments - before.scrub_segments;
            self.figures.scrub_damage += after.scrub_damage - before.scrub_damage;
            self.look(&answer);
            self.note(Entry::Ticked(self.clock.monotonic_ms(), answer));
        }
    }

    fn checkpoint(&mut self) {
        if let Some(store) = self.store.clone() {
            let answer = store.checkpoint().map_err(|e| Fail::from(&e));
            self.look(&answer);
            self.note(Entry::Checkpointed(answer));
        }
    }

    fn create(&mut self) {
        let Some(store) = self.store.clone().filter(|_| self.slots.len() < LOGS) else {
            return;
        };
        let log = self.next_log;
        self.next_log += 1;
        let answer = store.create_log_blocking(EventlogId::from_u64(log));
        let answer = answer.map_err(|e| Fail::from(&e));
        self.look(&answer);
        if answer.is_ok() {
            self.slots.push(Slot::new(log));
        }
        self.note(Entry::Created(log, answer));
    }

    fn delete(&mut self) {
        let (Some(store), Some(at)) = (self.store.clone(), self.any_slot()) else {
            return;
        };
        let Some(log) = self.slots.get(at).map(|slot| slot.id) else {
            return;
        };
        let answer = store.delete_log_blocking(EventlogId::from_u64(log));
        let answer = answer.map_err(|e| Fail::from(&e));
        self.look(&answer);
        if answer.is_ok() {
            self.slots.remove(at);
        }
        self.note(Entry::Deleted(log, answer));
    }

    fn expire(&mut self) {
        let age = i64::try_from(self.random.below(60_000)).unwrap_or(0);
        let before_ms = self.clock.now_ms() - age;
        let (Some(store), Some(at)) = (self.store.clone(), self.any_slot()) else {
            return;
        };
        let Some(log) = self.slots.get(at).map(|slot| slot.id) else {
            return;
        };
        let id = EventlogId::from_u64(log);
        let answer = store.expire(id, before_ms).map_err(|e| Fail::from(&e));
        self.look(&answer);
        let start = store.info(id).map_or(0, |info| info.start_offset);
        self.note(Entry::Expired {
            log,
            before_ms,
            answer,
            start,
        });
    }
}
