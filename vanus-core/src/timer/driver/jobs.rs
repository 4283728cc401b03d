//! What blocks: the index, and freeing the beginning of the eventlog. One job at a time, so that what a job has read is only
//! behind the changes that the shard remembers.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::sync::oneshot;
use vanus_storage::meta::MetaError;
use vanus_types::{EventlogId, control::TimerFilter, limits::MAX_READ_LEN};

use super::{Driver, Listed, change::Seeking};
use crate::{
    eventlog::{LogError, Logs, stored_events},
    timer::{
        TimerError,
        index::{Index, Page},
        shard::{Changes, Checkpoint, Entry, Indexed, Place, decode},
    },
};

/// Changes that are written into the index without waiting for more.
const MANY_CHANGES: usize = 32_768;

/// The longest changes wait to be written.
const WRITE_AFTER: Duration = Duration::from_secs(5);

/// How far ahead of their time timers are taken into memory, in milliseconds, and how much of that may pass before more are.
const AHEAD_MS: i64 = 60_000;
const MORE_AHEAD_MS: i64 = 30_000;

/// Timers that are taken into memory at once.
const PAGE: usize = 8_192;

/// Timers for which there must be room before some are taken into memory, or a quarter of all there may be.
const LEAST_PAGE: usize = 1_024;

/// An eventlog that is at least this long, in offsets, and this many times as long as timers wait, is freed by setting again what is
/// at its beginning.
const FREE_FROM: u64 = 1_000_000;
const FREE_SHARE: u64 = 4;

/// What waits for its turn.
#[derive(Debug)]
pub(super) enum Job {
    Seek(u64, Seeking),
    List {
        filter: Arc<TimerFilter>,
        from: Option<Place>,
        limit: usize,
        reply: oneshot::Sender<Result<Listed, TimerError>>,
    },
}

impl Job {
    pub(super) fn refuse(self, error: &TimerError) {
        match self {
            Self::Seek(_, seeking) => seeking.refuse(error),
            Self::List { reply, .. } => drop(reply.send(Err(error.clone()))),
        }
    }
}

/// A job that has ended.
#[derive(Debug)]
pub(super) enum Done {
    Written {
        outcome: Result<(), MetaError>,
        applied: u64,
    },
    Paged {
        outcome: Result<Page, MetaError>,
        until: Place,
    },
    Sought {
        id: u64,
        found: Result<Option<(Place, Option<Indexed>)>, TimerError>,
        seeking: Seeking,
    },
    Listed {
        page: Result<(Page, Place), MetaError>,
        filter: Arc<TimerFilter>,
        from: Option<Place>,
        limit: usize,
        reply: oneshot::Sender<Result<Listed, TimerError>>,
    },
    /// Where the eventlog begins now, and the timers at its beginning.
    Freed {
        begins_at: Option<u64>,
        first: Result<Vec<u64>, TimerError>,
    },
    /// The runtime shuts down.
    CutOff,
}

impl Driver {
    /// Whether the index holds everything.
    pub(super) fn is_written(&self) -> bool {
        self.shard.unwritten().all(Changes::is_empty) && self.written >= self.shard.applied()
    }

    /// Begins the next job, if none is at work.
    pub(super) fn begin_job(&mut self, now_ms: i64, now_ns: u64) {
        if self.job.is_some() {
            return;
        }
        if let Some(job) = self.jobs.pop_front() {
            self.begin_asked(job);
        } else if self.wants_page(now_ms) {
            self.begin_page(now_ms);
        } else if self.wants_write(now_ns) {
            self.begin_write(now_ns);
        }
    }

    fn wants_page(&self, now_ms: i64) -> bool {
        self.stop.is_none()
            && self.shard.room() >= LEAST_PAGE.min(self.most_in_memory / 4)
            && self.shard.horizon().due_ms < now_ms.saturating_add(MORE_AHEAD_MS)
    }

    fn wants_write(&self, now_ns: u64) -> bool {
        if self.is_written() || now_ns < self.paused_until_ns {
            return false;
        }
        let changes: usize = self.shard.unwritten().map(Changes::len).sum();
        let since = Duration::from_nanos(now_ns.saturating_sub(self.written_ns));
        let stopping = self.stop.is_some() && self.appends.is_empty() && self.fired.is_empty();
        stopping || changes >= MANY_CHANGES || since >= WRITE_AFTER
    }

    fn begin_write(&mut self, now_ns: u64) {
        let Some((changes, checkpoint)) = self.shard.start_writing() else {
            return;
        };
        self.written_ns = now_ns;
        let (index, applied) = (self.index.clone(), checkpoint.applied);
        self.block(move || Done::Written {
            outcome: index.write(&changes, &checkpoint),
            applied,
        });
    }

    fn begin_page(&mut self, now_ms: i64) {
        let horizon = self.shard.horizon();
        let until = Place {
            due_ms: now_ms.saturating_add(AHEAD_MS),
            id: 0,
        };
        let (index, until) = (self.index.clone(), until.max(horizon));
        let limit = PAGE.min(self.shard.room());
        self.block(move || Done::Paged {
            outcome: index.page(horizon.before(), until, limit),
            until,
        });
    }

    fn begin_asked(&mut self, job: Job) {
        let index = self.index.clone();
        match job {
            Job::Seek(id, seeking) => {
                let again = self.shard.unwritten();
                let again = again.filter_map(|changes| changes.set_again.get(&id));
                let again = again.copied().next();
                let (logs, eventlog) = (self.common.logs.clone(), self.eventlog);
                self.block(move || Done::Sought {
                    found: seek(&index, &logs, eventlog, id, again),
                    id,
                    seeking,
                });
            }
            Job::List {
                filter,
                from,
                limit,
                reply,
            } => self.block(move || Done::Listed {
                page: super::list::page(&index, &filter, from),
                filter,
                from,
                limit,
                reply,
            }),
        }
    }

    fn block(&mut self, work: impl FnOnce() -> Done + Send + 'static) {
        let task = tokio::task::spawn_blocking(work);
        let done = async move { task.await.unwrap_or(Done::CutOff) };
        self.job = Some(done.boxed());
    }

    /// A job has ended.
    pub(super) async fn job_done(&mut self, done: Done) {
        match done {
            Done::Written { outcome, applied } => self.wrote(outcome, applied),
            Done::Paged { outcome, until } => match outcome {
                Ok(page) => {
                    let last = page.timers.last().map(|(place, _)| place.after());
                    let until = last.filter(|_| page.more).unwrap_or(until);
                    self.shard.page_in(page.timers, until);
                }
                Err(error) => self.index_failed(&error),
            },
            Done::Sought { id, found, seeking } => match found {
                Ok(found) => self.sought(id, found, seeking).await,
                Err(error) => seeking.refuse(&error),
            },
            Done::Listed {
                page,
                filter,
                from,
                limit,
                reply,
            } => {
                let listed = page.map(|(page, until)| self.list(page, until, &filter, from, limit));
                let _ = reply.send(listed.map_err(TimerError::from));
            }
            Done::Freed { begins_at, first } => {
                if let Some(offset) = begins_at {
                    self.shard.begins_at(offset);
                }
                match first {
                    Ok(ids) => {
                        let free = |id| Job::Seek(id, Seeking::Free);
                        self.jobs.extend(ids.into_iter().map(free));
                    }
                    Err(error) => {
                        tracing::warn!(shard = self.number, %error, "the eventlog of a shard of timers cannot be freed");
                    }
                }
            }
            Done::CutOff => self.fail(TimerError::Closing),
        }
    }

    fn wrote(&mut self, outcome: Result<(), MetaError>, applied: u64) {
        self.shard.end_writing(outcome.is_ok());
        match outcome {
            Ok(()) => {
                self.written = applied;
                if self.stop.is_none() {
                    self.begin_free();
                }
            }
            Err(error) => self.index_failed(&error),
        }
    }

    fn index_failed(&mut self, error: &MetaError) {
        tracing::error!(shard = self.number, %error, "the index of a shard of timers does not answer");
        if self.stop.is_some() {
            // The eventlog has it all: what was not written is read from there.
            self.fail(error.clone().into());
        } else {
            self.pause();
        }
    }

    /// Lets the beginning of the eventlog go that nobody needs, and looks for what keeps it.
    fn begin_free(&mut self) {
        let needed = self.shard.needed_from(self.written);
        let store = self.common.logs.store().clone();
        let Ok(segments) = store.segments(self.eventlog) else {
            return;
        };
        // Whole segments go; the eventlog then begins where the next one does.
        let begins: Vec<u64> = segments.iter().map(|segment| segment.end_offset).collect();
        let may = |offset: &&u64| **offset <= needed && self.shard.may_begin_at(**offset);
        let begin = begins.iter().rfind(may).copied();
        let range = self.range_to_free();
        if begin.is_none() && range.is_none() {
            return;
        }
        let (logs, eventlog, index) = (self.common.logs.clone(), self.eventlog, self.index.clone());
        self.block(move || {
            let begins_at = begin.and_then(|begin| {
                store.expire_below(eventlog, i64::MAX, begin).ok()?;
                Some(store.info(eventlog).ok()?.start_offset)
            });
            let first = range.map_or(Ok(Vec::new()), |range| {
                waiting_in(&index, &logs, eventlog, range)
            });
            Done::Freed { begins_at, first }
        });
    }

    /// The range at the beginning of the eventlog whose few timers are to be set again, so that it can go.
    fn range_to_free(&mut self) -> Option<std::ops::Range<u64>> {
        let (range, _) = self.shard.oldest()?;
        let len = self.shard.applied().saturating_sub(range.start);
        let most = FREE_FROM.max(self.shard.waiting().saturating_mul(FREE_SHARE));
        if len < most || self.looked_through == Some(range.start) {
            return None;
        }
        self.looked_through = Some(range.start);
        Some(range)
    }
}

/// Where a timer is, as far as the index knows: `again` is what is remembered of its time if it was set again.
fn seek(
    index: &Index,
    logs: &Logs,
    eventlog: EventlogId,
    id: u64,
    again: Option<Option<i64>>,
) -> Result<Option<(Place, Option<Indexed>)>, TimerError> {
    let due_ms = match again {
        Some(None) => return Ok(None),
        Some(Some(due_ms)) => Some(due_ms),
        None => index.set_again(id)?,
    };
    let due_ms = match due_ms {
        Some(due_ms) => due_ms,
        None => match set_at(logs, eventlog, id)? {
            Some(due_ms) => due_ms,
            None => return Ok(None),
        },
    };
    let place = Place { due_ms, id };
    Ok(Some((place, index.at(place)?)))
}

/// When the timer is due that was set first at this offset; nothing if none was, or that is not kept any more.
fn set_at(logs: &Logs, eventlog: EventlogId, offset: u64) -> Result<Option<i64>, TimerError> {
    use vanus_storage::ReadError;
    let chunk = match logs.store().read(eventlog, offset, 1) {
        Ok(chunk) => chunk,
        Err(ReadError::Underflow { .. } | ReadError::Overflow { .. }) => return Ok(None),
        Err(error) => return Err(LogError::Read(error).into()),
    };
    let Some(stored) = stored_events(&chunk.batches, offset).next() else {
        return Ok(None);
    };
    Ok(match decode(&stored.event).map(|read| read.entry) {
        Ok(Entry::Set(set)) if set.instead.is_none() => Some(set.due_ms),
        _ => None,
    })
}

/// The timers whose events lie in a range of the eventlog and that wait, as far as the index knows.
fn waiting_in(
    index: &Index,
    logs: &Logs,
    eventlog: EventlogId,
    range: std::ops::Range<u64>,
) -> Result<Vec<u64>, TimerError> {
    let start = logs.store().info(eventlog).map_err(LogError::Read)?;
    let mut next = range.start.max(start.start_offset);
    let mut waiting = Vec::new();
    while next < range.end {
        let chunk = logs.store().read(eventlog, next, MAX_READ_LEN);
        let chunk = chunk.map_err(LogError::Read)?;
        for stored in stored_events(&chunk.batches, next) {
            let offset = stored.id.offset;
            let Ok(Entry::Set(set)) = decode(&stored.event).map(|read| read.entry) else {
                continue;
            };
            let id = set.instead.map_or(offset, |item| item.id);
            let place = Place {
                due_ms: set.due_ms,
                id,
            };
            let at = index.at(place)?.map(|found| found.at.unwrap_or(id));
            if at == Some(offset) && offset < range.end {
                waiting.push(id);
            }
        }
        if chunk.next_offset == next {
            break;
        }
        next = chunk.next_offset;
    }
    Ok(waiting)
}

/// What is read when a shard is opened.
pub(super) fn last_checkpoint(
    index: &Index,
    start: u64,
    end: u64,
) -> Result<Option<Checkpoint>, MetaError> {
    let fits = |checkpoint: &Checkpoint| (start..=end).contains(&checkpoint.applied);
    let found = match index.checkpoint() {
        Ok(found) => found.filter(fits),
        Err(MetaError::Damaged { what, detail }) => {
            tracing::error!(
                what,
                detail,
                "the index of a shard of timers is made anew from its eventlog"
            );
            None
        }
        Err(error) => return Err(error),
    };
    if found.is_none() {
        // Whatever it holds belongs to another story.
        index.clear()?;
    }
    Ok(found)
}
