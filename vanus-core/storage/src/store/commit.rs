//! The committer: takes everything that waits, writes one frame, syncs once, and answers all.
//!
//! A reader sees a batch when the batch is acknowledged, not before. Where somebody waits for a sync of an eventlog,
//! that is after the sync for the whole group of that eventlog; otherwise after the write.

use std::{sync::Arc, time::Duration};

use vanus_types::{Batch, Durability, EventlogId};

use super::{
    AdminError, AppendError, Appended,
    health::{Trouble, Worker},
    queue::{AdminDone, AppendDone, Request},
    shared::{Shared, count},
};
use crate::{
    log::{Log, RecoveredLog, Staged},
    store::DiskError,
    wal::{Entry, WalWriter},
};

/// Owns the end of the write-ahead log.
#[derive(Debug)]
pub(crate) struct Committer {
    wal: WalWriter,
    /// Numbers the groups.
    group: u64,
    /// When the first byte was written that is not synced, on the monotonic clock.
    unsynced_since: Option<u64>,
}

/// A request with its place in the frame, waiting for its answer.
#[derive(Debug)]
enum Step {
    Append {
        log: Arc<Log>,
        batch: Option<Batch>,
        answer: Appended,
        done: AppendDone,
    },
    Create {
        log: Arc<Log>,
        done: AdminDone,
    },
    Delete {
        log: Arc<Log>,
        done: AdminDone,
    },
    /// Its answer hangs on another request of the group.
    Same {
        done: AdminDone,
    },
}

/// One group on its way.
#[derive(Debug, Default)]
struct Group {
    number: u64,
    entries: Vec<Entry>,
    steps: Vec<Step>,
    /// Room to give back at the end.
    cost: u32,
    /// Whether somebody waits for a sync.
    sync: bool,
}

impl Committer {
    pub(crate) fn new(wal: WalWriter) -> Committer {
        Committer {
            wal,
            group: 0,
            unsynced_since: None,
        }
    }

    /// Commits a group and answers every request in it.
    pub(crate) fn commit(&mut self, shared: &Shared, requests: Vec<Request>) {
        let payload = requests.iter().map(Request::len).sum();
        if let Err(trouble) = self.make_room(shared, payload) {
            refuse(shared, requests, &trouble);
            return;
        }
        self.group += 1;
        let mut group = Group {
            number: self.group,
            ..Group::default()
        };
        for request in requests {
            group.stage(shared, request);
        }
        let cost = group.cost;
        if let Err(trouble) = self.write(shared, group) {
            debug_assert!(matches!(trouble, Trouble::Poisoned(_)));
        }
        shared.queue.free(cost);
        if self.wal.past_half() {
            shared.signal(|state| state.prepare = true, &shared.signals.checkpoint);
        }
    }

    /// Waits until a frame with such a payload can be written and its batches held in memory.
    fn make_room(&mut self, shared: &Shared, payload: usize) -> Result<(), Trouble> {
        loop {
            shared.health.check()?;
            if !shared.has_memory_for(payload as u64) {
                shared.wait_for_flush()?;
            } else if self.wal.fits(payload) {
                return Ok(());
            } else if !shared.wal.has_room() {
                shared.wait_for_checkpoint()?;
            } else {
                self.sync(shared)?;
                match self.wal.next_file() {
                    Ok(()) => shared.health.set_full(Worker::Commit, false),
                    Err(e) if e.is_full() => {
                        shared.health.set_full(Worker::Commit, true);
                        return Err(Trouble::Full);
                    }
                    Err(e) => return Err(shared.health.poison(&e)),
                }
                shared.wal_file_started();
            }
        }
    }

    fn write(&mut self, shared: &Shared, mut group: Group) -> Result<(), Trouble> {
        if !group.entries.is_empty()
            && let Err(e) = self.write_frame(shared, &group.entries)
        {
            return Err(group.fail(shared, &e));
        }
        if !group.sync {
            group.publish(shared, |_| true);
        } else {
            let number = group.number;
            group.publish(shared, |log| log.assign.lock().sync_group != number);
            if let Err(trouble) = self.sync(shared) {
                group.refuse(&trouble);
                return Err(trouble);
            }
            group.publish(shared, |_| true);
        }
        group.finish(shared);
        let lsn = self.wal.written_lsn();
        shared
            .published
            .store(lsn, std::sync::atomic::Ordering::Release);
        self.sync_if_due(shared)
    }

    fn write_frame(&mut self, shared: &Shared, entries: &[Entry]) -> Result<(), DiskError> {
        let bytes = self.wal.append(entries)?;
        self.unsynced_since
            .get_or_insert_with(|| shared.context.clock.monotonic_ns());
        count(&shared.counters.wal_frames, 1);
        count(&shared.counters.wal_bytes, bytes);
        Ok(())
    }

    /// Syncs what was written. A failure is final.
    pub(crate) fn sync(&mut self, shared: &Shared) -> Result<(), Trouble> {
        shared.health.check()?;
        match self.wal.sync() {
            Ok(synced) => {
                count(&shared.counters.wal_syncs, u64::from(synced));
                self.unsynced_since = None;
                Ok(())
            }
            Err(e) => Err(shared.health.poison(&e)),
        }
    }

    /// Syncs what was acknowledged from the page cache when it is old or much.
    pub(crate) fn sync_if_due(&mut self, shared: &Shared) -> Result<(), Trouble> {
        let much = self.wal.unsynced_bytes() >= shared.context.options.sync_bytes;
        if much || self.until_sync(shared) == Some(Duration::ZERO) {
            self.sync(shared)?;
        }
        Ok(())
    }

    /// How long what is not synced may wait; `None` when everything is.
    pub(crate) fn until_sync(&self, shared: &Shared) -> Option<Duration> {
        let since = self.unsynced_since?;
        shared.health.check().ok()?;
        let age = Duration::from_nanos(shared.context.clock.monotonic_ns().saturating_sub(since));
        Some(Duration::from_millis(shared.context.options.sync_interval_ms).saturating_sub(age))
    }
}

impl Group {
    /// Gives a request its place, or its answer if it gets none.
    fn stage(&mut self, shared: &Shared, request: Request) {
        match request {
            Request::Append {
                log,
                batch,
                durability,
                done,
            } => {
                self.cost = self.cost.saturating_add(shared.queue.cost(&batch));
                self.stage_append(shared, log, &batch, durability, done);
            }
            Request::Create { log, done } => self.stage_create(shared, log, done),
            Request::Delete { log, done } => self.stage_delete(shared, log, done),
        }
    }

    fn stage_append(
        &mut self,
        shared: &Shared,
        log: Arc<Log>,
        batch: &Batch,
        durability: Durability,
        done: AppendDone,
    ) {
        let mut assign = log.assign.lock();
        let now_ms = shared.context.clock.now_ms();
        let staged = match assign.stage(log.id(), batch, now_ms) {
            Ok(staged) => staged,
            Err(e) => {
                drop(assign);
                return done.answer(Err(e));
            }
        };
        if durability == Durability::Fsync {
            assign.sync_group = self.number;
            self.sync = true;
        }
        drop(assign);
        let count = batch.header().count;
        let (batch, answer) = match staged {
            Staged::Fresh(batch) => {
                let header = batch.header();
                let (base_offset, append_time_ms) = (header.base_offset, header.append_time_ms);
                self.entries.push(Entry::Batch(batch.clone()));
                let answer = Appended {
                    base_offset,
                    count,
                    append_time_ms,
                    durability,
                    duplicate: false,
                };
                (Some(batch), answer)
            }
            Staged::Duplicate {
                base_offset,
                time_ms,
            } => {
                let answer = Appended {
                    base_offset,
                    count,
                    append_time_ms: time_ms,
                    durability,
                    duplicate: true,
                };
                (None, answer)
            }
        };
        self.steps.push(Step::Append {
            log,
            batch,
            answer,
            done,
        });
    }

    fn stage_create(&mut self, shared: &Shared, id: EventlogId, done: AdminDone) {
        let staged = |step: &Step| matches!(step, Step::Create { log, .. } if log.id() == id);
        let new = self
            .steps
            .iter()
            .filter(|step| matches!(step, Step::Create { .. }))
            .count();
        if self.steps.iter().any(staged) {
            self.steps.push(Step::Same { done });
            return;
        }
        let logs = shared.logs.read();
        let most = shared.context.options.max_logs;
        let refusal = if logs.contains_key(&id) {
            Some(Ok(()))
        } else if shared.deleting.lock().ids.contains(&id) {
            Some(Err(AdminError::BeingDeleted(id)))
        } else if logs.len() + new >= most {
            Some(Err(AdminError::TooManyLogs(most)))
        } else {
            None
        };
        drop(logs);
        match refusal {
            Some(answer) => done.answer(answer),
            None => {
                self.entries.push(Entry::LogCreated(id));
                self.sync = true;
                let empty = RecoveredLog::empty(id, shared.context.options.max_producers);
                self.steps.push(Step::Create {
                    log: Arc::new(Log::new(id, empty)),
                    done,
                });
            }
        }
    }

    fn stage_delete(&mut self, shared: &Shared, id: EventlogId, done: AdminDone) {
        // One that is not there is deleted already.
        let Some(log) = shared.log(id) else {
            return done.answer(Ok(()));
        };
        log.assign.lock().delete();
        self.entries.push(Entry::LogDeleted(id));
        self.sync = true;
        self.steps.push(Step::Delete { log, done });
    }

    /// Makes batches visible and answers those who wait, for the eventlogs that `ready` names.
    fn publish(&mut self, shared: &Shared, ready: impl Fn(&Log) -> bool) {
        let mut waiting = Vec::new();
        let mut answers = Vec::with_capacity(self.steps.len());
        let mut seen: Option<Arc<Log>> = None;
        for step in self.steps.drain(..) {
            let Step::Append {
                log,
                batch,
                answer,
                done,
            } = step
            else {
                waiting.push(step);
                continue;
            };
            if !ready(&log) {
                waiting.push(Step::Append {
                    log,
                    batch,
                    answer,
                    done,
                });
                continue;
            }
            match batch {
                Some(batch) => shared.show(&log, batch),
                None => count(&shared.counters.duplicates, 1),
            }
            if seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &log)) {
                // The batches of one eventlog mostly lie together: it is announced once for all of them.
                if let Some(seen) = seen.replace(log) {
                    seen.announce();
                }
            }
            answers.push((done, answer));
        }
        if let Some(seen) = seen {
            seen.announce();
        }
        for (done, answer) in answers {
            done.answer(Ok(answer));
        }
        self.steps = waiting;
    }

    /// Carries out what is left once everything is durable: eventlogs come and go.
    fn finish(self, shared: &Shared) {
        for step in self.steps {
            match step {
                Step::Append { .. } => {}
                Step::Create { log, done } => {
                    shared.logs.write().insert(log.id(), log.clone());
                    log.tail.lock().queue();
                    shared.queue_flush(log);
                    done.answer(Ok(()));
                }
                Step::Delete { log, done } => {
                    shared.forget(log);
                    done.answer(Ok(()));
                }
                Step::Same { done } => done.answer(Ok(())),
            }
        }
    }

    fn fail(self, shared: &Shared, error: &DiskError) -> Trouble {
        let trouble = shared.health.poison(error);
        self.refuse(&trouble);
        trouble
    }

    fn refuse(self, trouble: &Trouble) {
        for step in self.steps {
            match step {
                Step::Append { done, .. } => done.answer(Err(AppendError::from(trouble.clone()))),
                Step::Create { done, .. } | Step::Delete { done, .. } | Step::Same { done } => {
                    done.answer(Err(AdminError::from(trouble.clone())));
                }
            }
        }
    }
}

fn refuse(shared: &Shared, requests: Vec<Request>, trouble: &Trouble) {
    for request in requests {
        if let Request::Append { batch, .. } = &request {
            shared.queue.free(shared.queue.cost(batch));
        }
        request.refuse(trouble.clone().into(), trouble.clone().into());
    }
}
