//! Entries on their way into the eventlog of the shard, and what they do once they are there.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::oneshot;
use vanus_storage::{AppendError, Appended};
use vanus_types::{
    Batch, BatchBuilder, Durability, Event, NamespaceId, control::TimerOutcome,
    limits::MAX_READ_LEN,
};

use super::{Common, Driver, Placed, Wanted};
use crate::{
    eventlog::{LogError, stored_events},
    timer::{
        TimerError,
        metrics::add,
        shard::{Applied, Entry, Fire, Read, Set, decode, encode},
    },
};

/// How long a fire that is over waits to be written down as such, together with others.
pub(super) const OVER_AFTER: Duration = Duration::from_millis(100);

/// Fires that are over and are written down without waiting.
const MANY_OVER: usize = 32;

/// Events due within this many milliseconds are kept in memory from the beginning, if there is room.
const KEEP_MS: i64 = 10_000;

/// What was appended.
#[derive(Debug)]
pub(super) enum Proposal {
    /// Timers of a call.
    Set {
        call: u64,
        epoch: u32,
        timers: Vec<(Set, Bytes)>,
    },
    /// A timer is cancelled or set again.
    Change {
        read: Read,
        reply: Option<oneshot::Sender<Result<TimerOutcome, TimerError>>>,
        id: u64,
    },
    Fire(Fire),
    Done(Vec<u64>),
}

/// An append and its outcome.
#[derive(Debug)]
pub(super) struct Appending {
    proposal: Proposal,
    outcome: Result<Appended, LogError>,
}

/// A call that sets timers, some of whose batches are on their way.
#[derive(Debug)]
pub(super) struct SetCall {
    batches_left: usize,
    counts: Vec<(NamespaceId, u64)>,
    placed: Vec<(u64, i64)>,
    failed: Option<TimerError>,
    reply: oneshot::Sender<Placed>,
}

impl SetCall {
    pub(super) fn new(wanted: &Wanted, reply: oneshot::Sender<Placed>) -> Self {
        Self {
            batches_left: wanted.batches.len(),
            counts: wanted
                .batches
                .iter()
                .map(|(_, timers)| count(timers))
                .collect(),
            placed: Vec::new(),
            failed: None,
            reply,
        }
    }

    /// Nothing of it that is still under way will be.
    pub(super) fn refuse(self, common: &Common, error: &TimerError) {
        let left = self.counts.len().saturating_sub(self.batches_left);
        for (namespace, count) in self.counts.iter().skip(left) {
            common.quota.give_back(*namespace, *count);
        }
        // Whoever asked may not wait any more.
        let _ = self.reply.send(Err(error.clone()));
    }
}

/// The namespace of the timers of a batch, which is the same for all, and how many they are.
fn count(timers: &[(Set, Bytes)]) -> (NamespaceId, u64) {
    let first = timers.first();
    let namespace = first.map_or(NamespaceId::from_u64(0), |(set, _)| set.goes.namespace);
    (namespace, timers.len() as u64)
}

impl Driver {
    /// Appends the batches of a call.
    pub(super) async fn set(&mut self, wanted: Wanted, reply: oneshot::Sender<Placed>) {
        let call = self.next_call;
        self.next_call += 1;
        self.calls.insert(call, SetCall::new(&wanted, reply));
        let epoch = wanted.epoch;
        for (batch, timers) in wanted.batches {
            let proposal = Proposal::Set {
                call,
                epoch,
                timers,
            };
            self.append(proposal, batch).await;
        }
    }

    /// Appends one entry.
    pub(super) async fn propose(
        &mut self,
        proposal: Proposal,
        entry: Entry,
        event: Option<&Event>,
    ) {
        match encode(self.epoch, entry, event) {
            Ok(event) => self.append(proposal, Batch::of_one(&event)).await,
            // Its head is bounded by the limits of a fire, so this is a fault of this code.
            Err(error) => self.refused(proposal, error.into()),
        }
    }

    async fn append(&mut self, proposal: Proposal, batch: Batch) {
        let submitted = self
            .common
            .logs
            .submit(self.eventlog, batch, Durability::default())
            .await;
        match submitted {
            Ok(outcome) => {
                let outcome = outcome.map(move |outcome| Appending {
                    proposal,
                    outcome: outcome.map_err(LogError::from),
                });
                self.appends.push_back(outcome.boxed());
            }
            Err(error) => {
                let outcome = Err(error);
                let known = async move { Appending { proposal, outcome } };
                self.appends.push_back(known.boxed());
            }
        }
    }

    /// An append has ended: folds its entries, or takes back what it was for.
    pub(super) async fn appended(&mut self, appending: Appending) {
        let Appending { proposal, outcome } = appending;
        match outcome {
            Ok(appended) => {
                if let Err(error) = self.catch_up(appended.base_offset).await {
                    self.fail(error.clone());
                    self.refused(proposal, error);
                    return;
                }
                self.folded(proposal, &appended).await;
            }
            Err(error) => {
                if is_final(&error) {
                    self.fail(error.clone().into());
                } else {
                    self.pause();
                }
                self.refused(proposal, error.into());
            }
        }
    }

    /// Folds entries of others up to an offset. That there are some means that somebody has claimed the shard.
    pub(super) async fn catch_up(&mut self, until: u64) -> Result<(), TimerError> {
        while self.shard.applied() < until {
            let from = self.shard.applied();
            let read = self.common.logs.read(self.eventlog, from, MAX_READ_LEN);
            for stored in stored_events(&read.await?.batches, from) {
                if stored.id.offset < until {
                    self.fold_event(&stored.event);
                }
            }
            if self.shard.applied() == from {
                return Err(TimerError::HandedOver);
            }
        }
        if self.shard.epoch() > self.epoch {
            return Err(TimerError::HandedOver);
        }
        Ok(())
    }

    /// Folds one entry as it lies in the eventlog. One that cannot be read is passed over, loudly: it was written by something
    /// else than this code.
    pub(super) fn fold_event(&mut self, event: &Event) -> Applied {
        match decode(event) {
            Ok(read) => self.shard.apply(&read),
            Err(error) => {
                let offset = self.shard.applied();
                tracing::error!(shard = self.number, offset, %error, "an entry of a shard of timers cannot be read");
                self.shard.pass_over()
            }
        }
    }

    async fn folded(&mut self, proposal: Proposal, appended: &Appended) {
        match proposal {
            Proposal::Set {
                call,
                epoch,
                timers,
            } => self.folded_sets(call, epoch, &timers, appended),
            Proposal::Change { read, reply, id } => {
                let applied = self.shard.apply(&read);
                self.folded_change(&read, &applied);
                let outcome = match applied {
                    Applied::Void => Err(TimerError::HandedOver),
                    _ => Ok(TimerOutcome::Done),
                };
                self.shard.put_back(id);
                if let Some(reply) = reply {
                    let _ = reply.send(outcome);
                }
            }
            Proposal::Fire(fire) => {
                let offset = self.shard.applied();
                let read = Read {
                    epoch: self.epoch,
                    entry: Entry::Fire(fire.clone()),
                    record: Bytes::new(),
                };
                if self.shard.apply(&read) == Applied::Fire {
                    self.firing.folded(offset, &fire);
                    if fire.instead.is_none() {
                        let count = fire.items.len() as u64;
                        self.common.quota.give_back(fire.namespace, count);
                    }
                }
            }
            Proposal::Done(fires) => {
                let read = Read {
                    epoch: self.epoch,
                    entry: Entry::Done(fires),
                    record: Bytes::new(),
                };
                self.shard.apply(&read);
            }
        }
        if self.shard.epoch() > self.epoch {
            self.fail(TimerError::HandedOver);
        }
    }

    fn folded_sets(&mut self, call: u64, epoch: u32, timers: &[(Set, Bytes)], appended: &Appended) {
        let keep_until = self.common.clock.now_ms().saturating_add(KEEP_MS);
        let mut placed = Vec::with_capacity(timers.len());
        for (set, record) in timers {
            let len = u32::try_from(record.len()).unwrap_or(u32::MAX);
            if let Applied::Set(timer) = self.shard.apply_set(epoch, set, len) {
                placed.push((timer.at, appended.append_time_ms));
                if timer.due_ms < keep_until && self.shard.get(timer.id).is_some() {
                    self.payloads.keep(timer.at, record);
                }
            }
        }
        add(&self.common.counters.set, placed.len() as u64);
        if placed.len() < timers.len() {
            self.call_ended(call, count(timers), Err(TimerError::HandedOver));
        } else {
            self.call_ended(call, count(timers), Ok(placed));
        }
    }

    fn call_ended(&mut self, id: u64, counted: (NamespaceId, u64), outcome: Placed) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.batches_left = call.batches_left.saturating_sub(1);
        match outcome {
            Ok(placed) => call.placed.extend(placed),
            Err(error) => {
                self.common.quota.give_back(counted.0, counted.1);
                call.failed = Some(error);
            }
        }
        if call.batches_left > 0 {
            return;
        }
        if let Some(call) = self.calls.remove(&id) {
            let placed = call.failed.map_or(Ok(call.placed), Err);
            let _ = call.reply.send(placed);
        }
    }

    fn folded_change(&mut self, read: &Read, applied: &Applied) {
        match (&read.entry, applied) {
            (Entry::Cancel(item, namespace), Applied::Cancelled(_)) => {
                self.payloads.remove(item.at);
                self.common.quota.give_back(*namespace, 1);
                add(&self.common.counters.cancelled, 1);
            }
            (Entry::Set(set), Applied::Set(timer)) => {
                if let Some(item) = &set.instead {
                    self.payloads.remove(item.at);
                }
                let now_ms = self.common.clock.now_ms();
                if timer.due_ms < now_ms.saturating_add(KEEP_MS) {
                    self.payloads.keep(timer.at, &read.record);
                }
            }
            _ => {}
        }
    }

    /// What was proposed is not in the eventlog.
    fn refused(&mut self, proposal: Proposal, error: TimerError) {
        match proposal {
            Proposal::Set { call, timers, .. } => self.call_ended(call, count(&timers), Err(error)),
            Proposal::Change { id, reply, .. } => {
                self.shard.put_back(id);
                if let Some(reply) = reply {
                    let _ = reply.send(Err(error));
                }
            }
            Proposal::Fire(fire) => self.fire_refused(&fire),
            Proposal::Done(fires) => self.over.extend(fires),
        }
    }

    /// Writes down which fires are over, if that is due.
    pub(super) async fn write_down_over(&mut self, now_ns: u64) {
        let since = Duration::from_nanos(now_ns.saturating_sub(self.over_since_ns));
        let due = since >= OVER_AFTER || self.over.len() >= MANY_OVER || self.stop.is_some();
        if self.over.is_empty() || !due || now_ns < self.paused_until_ns {
            return;
        }
        let fires = std::mem::take(&mut self.over);
        let entry = Entry::Done(fires.clone());
        self.propose(Proposal::Done(fires), entry, None).await;
    }
}

/// Whether nothing more will be appended by this engine, or nobody knows whether this was.
fn is_final(error: &LogError) -> bool {
    matches!(
        error,
        LogError::Append(
            AppendError::Poisoned { .. } | AppendError::Closed | AppendError::UnknownLog(_)
        ) | LogError::Closing
    )
}

/// Packs entries into batches small enough to be read for one of them.
pub(in crate::timer) fn pack(
    epoch: u32,
    timers: Vec<(Set, Event)>,
    most_len: usize,
) -> Result<Wanted, TimerError> {
    let mut batches = Vec::new();
    let (mut builder, mut inside) = (BatchBuilder::new(), Vec::new());
    for (set, event) in timers {
        let entry = encode(epoch, Entry::Set(set.clone()), Some(&event))?;
        let full = builder.body_len() + entry.record().len() > most_len;
        if !builder.is_empty() && (full || !builder.fits(&entry)) {
            let built = std::mem::take(&mut builder).build();
            batches.extend(built.map(|batch| (batch, std::mem::take(&mut inside))));
        }
        // It fits: the first one always does.
        let _ = builder.push(&entry);
        inside.push((set, event.record().clone()));
    }
    batches.extend(builder.build().map(|batch| (batch, inside)));
    Ok(Wanted { epoch, batches })
}
