//! When a schedule makes its next event. Pure.

use vanus_types::{
    Coded, Entropy, ErrorCode, ScheduleId, SeededEntropy,
    control::{Missed, ScheduleRecord},
};

use super::Progress;
use crate::timer::cron::{Cron, InvalidCron, InvalidZone, Zone};

/// How late an occurrence may be and is made all the same, in milliseconds; later it is missed.
pub(super) const MISSED_AFTER_MS: i64 = 10_000;

/// What a schedule says makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// Its expression.
    #[error("cron: {0}")]
    Cron(#[from] InvalidCron),
    /// Its time zone.
    #[error("time_zone: {0}")]
    Zone(#[from] InvalidZone),
    /// It ends before anything happens.
    #[error("the schedule has no occurrence between its start and its end")]
    Empty,
}

impl Coded for InvalidSchedule {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The event of this occurrence is to be made now.
    Make(i64),
    /// The next event is to be made at this time.
    Wait(i64),
    /// There are no more.
    Ended,
}

/// A schedule, read.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    id: ScheduleId,
    cron: Cron,
    zone: Zone,
    start_ms: i64,
    end_ms: i64,
    /// Occurrences up to here are passed over.
    floor_ms: i64,
    count: u64,
    jitter_ms: u64,
    missed: Missed,
}

impl Plan {
    /// Reads a schedule.
    pub(crate) fn of(record: &ScheduleRecord) -> Result<Self, InvalidSchedule> {
        let first = record.start_ms.saturating_sub(1);
        let plan = Self {
            id: record.id,
            cron: Cron::parse(&record.cron)?,
            zone: Zone::named(&record.time_zone)?,
            start_ms: record.start_ms,
            end_ms: record.end_ms.unwrap_or(i64::MAX),
            floor_ms: record.resumed_at_ms.map_or(first, |ms| ms.max(first)),
            count: record.count.unwrap_or(u64::MAX),
            jitter_ms: record.jitter_ms,
            missed: record.missed,
        };
        match plan.occurrence_after(first) {
            Some(_) => Ok(plan),
            None => Err(InvalidSchedule::Empty),
        }
    }

    /// What comes next at `now_ms`.
    pub(crate) fn next(&self, progress: &Progress, now_ms: i64) -> Next {
        if progress.made >= self.count {
            return Next::Ended;
        }
        let mut until = progress.until_ms.max(self.floor_ms);
        if self.missed != Missed::All {
            let jitter = i64::try_from(self.jitter_ms).unwrap_or(i64::MAX);
            let missed = now_ms
                .saturating_sub(MISSED_AFTER_MS + 1)
                .saturating_sub(jitter);
            match self.last_between(until, missed) {
                Some(last) if self.missed == Missed::Once => return Next::Make(last),
                Some(last) => until = last,
                None => {}
            }
        }
        match self.occurrence_after(until) {
            None => Next::Ended,
            Some(occurrence) => match self.due_ms(occurrence) {
                due if due <= now_ms => Next::Make(occurrence),
                due => Next::Wait(due),
            },
        }
    }

    /// The first occurrence after a time.
    fn occurrence_after(&self, after_ms: i64) -> Option<i64> {
        let next = self.cron.next_after(after_ms, &self.zone, self.start_ms)?;
        (next <= self.end_ms).then_some(next)
    }

    /// The last occurrence after `from_ms` and up to `to_ms`. There may be millions: it is looked for by halves.
    fn last_between(&self, from_ms: i64, to_ms: i64) -> Option<i64> {
        let within = |after: i64| self.occurrence_after(after).filter(|next| *next <= to_ms);
        let mut last = within(from_ms)?;
        // None lies behind `none`.
        let mut none = to_ms;
        while last < none {
            let middle = last + (none - last) / 2;
            match within(middle) {
                Some(later) => last = later,
                None if middle == last => break,
                None => none = middle,
            }
        }
        Some(last)
    }

    /// When an occurrence is due: always the same for one occurrence.
    fn due_ms(&self, occurrence_ms: i64) -> i64 {
        let seed = self.id.get() ^ occurrence_ms.cast_unsigned();
        let jitter = SeededEntropy::new(seed).next_u64() % (self.jitter_ms + 1);
        occurrence_ms.saturating_add_unsigned(jitter)
    }
}
