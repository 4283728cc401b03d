//! Timers that are cancelled, moved, or fired before their time.

use futures_util::FutureExt;
use tokio::sync::oneshot;
use vanus_types::{Event, control::TimerOutcome};

use super::{Driver, Wish, append::Proposal, jobs::Job, reads::read_record};
use crate::timer::{
    TimerError,
    shard::{Entry, Item, Place, Read, Set, Timer},
};

/// Whoever asked for a change of a timer.
pub(super) type Asked = oneshot::Sender<Result<TimerOutcome, TimerError>>;

/// A timer that is to be set again, and its event.
#[derive(Debug)]
pub(super) struct Changing {
    timer: Timer,
    due_ms: i64,
    event: Result<Event, TimerError>,
    pub(super) reply: Asked,
}

/// Who wants to know where a timer is.
#[derive(Debug)]
pub(super) enum Seeking {
    Change(Wish, Asked),
    Get(oneshot::Sender<Result<Option<Timer>, TimerError>>),
    /// It is set again at the end of the eventlog, so that the beginning can go.
    Free,
}

impl Seeking {
    pub(super) fn refuse(self, error: &TimerError) {
        match self {
            Self::Change(_, reply) => drop(reply.send(Err(error.clone()))),
            Self::Get(reply) => drop(reply.send(Err(error.clone()))),
            Self::Free => {}
        }
    }

    /// There is no such timer.
    fn none(self) {
        match self {
            Self::Change(_, reply) => drop(reply.send(Ok(TimerOutcome::TooLate))),
            Self::Get(reply) => drop(reply.send(Ok(None))),
            Self::Free => {}
        }
    }
}

impl Driver {
    /// Somebody wants to change a timer.
    pub(super) async fn wish(&mut self, id: u64, wish: Wish, reply: Asked) {
        self.seek(id, Seeking::Change(wish, reply)).await;
    }

    pub(super) fn get(
        &mut self,
        id: u64,
        reply: oneshot::Sender<Result<Option<Timer>, TimerError>>,
    ) {
        match self.shard.get(id).copied() {
            Some(timer) => drop(reply.send(Ok(Some(timer)))),
            None => self.jobs.push_back(Job::Seek(id, Seeking::Get(reply))),
        }
    }

    async fn seek(&mut self, id: u64, seeking: Seeking) {
        if self.shard.get(id).is_some() {
            self.found(id, seeking).await;
        } else if id >= self.shard.applied() {
            seeking.none();
        } else {
            self.jobs.push_back(Job::Seek(id, seeking));
        }
    }

    /// The index was asked where a timer is, and holds this there.
    pub(super) async fn sought(
        &mut self,
        id: u64,
        found: Option<(Place, Option<crate::timer::shard::Indexed>)>,
        seeking: Seeking,
    ) {
        let mut waits = found.is_some_and(|(place, value)| self.shard.load(place, value));
        if !waits {
            // It may have been set again in the meantime.
            let again = self
                .shard
                .unwritten()
                .find_map(|changes| changes.set_again.get(&id).copied());
            if let Some(due_ms) = again.flatten() {
                waits = self.shard.load(Place { due_ms, id }, None);
            }
        }
        if waits {
            self.found(id, seeking).await;
        } else {
            seeking.none();
        }
    }

    /// A timer is in memory.
    async fn found(&mut self, id: u64, seeking: Seeking) {
        let (wish, reply) = match seeking {
            Seeking::Get(reply) => {
                let _ = reply.send(Ok(self.shard.get(id).copied()));
                return;
            }
            Seeking::Free => {
                if let Some(timer) = self.shard.take(id) {
                    let (reply, _nobody) = oneshot::channel();
                    self.set_again(timer, timer.due_ms, reply);
                }
                return;
            }
            Seeking::Change(wish, reply) => (wish, reply),
        };
        // Who has it first has it: it fires, or somebody else is changing it.
        let Some(timer) = self.shard.take(id) else {
            let _ = reply.send(Ok(TimerOutcome::TooLate));
            return;
        };
        match wish {
            Wish::Cancel => {
                let entry = Entry::Cancel(Item::from(&timer), timer.goes.namespace);
                let read = Read {
                    epoch: self.epoch,
                    entry: entry.clone(),
                    record: bytes::Bytes::new(),
                };
                let reply = Some(reply);
                self.propose(Proposal::Change { read, reply, id }, entry, None)
                    .await;
            }
            Wish::Move(due_ms) => self.set_again(timer, due_ms, reply),
            Wish::FireNow => {
                let now_ms = self.common.clock.now_ms();
                self.set_again(timer, now_ms.min(timer.due_ms), reply);
            }
        }
    }

    /// Reads the event of a timer, to write it down with another time.
    fn set_again(&mut self, timer: Timer, due_ms: i64, reply: Asked) {
        let (logs, eventlog) = (self.common.logs.clone(), self.eventlog);
        let kept = self.payloads.get(timer.at);
        let reading = async move {
            let event = match kept {
                Some(record) => Ok(Event::trusted(record)),
                None => read_record(&logs, eventlog, timer.at).await,
            };
            Changing {
                timer,
                due_ms,
                event,
                reply,
            }
        };
        self.changing.push(reading.boxed());
    }

    /// The event of a timer was read that is to be set again.
    pub(super) async fn changed(&mut self, changing: Changing) {
        let Changing {
            timer,
            due_ms,
            event,
            reply,
        } = changing;
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                self.shard.put_back(timer.id);
                let _ = reply.send(Err(error));
                return;
            }
        };
        let entry = Entry::Set(Set {
            instead: Some(Item::from(&timer)),
            due_ms,
            goes: timer.goes,
        });
        let read = Read {
            epoch: self.epoch,
            entry: entry.clone(),
            record: event.record().clone(),
        };
        let proposal = Proposal::Change {
            read,
            reply: Some(reply),
            id: timer.id,
        };
        self.propose(proposal, entry, Some(&event)).await;
    }
}
