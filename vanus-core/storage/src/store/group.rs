//! One group on its way: every request gets its place in the frame, and once that is written its answer.

use std::sync::Arc;

use vanus_types::{Batch, Durability, EventlogId};

use super::{
    AdminError, AppendError, Appended,
    health::Trouble,
    queue::{AdminDone, AppendDone, Request},
    shared::{Shared, count},
};
use crate::{
    log::{Log, RecoveredLog, Staged},
    store::DiskError,
    wal::Entry,
};

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
pub(super) struct Group {
    number: u64,
    pub(super) entries: Vec<Entry>,
    steps: Vec<Step>,
    /// Room to give back at the end.
    pub(super) cost: u32,
    /// Whether somebody waits for a sync.
    pub(super) sync: bool,
}

impl Group {
    pub(super) fn new(number: u64) -> Group {
        Group {
            number,
            ..Group::default()
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Gives a request its place, or its answer if it gets none.
    pub(super) fn stage(&mut self, shared: &Shared, request: Request) {
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
    pub(super) fn publish(&mut self, shared: &Shared, ready: impl Fn(&Log) -> bool) {
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
    pub(super) fn finish(self, shared: &Shared) {
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

    pub(super) fn fail(self, shared: &Shared, error: &DiskError) -> Trouble {
        let trouble = shared.health.poison(error);
        self.refuse(&trouble);
        trouble
    }

    pub(super) fn refuse(self, trouble: &Trouble) {
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
