//! Timers that are due: first it is written down that they fire, then their events go into their eventlogs.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::FutureExt;
use vanus_storage::{AppendError, Appended};
use vanus_types::{Batch, Durability, Event, EventlogId, TimerId, limits::MAX_FIRE_EVENTS};

use super::{Driver, append::Proposal, reads::read_records};
use crate::{
    eventlog::{LogError, Logs},
    timer::{
        TimerError, letter,
        metrics::add,
        shard::{Entry, Fire, Goes, Target, Timer},
    },
};

/// A fire that was worked on.
#[derive(Debug)]
pub(super) struct Fired {
    offset: u64,
    fire: Fire,
    /// Events that could not be read.
    unreadable: usize,
    outcome: Result<Appended, LogError>,
}

impl Driver {
    /// Decides what becomes of the timers that are due, and writes it down.
    pub(super) async fn fire(&mut self, now_ms: i64) {
        let mut ready = self.held_ready();
        ready.extend(self.due_now(now_ms));
        if ready.is_empty() {
            return;
        }
        let (fires, wait) = self.firing.decide(&ready, now_ms);
        // Those before them that wait for the same eventlog were taken first, or are behind in the list.
        for (timer, target) in wait.into_iter().rev() {
            let held = self.held.entry(target.eventlog).or_default();
            held.push_front((timer, target));
        }
        for fire in fires {
            let entry = Entry::Fire(fire.clone());
            self.propose(Proposal::Fire(fire), entry, None).await;
        }
    }

    /// Timers that waited for their eventlog, and need not any more.
    fn held_ready(&mut self) -> Vec<(Timer, Target)> {
        let mut ready = Vec::new();
        let firing = &self.firing;
        self.held.retain(|eventlog, timers| {
            if firing.takes(*eventlog) {
                let count = timers.len().min(MAX_FIRE_EVENTS);
                ready.extend(timers.drain(..count));
            }
            !timers.is_empty()
        });
        ready
    }

    /// Timers that are due and need not wait for others.
    fn due_now(&mut self, now_ms: i64) -> Vec<(Timer, Target)> {
        let mut ready = Vec::new();
        if !self.firing.has_room() || self.shard.next_ms().is_none_or(|due_ms| due_ms > now_ms) {
            return ready;
        }
        let Some(host) = self.host() else {
            return ready;
        };
        // Events without a key go together to the next eventlog in turn.
        self.turn = self.turn.wrapping_add(1);
        let mut known: HashMap<Goes, Option<Target>> = HashMap::new();
        for timer in self.shard.take_due(now_ms, MAX_FIRE_EVENTS) {
            let target = known.entry(timer.goes);
            let target = target.or_insert_with(|| host.target(&timer.goes, self.turn));
            match *target {
                Some(target) => match self.held.get_mut(&target.eventlog) {
                    Some(held) => held.push_back((timer, target)),
                    None => ready.push((timer, target)),
                },
                // The engine is closing.
                None => self.shard.put_back(timer.id),
            }
        }
        ready
    }

    pub(super) fn fire_refused(&mut self, fire: &Fire) {
        self.firing.refused(fire);
        if let Some(offset) = fire.instead {
            // The one it was to take the place of is tried once more, and comes to the same end.
            if let Some(fire) = self.shard.fires().get(&offset) {
                self.firing.inherit(offset, fire);
            }
            return;
        }
        for item in &fire.items {
            self.shard.put_back(item.id);
        }
    }

    /// Begins to put events into their eventlogs.
    pub(super) fn work(&mut self) {
        for offset in self.firing.start() {
            let Some(fire) = self.shard.fires().get(&offset).cloned() else {
                continue;
            };
            let items = fire.items.iter();
            let kept: Vec<_> = items.map(|item| self.payloads.get(item.at)).collect();
            let (logs, eventlog, shard) = (self.common.logs.clone(), self.eventlog, self.number);
            let task = tokio::spawn(async move {
                let put = put(&logs, eventlog, shard, &fire, kept).await;
                (fire, put)
            });
            let fired = async move {
                match task.await {
                    Ok((fire, (unreadable, outcome))) => Some(Fired {
                        offset,
                        fire,
                        unreadable,
                        outcome,
                    }),
                    // The runtime shuts down.
                    Err(_cut_off) => None,
                }
            };
            let fired = async move {
                match fired.await {
                    Some(fired) => fired,
                    None => std::future::pending().await,
                }
            };
            self.fired.push(fired.boxed());
        }
    }

    /// A fire was worked on.
    pub(super) async fn fired(&mut self, fired: Fired) {
        let Fired {
            offset,
            fire,
            unreadable,
            outcome,
        } = fired;
        match outcome {
            Ok(_) | Err(LogError::Append(AppendError::DuplicateForgotten { .. })) => {
                self.fire_over(offset, &fire, unreadable);
            }
            Err(LogError::Append(AppendError::UnknownLog(_))) => {
                // Its eventbus was deleted since.
                match self.host().and_then(|host| host.letters()) {
                    Some(letters) if letters.eventlog != fire.eventlog => {
                        self.decide_again(offset, &fire, letters).await;
                    }
                    _ => self.try_again_later(&fire),
                }
            }
            Err(LogError::Append(AppendError::OutOfSequence { .. })) => {
                let same = Target {
                    eventlog: fire.eventlog,
                    dead: fire.dead,
                };
                self.decide_again(offset, &fire, same).await;
            }
            Err(LogError::Append(error @ (AppendError::Poisoned { .. } | AppendError::Closed))) => {
                self.fail(LogError::Append(error).into());
            }
            Err(LogError::Closing) => self.fail(TimerError::Closing),
            Err(error) => {
                let eventlog = fire.eventlog;
                tracing::warn!(shard = self.number, %eventlog, %error, "events of timers that are due wait, as their eventlog does not take them");
                self.try_again_later(&fire);
            }
        }
    }

    fn try_again_later(&mut self, fire: &Fire) {
        self.firing.failed(fire.eventlog);
        self.pause();
    }

    async fn decide_again(&mut self, offset: u64, fire: &Fire, to: Target) {
        self.firing.ended(offset, fire.eventlog, false);
        let again = self.firing.decide_again(offset, fire, to);
        let entry = Entry::Fire(again.clone());
        self.propose(Proposal::Fire(again), entry, None).await;
    }

    fn fire_over(&mut self, offset: u64, fire: &Fire, unreadable: usize) {
        self.firing.ended(offset, fire.eventlog, unreadable == 0);
        if self.over.is_empty() {
            self.over_since_ns = self.common.clock.monotonic_ns();
        }
        self.over.push(offset);
        let now_ms = self.common.clock.now_ms();
        let counters = &self.common.counters;
        for item in &fire.items {
            self.payloads.remove(item.at);
            let late = now_ms.saturating_sub(item.due_ms);
            counters.late(u64::try_from(late).unwrap_or(0));
        }
        let count = (fire.items.len() - unreadable.min(fire.items.len())) as u64;
        let counter = if fire.dead {
            tracing::warn!(eventbus = %fire.eventbus, count, "events of timers went to the dead letters, as their eventbus was deleted");
            &counters.dead_letters
        } else {
            &counters.fired
        };
        add(counter, count);
        add(&counters.unreadable, unreadable as u64);
    }
}

/// Puts the events of a fire into its eventlog. What was put there before, by whomever, is not put there again.
async fn put(
    logs: &Logs,
    from: EventlogId,
    shard: u16,
    fire: &Fire,
    kept: Vec<Option<Bytes>>,
) -> (usize, Result<Appended, LogError>) {
    let missing = fire.items.iter().zip(&kept);
    let mut missing: Vec<u64> = missing
        .filter(|(_, kept)| kept.is_none())
        .map(|(item, _)| item.at)
        .collect();
    missing.sort_unstable();
    let read: HashMap<u64, Bytes> = match read_records(logs, from, &missing).await {
        Ok(read) => read.into_iter().collect(),
        Err(error) => return (0, Err(error)),
    };
    let mut events = Vec::with_capacity(fire.items.len());
    for (item, kept) in fire.items.iter().zip(kept) {
        let Some(record) = kept.or_else(|| read.get(&item.at).cloned()) else {
            continue;
        };
        let event = Event::trusted(record);
        events.push(if fire.dead {
            let timer = TimerId {
                shard,
                offset: item.id,
            };
            letter::mark(&event, timer, fire.eventbus, fire.time_ms)
        } else {
            event
        });
    }
    let unreadable = fire.items.len() - events.len();
    let mut sequence = fire.sequence;
    let mut last = None;
    // One batch, but for letters that their marks have made too long for one.
    for batch in Batch::pack(&events) {
        let count = u64::from(batch.header().count);
        let batch = batch.produced_by(fire.producer, sequence);
        sequence += count;
        match logs
            .append(fire.eventlog, batch, Durability::default())
            .await
        {
            Ok(appended) => last = Some(appended),
            Err(LogError::Append(AppendError::DuplicateForgotten { .. })) => {}
            Err(error) => return (unreadable, Err(error)),
        }
    }
    let nothing = Appended {
        base_offset: 0,
        count: 0,
        append_time_ms: 0,
        durability: Durability::default(),
        duplicate: true,
    };
    (unreadable, Ok(last.unwrap_or(nothing)))
}
