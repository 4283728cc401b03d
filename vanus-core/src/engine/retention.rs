//! One look at what is past its retention: by age, by size, and never past a reader that the eventbus waits for.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use vanus_storage::{AdminError, Store};
use vanus_types::{
    Clock, EventbusId, EventlogId, SubscriptionId,
    control::{RetainFor, SegmentInfo},
};

use crate::{
    control::{Bus, Control, ControlError},
    eventlog::{LogError, Logs},
};

/// Bytes that are past their retention and are kept for a subscription, as of the last look.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldBack(Arc<Mutex<HashMap<SubscriptionId, u64>>>);

impl HeldBack {
    /// What is kept for this subscription.
    pub(super) fn bytes(&self, id: SubscriptionId) -> u64 {
        self.0.lock().get(&id).copied().unwrap_or(0)
    }
}

/// Deletes what is past its retention.
#[derive(Debug)]
pub(super) struct Retention {
    pub(super) control: Arc<Control>,
    pub(super) logs: Logs,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) held: HeldBack,
}

impl Retention {
    /// Looks at every eventbus once. Cut off only when the runtime shuts down; the next start looks again.
    pub(super) async fn look(&self) {
        let ids: Vec<EventbusId> = self
            .control
            .look(|catalog| catalog.buses().map(|bus| bus.record.id).collect());
        let mut held = HashMap::new();
        for id in ids {
            // As it is now: those before it may have taken long, and it may have been changed or deleted.
            let Ok(bus) = self.control.bus_by_id(id) else {
                continue;
            };
            let job = match self.job(&bus).await {
                Ok(job) => job,
                Err(error) => {
                    // Without knowing how far readers are, nothing goes.
                    let eventbus = &bus.record.name;
                    tracing::warn!(%eventbus, %error, "retention does not know how far subscriptions are");
                    continue;
                }
            };
            let store = self.logs.store().clone();
            let (control, planned) = (Arc::clone(&self.control), Arc::clone(&bus));
            let stands = move || {
                let now = control.bus_by_id(planned.record.id);
                now.is_ok_and(|now| same_retention(&now, &planned))
            };
            let running = tokio::task::spawn_blocking(move || job.run(&store, &stands));
            let Ok(of_bus) = running.await else { return };
            for (subscription, bytes) in of_bus {
                let eventbus = &bus.record.name;
                tracing::warn!(%subscription, %eventbus, bytes,
                    "events past their retention are kept for a subscription that is not there yet");
                held.insert(subscription, bytes);
            }
        }
        *self.held.0.lock() = held;
    }

    async fn job(&self, bus: &Bus) -> Result<Job, ControlError> {
        let record = &bus.record;
        let retention = i64::try_from(record.retention_ms).unwrap_or(i64::MAX);
        let before_ms = self.clock.now_ms().saturating_sub(retention);
        let mut logs: Vec<Kept> = record.eventlogs.iter().copied().map(Kept::free).collect();
        if record.retain_for == RetainFor::Subscriptions {
            for (subscription, progress) in self.control.readers(bus).await? {
                for reached in progress {
                    let of_log = logs
                        .iter_mut()
                        .find(|kept| kept.eventlog == reached.eventlog);
                    if let Some(kept) = of_log.filter(|kept| reached.committed < kept.from) {
                        kept.from = reached.committed;
                        kept.reader = Some(subscription);
                    }
                }
            }
        }
        Ok(Job {
            before_ms,
            most_bytes: record.retention_bytes,
            logs,
        })
    }
}

/// Whether both say the same of what is kept.
fn same_retention(one: &Bus, other: &Bus) -> bool {
    let of = |bus: &Bus| {
        let record = &bus.record;
        (
            record.retention_ms,
            record.retention_bytes,
            record.retain_for,
        )
    };
    of(one) == of(other)
}

/// From which offset on an eventlog is kept, and for whom.
#[derive(Debug, Clone, Copy)]
struct Kept {
    eventlog: EventlogId,
    from: u64,
    reader: Option<SubscriptionId>,
}

impl Kept {
    const fn free(eventlog: EventlogId) -> Self {
        Self {
            eventlog,
            from: u64::MAX,
            reader: None,
        }
    }
}

/// What to do for one eventbus.
#[derive(Debug)]
struct Job {
    before_ms: i64,
    most_bytes: Option<u64>,
    logs: Vec<Kept>,
}

impl Job {
    /// Deletes what may go, as long as the job `stands`: a change of the retention is looked at again at once. Answers
    /// what is held back, and by whom. Blocks.
    fn run(&self, store: &Store, stands: &dyn Fn() -> bool) -> HashMap<SubscriptionId, u64> {
        let mut held = HashMap::new();
        for kept in &self.logs {
            if !stands() {
                return held;
            }
            match store.expire_below(kept.eventlog, self.before_ms, kept.from) {
                Ok(expired) if expired.held_bytes > 0 => {
                    if let Some(reader) = kept.reader {
                        *held.entry(reader).or_default() += expired.held_bytes;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    let eventlog = kept.eventlog;
                    tracing::warn!(%eventlog, %error, "expired events cannot be deleted");
                }
            }
        }
        if let Some(most) = self.most_bytes {
            match self.trim(store, most, stands) {
                Ok(None) => {}
                Ok(Some((reader, excess))) => {
                    let bytes: &mut u64 = held.entry(reader).or_default();
                    *bytes = excess.max(*bytes);
                }
                Err(error) => {
                    tracing::warn!(%error, "events above the size of their eventbus cannot be deleted");
                }
            }
        }
        held
    }

    /// Deletes segments, of all eventlogs the one whose first event is the oldest, until together they hold at most
    /// `most` bytes or nothing may go. Answers by whom and by how much that fell short.
    fn trim(
        &self,
        store: &Store,
        most: u64,
        stands: &dyn Fn() -> bool,
    ) -> Result<Option<(SubscriptionId, u64)>, LogError> {
        let mut logs = self
            .logs
            .iter()
            .map(|kept| Measured::of(store, *kept))
            .collect::<Result<Vec<_>, _>>()?;
        loop {
            let total: u64 = logs.iter().map(|log| log.bytes).sum();
            if total <= most || !stands() {
                return Ok(None);
            }
            let oldest = logs
                .iter_mut()
                .filter(|log| log.may_go())
                .min_by_key(|log| log.first_time_ms);
            if let Some(log) = oldest {
                log.stuck = !log.drop_first(store)?;
                continue;
            }
            let held = logs.iter().filter(|log| log.is_held());
            let oldest = held.min_by_key(|log| log.first_time_ms);
            let reader = oldest.and_then(|log| log.kept.reader);
            return Ok(reader.map(|reader| (reader, total - most)));
        }
    }
}

/// An eventlog as it is now.
#[derive(Debug)]
struct Measured {
    kept: Kept,
    bytes: u64,
    first_time_ms: Option<i64>,
    segments: VecDeque<SegmentInfo>,
    /// Its first segment could not be deleted in this look.
    stuck: bool,
}

impl Measured {
    fn of(store: &Store, kept: Kept) -> Result<Self, LogError> {
        let info = store.info(kept.eventlog).map_err(LogError::Read)?;
        let segments = store.segments(kept.eventlog).map_err(LogError::Read)?;
        Ok(Self {
            kept,
            bytes: info.bytes,
            first_time_ms: info.first_time_ms,
            segments: segments.into(),
            stuck: false,
        })
    }

    /// The first segment, unless it is the one that is written to.
    fn first(&self) -> Option<&SegmentInfo> {
        self.segments.front().filter(|_| self.segments.len() > 1)
    }

    fn may_go(&self) -> bool {
        !self.stuck
            && self
                .first()
                .is_some_and(|first| first.end_offset <= self.kept.from)
    }

    fn is_held(&self) -> bool {
        self.first()
            .is_some_and(|first| first.end_offset > self.kept.from)
    }

    /// Deletes the first segment; says whether it is gone.
    fn drop_first(&mut self, store: &Store) -> Result<bool, LogError> {
        let Some(end) = self.first().map(|first| first.end_offset) else {
            return Ok(false);
        };
        let expired = store.expire_below(self.kept.eventlog, i64::MAX, end);
        match expired {
            Ok(expired) if expired.segments > 0 => {
                *self = Self::of(store, self.kept)?;
                Ok(true)
            }
            Ok(_) | Err(AdminError::UnknownLog(_)) => Ok(false),
            Err(error) => {
                let eventlog = self.kept.eventlog;
                tracing::warn!(%eventlog, %error, "a segment cannot be deleted");
                Ok(false)
            }
        }
    }
}

#[cfg(test)]
mod tests;
